//! What programs write to their TLS key log is in the trace, and opens its frames.

use api::run::{Outcome, Tier};
use api::trace::{Body, Event, HostInfo, LeftOut, Trace, VERSION};
use lan::Lan;
use libtest_mimic::Trial;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::in_modes;
use crate::setup::{EVERY, Mode, RUNTIME, limits, shared, spec};

pub(crate) fn trials() -> Vec<Trial> {
    [in_modes("secrets_open_the_frames", &EVERY, opened), in_modes("nonsense_is_no_secret", &EVERY, nonsense)]
        .into_iter()
        .flatten()
        .collect()
}

/// A request and its answer over TLS 1.3. Both ends write to the key log that `SSLKEYLOGFILE` names.
pub(crate) async fn greet(lan: &mut Lan) -> anyhow::Result<()> {
    let (server, client) = (lan.host("server")?, lan.host("client")?);
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (acceptor, connector) =
        (acceptor(&provider, &certificate, key)?, connector(&provider, &certificate)?);

    let address = SocketAddr::from((server.ipv4(), 4433));
    let listener = server.spawn(move || TcpListener::bind(address)).await??;
    let answering = server.spawn(move || async move {
        let (stream, _) = listener.accept().await?;
        let mut stream = acceptor.accept(stream).await?;
        let mut request = [0; 1024];
        let length = stream.read(&mut request).await?;
        anyhow::ensure!(request[..length].ends_with(b"\r\n\r\n"));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await?;
        stream.shutdown().await?;
        Ok(())
    });
    let asking = client.spawn(move || async move {
        let stream = TcpStream::connect(address).await?;
        let mut stream = connector.connect(ServerName::try_from("server.test")?, stream).await?;
        stream.write_all(b"GET /secret HTTP/1.1\r\nHost: server.test\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        anyhow::ensure!(answer.ends_with(b"hello"));
        Ok(())
    });
    asking.await??;
    answering.await?
}

type Provider = Arc<rustls::crypto::CryptoProvider>;

fn acceptor(
    provider: &Provider,
    certificate: &CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<TlsAcceptor> {
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.key_log = Arc::new(rustls::KeyLogFile::new());
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn connector(provider: &Provider, certificate: &CertificateDer<'static>) -> anyhow::Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone())?;
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.key_log = Arc::new(rustls::KeyLogFile::new());
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Lines that are no secrets, one that is far too long, then a secret in two pieces, `times` over.
pub(crate) fn write_nonsense(times: u32) -> anyhow::Result<()> {
    let path = std::env::var("SSLKEYLOGFILE")?;
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(b"# comment\nCLIENT_RANDOM 00 11\n\xff\xfe\n")?;
    file.write_all(&vec![b'A'; 300_000])?;
    for _ in 0..times {
        file.write_all(b"\nCLIENT_RANDOM ")?;
        file.write_all(format!("{} {}\n", "ab".repeat(32), "CD".repeat(48)).as_bytes())?;
    }
    Ok(())
}

fn run(mode: Mode, deed: &str, number: u32) -> (Vec<HostInfo>, Vec<Event>, LeftOut) {
    let spec = spec(deed, number, "");
    let runner = shared(mode);
    let run = async { runner::collect(runner.run(spec, limits()).await.unwrap()).await };
    let (hosts, events, outcome, left_out) = RUNTIME.block_on(run);
    assert_eq!(outcome, Outcome::Completed);
    (hosts, events, left_out)
}

fn secrets(events: &[Event]) -> Vec<&str> {
    let line = |event| match event {
        &Event { body: Body::Secret(ref secret), .. } => Some(secret.line.as_str()),
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

fn opened(mode: Mode) {
    let (hosts, events, left_out) = run(mode, "secrets", 0);
    let lines = secrets(&events);
    let labels: Vec<_> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        // Both ends have told, one is kept.
        assert_eq!(labels.iter().filter(|known| **known == label).count(), 1, "{label}: {labels:?}");
    }
    if mode.tier == Tier::Isolated {
        let trace = Trace {
            version: VERSION,
            id: String::new(),
            lab: "mischief".into(),
            params: serde_json::Value::Null,
            lines: Default::default(),
            seed: 1,
            tier: mode.tier,
            started_at_ms: 0,
            hosts,
            outcome: Outcome::Completed,
            left_out,
            events,
        };
        tshark_sees(&trace);
    }
}

/// Without a key file, `tshark` shows what was encrypted.
fn tshark_sees(trace: &Trace) {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("SKIPPED: tshark is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    lan::pcapng::write(trace, std::fs::File::create(&path).unwrap()).unwrap();
    let told = |filter: &str, field: &str| {
        let output = Command::new("tshark")
            .args(["-r", path.to_str().unwrap(), "-Y", filter, "-T", "fields", "-e", field])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(told("http.request", "http.request.uri"), "/secret");
    assert_eq!(told("http.response", "http.response.code"), "200");
    // Encrypted in TLS 1.3: EncryptedExtensions, Certificate, CertificateVerify and both Finished.
    let handshake = told("tls.handshake", "tls.handshake.type").replace([',', '\n'], " ");
    for kind in ["8", "11", "15", "20"] {
        assert!(handshake.split(' ').any(|known| known == kind), "{kind} in {handshake}");
    }
}

fn nonsense(mode: Mode) {
    let (_, events, left_out) = run(mode, "nonsense", 50);
    assert_eq!(secrets(&events), [format!("CLIENT_RANDOM {} {}", "ab".repeat(32), "cd".repeat(48))]);
    assert!(left_out.is_empty(), "{left_out:?}");
}
