//! The opened servers of `http3` and `quic-streams` before a QUIC stack nobody here wrote: aioquic.
//!
//! Without aioquic (`pip install aioquic`; `WIREBOOK_PYTHON` names another Python) these tests count as ignored.

use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use labs::Server;

use crate::Tests;

pub(crate) const TESTS: Tests = &[
    ("aioquic_speaks_http3_loopback", aioquic_speaks_http3_loopback),
    ("aioquic_hears_its_streams_and_datagrams_loopback", aioquic_hears_its_streams_and_datagrams_loopback),
];

fn python() -> String {
    std::env::var("WIREBOOK_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// True if these tests can run.
pub(crate) fn present() -> bool {
    let import = Command::new(python()).args(["-c", "import aioquic"]).stderr(Stdio::null()).status();
    import.is_ok_and(|status| status.success())
}

/// In the child: the lab's server as `wirebook open` has it, until it is killed. Says on its standard output
/// where it is, and logs to the same place.
pub(crate) fn serve(lab: &str) -> anyhow::Result<()> {
    let open = labs::find(lab).and_then(labs::Entry::open);
    let Some(Server::Udp(serve)) = open.map(|open| open.server) else {
        anyhow::bail!("{lab} opens no UDP port")
    };
    tracing_subscriber::fmt().with_writer(std::io::stdout).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        println!("{}", socket.local_addr()?);
        serve(socket).await
    })
}

/// A process that ends with its owner.
struct Opened(Child);

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the script says after its checks against the lab's server.
fn ask(lab: &str, what: &str) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let mut opened =
        Opened(child.args(["open", lab]).env_remove("RUST_LOG").stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(opened.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.next().unwrap();
    let mut root = String::new();
    for line in lines.by_ref().skip_while(|line| !line.starts_with("-----BEGIN")) {
        root += &line;
        root.push('\n');
        if line.starts_with("-----END") {
            break;
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/quic_peer.py");
    let file = std::env::temp_dir().join(format!("wirebook-{}-{what}.pem", std::process::id()));
    std::fs::write(&file, root).unwrap();
    let peer = Command::new(python()).args([script, what, &address]).arg(&file).output();
    std::fs::remove_file(&file).unwrap();
    let peer = peer.unwrap();
    let said = String::from_utf8_lossy(&peer.stdout).into_owned();
    assert!(peer.status.success(), "{said}{}", String::from_utf8_lossy(&peer.stderr));
    said
}

fn aioquic_speaks_http3_loopback() {
    let said = ask("http3", "http3");
    assert_eq!(said.lines().filter(|line| line.starts_with("stream ")).count(), 4, "{said}");
}

fn aioquic_hears_its_streams_and_datagrams_loopback() {
    let said = ask("quic-streams", "echo");
    assert!(said.contains("datagram came back: datagram"), "{said}");
}
