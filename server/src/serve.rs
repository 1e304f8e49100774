//! `wirebook serve`: config → state → router → listener, and an orderly end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use api::run::{Limits, Tier};
use book::Content;
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::assets::Assets;
use crate::config::{Config, Times};
use crate::live::Live;
use crate::pages::Pages;
use crate::peer::Peer;
use crate::recordings::Recordings;
use crate::router::Site;
use crate::runs::{Bounds, Engine, Runs};
use crate::site::Library;
use crate::sockets::{Origins, Sockets};
use crate::state::State;
use crate::store::{Caps, Store};
use crate::{dev, listener};

/// Limits of a reader's run; the wall clock is the lab's. With the house full (24 runs) and every run at its limits
/// the server holds about 1 GB of traces.
#[must_use]
pub fn limits() -> Limits {
    Limits { events: 40_000, frame_bytes: 8 << 20, ..Limits::default() }
}

/// Starts the runner's process: this program again, with the hidden subcommand.
///
/// # Errors
/// This program cannot be found, or the runner does not start.
pub async fn start_runner() -> anyhow::Result<runner::Runner> {
    let exe = std::env::current_exe().context("找不到自己的可执行文件")?;
    runner::Runner::start(exe, vec![OsString::from("runner")]).await.context("运行器无法启动")
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Something needed at the start is missing.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    allow_many_files();
    let stop = CancellationToken::new();
    let times = Times::default();
    let addr = config.listen_on()?;
    let listener = TcpListener::bind(addr).await.with_context(|| {
        format!("无法监听 {addr}：地址可能已被占用，可用 --addr 换一个，例如 --addr 127.0.0.1:3001")
    })?;
    let addr = listener.local_addr()?;
    let engine: Arc<dyn Engine> = Arc::new(start_runner().await?);
    let state = state(&config, engine, times, &stop).await?;
    announce(addr, &state);
    let recording = (!config.no_recordings).then(|| tokio::spawn(record(state.clone())));

    let serving = tokio::spawn(listener::serve(
        listener,
        Site::new(state.clone(), times.request),
        config.max_connections,
        times,
        stop.clone(),
    ));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("shutting down");
    stop.cancel();
    let end = async {
        state.runs.shutdown().await;
        state.sockets.closed().await;
        let _ = serving.await;
        state.store.close().await;
    };
    if tokio::time::timeout(times.shutdown, end).await.is_err() {
        tracing::warn!("the end was not orderly: something took longer than {:?}", times.shutdown);
    }
    if let Some(recording) = recording {
        recording.abort();
    }
    Ok(())
}

/// Everything behind the router.
///
/// # Errors
/// The data folder, the book or the site folder cannot be read.
pub async fn state(
    config: &Config,
    engine: Arc<dyn Engine>,
    times: Times,
    stop: &CancellationToken,
) -> anyhow::Result<State> {
    let caps = Caps { traces: config.traces, bytes: u64::from(config.traces_mib) << 20 };
    let store = Store::open(&config.data_dir()?, caps).await?;
    let bounds = Bounds {
        running: config.max_runs,
        queued: config.queue,
        per_reader: config.runs_per_reader,
        per_address: config.runs_per_address,
    };
    let runs = Runs::new(engine, store.clone(), bounds, limits(), times);
    let recordings = Recordings::default();

    let content = config.content.clone().map_or_else(Content::default, Content::Folder);
    let folder = match &content {
        Content::Folder(folder) => Some(folder.clone()),
        _ => None,
    };
    let development = folder.is_some();
    let watched_by_leptos = std::env::var_os("LEPTOS_WATCH").is_some();
    let origin = config.public_url.as_deref().map(|url| Arc::from(url.trim_end_matches('/')));
    let (recordings_too, tier) = (recordings.clone(), runs.tier());
    let library = tokio::task::spawn_blocking(move || {
        Library::open(content, recordings_too, tier, development, origin)
    })
    .await?
    .context("无法读取书稿")?;

    let options = leptos_options()?;
    let root = PathBuf::from(&*options.site_root);
    let hashed = options.hash_files;
    let assets = if watched_by_leptos {
        Assets::Folder(root)
    } else {
        tokio::task::spawn_blocking(move || Assets::load(&root, hashed)).await??
    };
    if !watched_by_leptos && assets.is_empty() {
        tracing::warn!(
            "{} 里没有样式和脚本：请用 make serve 构建，或用 LEPTOS_SITE_ROOT 指出目录",
            &*options.site_root
        );
    }
    let connect = if watched_by_leptos {
        format!(" ws://127.0.0.1:{0} ws://localhost:{0}", options.reload_port)
    } else {
        String::new()
    };
    let reloads = match folder {
        Some(folder) if folder.is_dir() => Some(dev::watch(&folder, library.clone(), stop.clone())?),
        _ => None,
    };
    let pages = Pages::new(library.clone(), options, connect, reloads.is_some());
    let origins = Origins::new(&config.origins);
    let sockets = Sockets::new(origins, config.max_connections, stop.clone());
    let live = Live::new(runs.clone(), store.clone(), sockets.clone(), times);
    let peer = Peer::new(sockets.clone(), times);
    Ok(State {
        library,
        pages,
        assets: Arc::new(assets),
        sockets,
        live,
        peer,
        runs,
        store,
        recordings,
        reloads,
    })
}

/// From the environment, as `cargo leptos` sets it; beside the binary otherwise.
fn leptos_options() -> anyhow::Result<LeptosOptions> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let exe = std::env::current_exe()?;
    let beside = exe.parent().unwrap_or(Path::new("."));
    let site_root = set("LEPTOS_SITE_ROOT").map_or_else(|| beside.join("site"), PathBuf::from);
    // A folder made with hashed names has a list of them beside the binary.
    let hash_files = match set("LEPTOS_HASH_FILES") {
        Some(value) => value == "true",
        None => beside.join("hash.txt").is_file(),
    };
    let names = beside.join("hash.txt");
    anyhow::ensure!(
        !hash_files || names.is_file(),
        "找不到 {}：它由 cargo-leptos 写在程序旁边，要和程序放在一起；没有它，就不知道页面的文件叫什么",
        names.display()
    );
    let reload_port = set("LEPTOS_RELOAD_PORT").and_then(|port| port.parse().ok()).unwrap_or(3001);
    Ok(LeptosOptions::builder()
        .output_name(set("LEPTOS_OUTPUT_NAME").unwrap_or_else(|| "wirebook".into()))
        .site_root(site_root.to_string_lossy().into_owned())
        .site_pkg_dir(set("LEPTOS_SITE_PKG_DIR").unwrap_or_else(|| "pkg".into()))
        .reload_port(reload_port)
        .hash_files(hash_files)
        .build())
}

/// Every reader is a descriptor; many systems permit 1,024 unless asked. What the system refuses is no failure.
fn allow_many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

#[expect(clippy::print_stdout, reason = "the one line the operator waits for")]
fn announce(addr: std::net::SocketAddr, state: &State) {
    let report = state.runs.tier();
    let tier = match report.tier {
        Tier::Isolated => "隔离（每台主机一个网络命名空间）".to_owned(),
        Tier::Loopback => format!("环回（{}；{}）", report.reason, report.cure),
    };
    println!("线上 http://{addr} · 网络层级：{tier}");
}

/// Makes the recordings that are missing, one after the other; then renders every page once, so that no reader
/// waits for it.
async fn record(state: State) {
    let missing = state.recordings.load(&state.store, state.runs.tier().tier).await;
    state.library.renew();
    for lab in missing {
        match state.recordings.make(lab, &state.runs, &state.store).await {
            Ok(()) => state.library.renew(),
            Err(error) => tracing::warn!(lab = lab.info.slug, "no recording: {error:#}"),
        }
    }
    for path in state.library.now().paths() {
        if let Err(error) = state.pages.get(&path).await {
            tracing::error!(?error, path, "a page cannot be rendered");
        }
    }
}
