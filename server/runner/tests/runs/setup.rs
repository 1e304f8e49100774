//! Runners in every tier and as every kind of user.

use api::run::{Limits, Outcome, RunSpec, Tier};
use api::trace::{Body, Lifecycle};
use runner::{Run, Runner};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;

use crate::processes::{children, eventually};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) tier: Tier,
    pub(crate) user: User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Own,
    /// User and group 65534 without any privilege; only root can test that.
    Nobody,
    /// Root where user namespaces are forbidden; only root can test that.
    LockedRoot,
    /// Nobody where user namespaces are forbidden; only root can test that.
    LockedNobody,
}

pub(crate) const ISOLATED: Mode = Mode { tier: Tier::Isolated, user: User::Own };
pub(crate) const ISOLATED_NOBODY: Mode = Mode { tier: Tier::Isolated, user: User::Nobody };
pub(crate) const LOOPBACK: Mode = Mode { tier: Tier::Loopback, user: User::Own };
pub(crate) const LOOPBACK_NOBODY: Mode = Mode { tier: Tier::Loopback, user: User::Nobody };
pub(crate) const LOCKED_ROOT: Mode = Mode { tier: Tier::Isolated, user: User::LockedRoot };
pub(crate) const LOCKED_NOBODY: Mode = Mode { tier: Tier::Loopback, user: User::LockedNobody };
pub(crate) const ALL: [Mode; 4] = [ISOLATED, ISOLATED_NOBODY, LOOPBACK, LOOPBACK_NOBODY];
/// With the rarer ways of arriving at a tier.
pub(crate) const EVERY: [Mode; 6] =
    [ISOLATED, ISOLATED_NOBODY, LOOPBACK, LOOPBACK_NOBODY, LOCKED_ROOT, LOCKED_NOBODY];

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tier = match self.tier {
            Tier::Isolated => "isolated",
            Tier::Loopback => "loopback",
        };
        let user = match self.user {
            User::Own => "own_user",
            User::Nobody => "nobody",
            User::LockedRoot => "locked_root",
            User::LockedNobody => "locked_nobody",
        };
        write!(f, "{tier}_{user}")
    }
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Where all tests' async code runs.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

static SHARED: Mutex<Vec<(Mode, Runner)>> = Mutex::new(Vec::new());

/// This program in a folder that every user may enter; a home folder often is closed to others.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let own = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap().keep();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let path = folder.join("runs");
    // A second name costs nothing, but does not reach other file systems.
    if std::fs::hard_link(&own, &path).is_err() {
        std::fs::copy(&own, &path).unwrap();
    }
    path
});

/// To be called when no test runs any more.
pub(crate) fn remove_program() {
    if let Some(program) = LazyLock::get(&PROGRAM) {
        std::fs::remove_dir_all(program.parent().unwrap()).unwrap();
    }
}

/// The runner of a mode that all tests of the first round share.
pub(crate) fn shared(mode: Mode) -> Runner {
    let mut shared = SHARED.lock().unwrap();
    if let Some((_, runner)) = shared.iter().find(|(known, _)| *known == mode) {
        return runner.clone();
    }
    let runner = RUNTIME.block_on(start(mode));
    shared.push((mode, runner.clone()));
    runner
}

pub(crate) fn end_shared() {
    SHARED.lock().unwrap().clear();
    eventually("the shared runners leave", Duration::from_secs(3), || {
        children(std::process::id()).is_empty()
    });
}

/// A runner of one's own, which knows the lab `mischief`.
pub(crate) async fn start(mode: Mode) -> Runner {
    start_serving(mode, "be-runner").await
}

/// A runner that knows the labs of the book.
pub(crate) async fn start_with_book(mode: Mode) -> Runner {
    start_serving(mode, "be-book-runner").await
}

async fn start_serving(mode: Mode, what: &str) -> Runner {
    let own = PROGRAM.to_str().unwrap();
    let nobody = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let mut words = match mode.user {
        User::Own => vec![],
        User::Nobody => nobody.to_vec(),
        User::LockedRoot => vec![own, "be-locked"],
        User::LockedNobody => [&[own, "be-locked"][..], &nobody[..]].concat(),
    };
    if mode.tier == Tier::Loopback && mode.user != User::LockedNobody {
        words.extend(["/usr/bin/env", "WIREBOOK_TIER=loopback"]);
    }
    words.extend([own, what]);
    let exe = PathBuf::from(words.remove(0));
    let words = words.into_iter().map(OsString::from).collect();
    let runner = Runner::start(exe, words).await.unwrap();
    assert_eq!(runner.tier().tier, mode.tier, "{:?}", runner.tier());
    runner
}

pub(crate) fn spec(deed: &str, number: u32, text: &str) -> RunSpec {
    RunSpec {
        lab: "mischief".into(),
        params: json!({ "deed": deed, "number": number, "text": text }),
        lines: BTreeMap::new(),
        seed: 1,
        congestion: api::run::Congestion::default(),
    }
}

/// Generous: only tests of the wall clock should meet it.
pub(crate) fn limits() -> Limits {
    Limits { wall_ms: 20_000, ..Limits::default() }
}

pub(crate) async fn run(runner: &Runner, deed: &str, number: u32, limits: Limits) -> Run {
    runner.run(spec(deed, number, ""), limits).await.unwrap()
}

/// Runs `deed` to its end and returns what it measured, by label.
pub(crate) fn measure(mode: Mode, deed: &str, text: &str) -> BTreeMap<String, f64> {
    let runner = shared(mode);
    let spec = spec(deed, 0, text);
    let (_, events, outcome, _) =
        RUNTIME.block_on(async { runner::collect(runner.run(spec, limits()).await.unwrap()).await });
    assert_eq!(outcome, Outcome::Completed);
    let measured = events.into_iter().filter_map(|event| match event.body {
        Body::Lifecycle(Lifecycle::Measured { label, value, .. }) => Some((label, value)),
        _ => None,
    });
    measured.collect()
}
