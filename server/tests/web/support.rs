//! A server on a port of its own, a client that speaks `/live`, and puppets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::live::{ClientMessage, ServerMessage};
use api::run::{FromRun, Limits, Outcome, RunSpec, Tier, TierReport, ToRun};
use api::trace::{Body, Code, Event, HostInfo, LeftOut, Level};
use clap::Parser;
use futures::future::BoxFuture;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use server::config::{Config, Times};
use server::runs::{Control, Engine, Process, StartError};
use server::state::State;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

/// Nothing in these tests takes longer on a working server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Awaits with a limit, so that a hanging test says where it hangs.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("no {what} within {PATIENCE:?}"),
    }
}

/// A run process that does what the test says.
pub(crate) struct Puppet {
    pub(crate) spec: RunSpec,
    pub(crate) reports: mpsc::Sender<FromRun>,
    pub(crate) commands: mpsc::Receiver<ToRun>,
}

impl Puppet {
    pub(crate) async fn host(&self, name: &str) {
        let info = HostInfo { name: name.into(), interfaces: Vec::new() };
        self.reports.send(FromRun::Host { info }).await.unwrap();
    }

    /// Events `from..to`, each with a message of `bytes` bytes.
    pub(crate) async fn events(&self, from: u32, to: u32, bytes: usize) {
        let events = (from..to).map(|seq| event(seq, bytes)).collect();
        self.reports.send(FromRun::Events { events }).await.unwrap();
    }

    pub(crate) async fn finish(self) {
        let (outcome, left_out) = (Outcome::Completed, LeftOut::default());
        self.reports.send(FromRun::Finished { outcome, left_out }).await.unwrap();
    }
}

pub(crate) fn event(seq: u32, bytes: usize) -> Event {
    let code = Code {
        host: None,
        level: Level::Info,
        target: "labs::test".into(),
        file: None,
        line: None,
        message: "m".repeat(bytes),
        fields: Vec::new(),
        own: true,
    };
    Event { seq, time: u64::from(seq) * 1000, body: Body::Code(code) }
}

/// Hands every started process to the test as a puppet.
pub(crate) struct Puppets {
    tier: Tier,
    started: mpsc::Sender<Puppet>,
}

struct PuppetProcess {
    reports: mpsc::Receiver<FromRun>,
    commands: mpsc::Sender<ToRun>,
}

struct PuppetControl(mpsc::Sender<ToRun>);

impl Engine for Puppets {
    fn tier(&self) -> TierReport {
        TierReport { tier: self.tier, reason: String::new(), cure: String::new() }
    }

    fn start(&self, spec: RunSpec, _: Limits) -> BoxFuture<'_, Result<Box<dyn Process>, StartError>> {
        async move {
            let (reports, from) = mpsc::channel(16);
            let (to, commands) = mpsc::channel(16);
            self.started
                .send(Puppet { spec, reports, commands })
                .await
                .map_err(|_| StartError("测试结束".into()))?;
            Ok(Box::new(PuppetProcess { reports: from, commands: to }) as Box<dyn Process>)
        }
        .boxed()
    }
}

impl Process for PuppetProcess {
    fn next(&mut self) -> BoxFuture<'_, Option<FromRun>> {
        self.reports.recv().boxed()
    }

    fn control(&self) -> Arc<dyn Control> {
        Arc::new(PuppetControl(self.commands.clone()))
    }
}

impl Control for PuppetControl {
    fn send(&self, message: ToRun) -> BoxFuture<'_, Result<(), String>> {
        async move { self.0.send(message).await.map_err(|_| "over".to_owned()) }.boxed()
    }
}

/// A server with puppets.
pub(crate) struct Stage {
    pub(crate) addr: SocketAddr,
    pub(crate) state: State,
    pub(crate) stop: CancellationToken,
    pub(crate) folder: tempfile::TempDir,
    started: Mutex<mpsc::Receiver<Puppet>>,
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(&[], Times::default(), Tier::Isolated).await
    }

    pub(crate) async fn with(flags: &[&str], times: Times, tier: Tier) -> Self {
        let (started, puppets) = mpsc::channel(16);
        let engine = Arc::new(Puppets { tier, started });
        Self::start(flags, times, engine, puppets).await
    }

    /// With real processes.
    pub(crate) async fn real(flags: &[&str]) -> Self {
        let exe = env!("CARGO_BIN_EXE_wirebook").into();
        let runner = runner::Runner::start(exe, vec!["runner".into()]).await.unwrap();
        Self::start(flags, Times::default(), Arc::new(runner), mpsc::channel(1).1).await
    }

    async fn start(
        flags: &[&str],
        times: Times,
        engine: Arc<dyn Engine>,
        started: mpsc::Receiver<Puppet>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_book(folder.path());
        let mut config = Flags::parse_from([&["wirebook"], flags].concat()).config;
        config.data = Some(folder.path().join("data"));
        config.content = Some(folder.path().join("content"));
        let stop = CancellationToken::new();
        let state = server::serve::state(&config, engine, times, &stop).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = server::router::Site::new(state.clone(), times.request);
        tokio::spawn(server::listener::serve(listener, router, config.max_connections, times, stop.clone()));
        Self { addr, state, stop, folder, started: Mutex::new(started) }
    }

    /// The next process that was started.
    pub(crate) async fn puppet(&self) -> Puppet {
        soon("started process", async { self.started.lock().await.recv().await.unwrap() }).await
    }

    pub(crate) async fn connect(&self) -> Client {
        let origin = format!("http://{}", self.addr);
        let mut client = self.connect_from(Some(&origin)).await.unwrap();
        assert!(matches!(client.next().await, ServerMessage::Hello { .. }));
        client
    }

    /// The answer's status if it is no upgrade.
    pub(crate) async fn connect_from(&self, origin: Option<&str>) -> Result<Client, u16> {
        self.open("/live", origin).await
    }

    /// A socket on any path.
    pub(crate) async fn open(&self, path: &str, origin: Option<&str>) -> Result<Client, u16> {
        use tokio_tungstenite::tungstenite::Error;
        let mut request = format!("ws://{}{path}", self.addr).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match soon("handshake", tokio_tungstenite::connect_async(request)).await {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Status, headers and body of a plain GET.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> http::Response<bytes::Bytes> {
        self.request(http::Method::GET, path, headers, "").await
    }

    /// The same of a POST.
    pub(crate) async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> http::Response<bytes::Bytes> {
        self.request(http::Method::POST, path, &[("content-type", content_type)], body).await
    }

    pub(crate) async fn request(
        &self,
        method: http::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> http::Response<bytes::Bytes> {
        use http_body_util::BodyExt as _;
        use tower::ServiceExt as _;
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let router = server::router::Site::new(self.state.clone(), Duration::from_secs(30));
        let response =
            router.oneshot(request.body(axum::body::Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        http::Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn write_book(folder: &std::path::Path) {
    let guide = folder.join("content/guide");
    std::fs::create_dir_all(&guide).unwrap();
    let outline = "[guide]\ntitle = \"指南\"\nsummary = \"从头学起。\"\n[reference]\ntitle = \"参考\"\nsummary = \"随时查阅。\"\n";
    std::fs::write(folder.join("content/book.toml"), outline).unwrap();
    let chapter =
        "+++\ntitle = \"测试章\"\nnumber = \"1\"\nsummary = \"一章。\"\n+++\n\n# 开头\n\n第一版正文。\n";
    std::fs::write(guide.join("1-first.md"), chapter).unwrap();
}

/// One live socket.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.text(&serde_json::to_string(message).unwrap()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message; pings are answered on the way.
    pub(crate) async fn next(&mut self) -> ServerMessage {
        self.json().await
    }

    /// The next message of any socket that speaks JSON.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(&mut self) -> T {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// The next frame that is no ping; `None` at the end of the stream.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        loop {
            match soon("frame", self.socket.next()).await {
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(frame)) => return Some(frame),
                Some(Err(error)) => panic!("{error}"),
                None => return None,
            }
        }
    }

    /// Reads on until the server closes; its code.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Some(Message::Close(Some(frame))) => return frame.code.into(),
                Some(Message::Text(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }

    /// Starts the lab with defaults and returns the run's id once it is up.
    pub(crate) async fn start(&mut self, lab: &str) -> String {
        self.send(&start(1, lab)).await;
        loop {
            match self.next().await {
                ServerMessage::Queued { .. } => {}
                ServerMessage::Started { run, .. } => return run,
                other => panic!("expected started, got {other:?}"),
            }
        }
    }

    /// The next error: its field and its sentence.
    pub(crate) async fn error(&mut self) -> (String, String) {
        match self.next().await {
            ServerMessage::Error { field, message, .. } => (field, message),
            other => panic!("expected an error, got {other:?}"),
        }
    }

    /// `seq` of all events until the run has finished, and its last message.
    pub(crate) async fn until_finished(&mut self) -> (Vec<u32>, ServerMessage) {
        let mut seqs = Vec::new();
        loop {
            match self.next().await {
                ServerMessage::Events { events, .. } => seqs.extend(events.iter().map(|event| event.seq)),
                ServerMessage::Host { .. } | ServerMessage::Started { .. } => {}
                last @ ServerMessage::Finished { .. } => return (seqs, last),
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

pub(crate) fn start(request: u32, lab: &str) -> ClientMessage {
    ClientMessage::Start {
        request,
        lab: lab.into(),
        params: serde_json::Value::Null,
        lines: None,
        seed: Some(7),
        congestion: api::run::Congestion::default(),
    }
}
