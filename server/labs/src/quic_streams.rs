//! QUIC：一个往返的握手、许多条流、数据报、换地址、0-RTT，以及丢包时谁跟着等。（指南 7.3）

mod race;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use futures::FutureExt as _;
use futures::future::{join_all, try_join_all};
use garde::Validate;
use lan::{Host, Lan};
use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    Connection, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, TokioRuntime, TransportConfig,
    VarInt, ZeroRttAccepted,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::TLS13;
use rustls::{ClientConfig, KeyLogFile, RootCertStore, ServerConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::neighbours::meet;
use crate::{Lab, Open, Server};

/// 服务器的名字：客户端按它核对证书，与实际连到哪个 IP 地址无关。
pub(crate) const NAME: &str = "server.lan";

const PORT: u16 = 4433;
/// 两幕之间等到线路安静，前一幕的尾巴就不会拖进后一幕。
const QUIET: Duration = Duration::from_millis(60);
/// ALPN：双方在握手里说定，这条连接上讲的是“回显”。
const PROTOCOL: &[u8] = b"echo";

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QuicStreams {
    /// 同时打开几条流
    /// 同一条连接上的双向流，各走各的。
    #[garde(range(min = 1, max = 8))]
    streams: u32,
    /// 每条流的字节数
    /// 服务器原样发回。
    #[garde(range(min = 1, max = 20_000))]
    bytes: u32,
    /// 中途换地址
    /// 流写到一半，客户端换到自己的另一个 IP 地址和端口。
    #[garde(skip)]
    migrate: bool,
    /// 第二次连接，0-RTT 里带什么
    /// 查询重复一次没有害处；付款不行，服务器要等握手完成才办。
    #[garde(skip)]
    early: Early,
    /// 服务器忘了票据
    /// 两次连接之间服务器像重启过一样：旧票据它不认识了，0-RTT 会被拒绝。
    #[garde(skip)]
    forget: bool,
    /// 队头阻塞：消息条数
    /// 在会丢包的线路上，同一串消息走 4 条 QUIC 流，再走一条 TCP 连接；0 表示不比。
    #[garde(range(min = 0, max = 120))]
    messages: u32,
}

/// 0-RTT 里的请求。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Early {
    /// 查询余额
    Query,
    /// 付款
    Payment,
}

impl Default for QuicStreams {
    fn default() -> Self {
        Self { streams: 3, bytes: 2_000, migrate: true, early: Early::Query, forget: false, messages: 60 }
    }
}

impl Lab for QuicStreams {
    const SLUG: &'static str = "quic-streams";
    const TITLE: &'static str = "QUIC：一条连接，许多条流";
    const SUMMARY: &'static str =
        "握手一个往返；流与流互不阻挡；换了地址连接还在；第二次连接，请求跟着第一个包就到。";
    const HOSTS: &'static [&'static str] = &["server", "client", "lossy"];
    const OPEN: Option<Open> = Some(Open {
        url: "quic://{}",
        server: Server::Udp(|socket| {
            Box::pin(async {
                let identity = Identity::issue()?;
                info!("客户端要信任的根证书：\n{}", identity.root_pem());
                let config = Some(identity.quic_server(PROTOCOL)?);
                let runtime = Arc::new(TokioRuntime);
                serve(Endpoint::new(EndpointConfig::default(), config, socket, runtime)?).await;
                Ok(())
            })
        }),
    });

    fn lines() -> BTreeMap<String, Line> {
        let clean = Impairments { delay_ms: 15.0, ..Impairments::default() };
        let lossy = Impairments { loss_percent: 5.0, ..clean.clone() };
        BTreeMap::from([("client".into(), Line::both(clean)), ("lossy".into(), Line::both(lossy))])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host_with_two_addresses("client")?;
        let lossy = lan.host("lossy")?;
        let identity = Identity::issue()?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let config = identity.quic_server(PROTOCOL)?;
        let serving = server.spawn(move || async move { Endpoint::server(config, address) }).await??;
        let accepting = serving.clone();
        drop(server.spawn(move || serve(accepting)));

        lan.section("先认识：ARP");
        at(&client, async move { Ok(meet(address.ip()).await?) }).await?;

        lan.section("握手");
        let (config, from) = (identity.quic_client(PROTOCOL)?, client.ipv4());
        let (endpoint, connection, time) = at(&client, async move {
            let endpoint = open_client(config, from)?;
            let started = Instant::now();
            let connection = connect(&endpoint, address).await?;
            Ok((endpoint, connection, started.elapsed()))
        })
        .await?;
        lan.measured(Some(&client), "握手", milliseconds(time), "ms");
        let (asking, started) = (connection.clone(), Instant::now());
        at(&client, async move { ask(&asking, b"balance?").await }).await?;
        lan.measured(Some(&client), "握手加第一次问答", milliseconds(time + started.elapsed()), "ms");

        lan.section("几条流一起走");
        let (streams, payload) = (self.streams, vec![b'.'; self.bytes as usize]);
        let talking = connection.clone();
        let time = at(&client, async move { in_parallel(&talking, streams, &payload).await }).await?;
        lan.measured(Some(&client), "所有流都回来", milliseconds(time), "ms");

        lan.section("数据报");
        let talking = connection.clone();
        let (back, largest) = at(&client, async move { datagrams(&talking, 3).await }).await?;
        lan.measured(Some(&client), "回来的数据报", back as f64, "个");
        lan.measured(Some(&client), "一个数据报最多", largest as f64, "B");

        if self.migrate {
            lan.section("换地址");
            let second = client.second_ipv4().context("客户端没有第二个地址")?;
            let (moving, talking) = (endpoint.clone(), connection.clone());
            let echoed = at(&client, async move { migrate(&moving, &talking, second).await }).await?;
            lan.measured(Some(&client), "换地址前后一条流收回", echoed as f64, "B");
        }
        at(&client, async move { part(&connection).await }).await?;
        lan.settle(QUIET, Duration::from_secs(1)).await;

        lan.section("0-RTT");
        if self.forget {
            let config = identity.quic_server(PROTOCOL)?;
            server.spawn(move || async move { serving.set_server_config(Some(config)) }).await?;
        }
        let request: &'static [u8] = match self.early {
            Early::Query => b"balance?",
            Early::Payment => b"PAY 100",
        };
        let (accepted, time) = at(&client, async move { again(&endpoint, address, request).await }).await?;
        lan.measured(Some(&client), "0-RTT 被接受", f64::from(u8::from(accepted)), "");
        lan.measured(Some(&client), "第二次连接到第一个回答", milliseconds(time), "ms");

        if self.messages > 0 {
            race::compare(&lan, &server, &lossy, &identity, self.messages).await?;
        }
        lan.settle(2 * QUIET, Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 在一台主机上做完一件事；线路再差也只等这么久。
async fn at<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let done = host.spawn(move || timeout(Duration::from_secs(15), work)).await?;
    done.context("等了 15 秒也没有结果：线路太差了")?
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

// ANCHOR: server
/// 每条连接一个任务，每条流又一个任务；集合管着它们。
async fn serve(endpoint: Endpoint) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => {
                    connections.spawn(async move {
                        let peer = incoming.remote_address();
                        if let Err(error) = welcome(incoming).await {
                            warn!("{peer} 的连接中断：{error:#}");
                        }
                    });
                }
                None => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// 一条连接：流和数据报各有各的入口，都等着。
async fn welcome(incoming: Incoming) -> anyhow::Result<()> {
    // into_0rtt：握手还没完成，也先开始收。对服务器来说它不会失败。
    let Ok((connection, established)) = incoming.accept()?.into_0rtt() else { return Ok(()) };
    let established = established.shared();
    let mut streams = JoinSet::new();
    let mut peers = BTreeSet::new();
    let reason = loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((send, recv)) => {
                    peers.insert(connection.remote_address());
                    streams.spawn(answer(send, recv, established.clone()));
                }
                Err(reason) => break reason,
            },
            note = connection.accept_uni() => match note {
                Ok(recv) => {
                    streams.spawn(listen(recv));
                }
                Err(reason) => break reason,
            },
            datagram = connection.read_datagram() => match datagram {
                Ok(datagram) => connection.send_datagram(datagram)?, // 原样发回，丢了就丢了
                Err(reason) => break reason,
            },
            Some(answered) = streams.join_next() => {
                if let Err(error) = answered? {
                    warn!("一条流没有答完：{error:#}");
                }
            }
        }
    };
    info!("连接结束（{reason}）；客户端用过 {} 个地址", peers.len());
    Ok(())
}
// ANCHOR_END: server

type Established = futures::future::Shared<ZeroRttAccepted>;

// ANCHOR: answer
/// 收到什么就发回什么。付款例外：0-RTT 里来的，先不办。
async fn answer(mut send: SendStream, mut recv: RecvStream, established: Established) -> anyhow::Result<()> {
    let early = recv.is_0rtt();
    let request = recv.read_to_end(64 << 10).await?; // 上限由我们定，不由对方定
    info!("流 {}：{} 字节{}", recv.id(), request.len(), if early { "，来自 0-RTT" } else { "" });
    if early && request.starts_with(b"PAY ") {
        // 录下第一个包的人可以把它再放一遍，却演不完握手。等到握手完成，就知道对面是真人。
        info!("付款不能重放：等握手完成再办");
        established.await;
    }
    send.write_all(&request).await?;
    send.finish()?;
    Ok(())
}

/// 单向流只有来的方向，没有地方可以回答。
async fn listen(mut recv: RecvStream) -> anyhow::Result<()> {
    let note = recv.read_to_end(1024).await?;
    info!("单向流 {}：{}", recv.id(), String::from_utf8_lossy(&note));
    Ok(())
}
// ANCHOR_END: answer

// ANCHOR: connect
/// 一个 UDP 套接字就是一个端点，可以同时有许多条连接。
fn open_client(config: quinn::ClientConfig, from: Ipv4Addr) -> anyhow::Result<Endpoint> {
    let mut endpoint = Endpoint::client((from, 0).into())?;
    endpoint.set_default_client_config(config);
    Ok(endpoint)
}

/// 等握手完成：证书已经按名字核对过，密钥已经就位。
async fn connect(endpoint: &Endpoint, server: SocketAddr) -> anyhow::Result<Connection> {
    let connection = endpoint.connect(server, NAME)?.await?;
    info!("{} → {server}：握手完成", endpoint.local_addr()?);
    Ok(connection)
}

/// 开一条流，问一句，等回答。开流不花往返：第一个字节到了，对方才知道有这条流。
async fn ask(connection: &Connection, request: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (mut send, mut recv) = connection.open_bi().await?;
    send.write_all(request).await?;
    send.finish()?; // 写的方向到此为止，相当于 TCP 的 FIN，但只关这一条流
    Ok(recv.read_to_end(64 << 10).await?)
}
// ANCHOR_END: connect

// ANCHOR: streams
/// 几条双向流同时进行，再加一条单向流。
async fn in_parallel(connection: &Connection, streams: u32, payload: &[u8]) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let replies = try_join_all((0..streams).map(|_| ask(connection, payload))).await?;
    let time = started.elapsed();
    info!("{} 条流都回来了，共 {} 字节", replies.len(), replies.iter().map(Vec::len).sum::<usize>());

    let mut note = connection.open_uni().await?; // 只有去，没有回
    note.write_all("不必回答".as_bytes()).await?;
    note.finish()?;
    Ok(time)
}

/// 数据报（RFC 9221）：加密、受拥塞控制，但不重传、不排序。
async fn datagrams(connection: &Connection, count: usize) -> anyhow::Result<(usize, usize)> {
    let largest = connection.max_datagram_size().context("对方不收数据报")?;
    for number in 0..count {
        connection.send_datagram(format!("第 {number} 个数据报").into())?;
    }
    let receive = || timeout(Duration::from_secs(1), connection.read_datagram());
    let received = join_all((0..count).map(|_| receive())).await;
    Ok((received.iter().flatten().flatten().count(), largest))
}
// ANCHOR_END: streams

// ANCHOR: migrate
/// 一条流写到一半，换到另一个地址上接着写。
async fn migrate(endpoint: &Endpoint, connection: &Connection, to: Ipv4Addr) -> anyhow::Result<usize> {
    let (mut send, mut recv) = connection.open_bi().await?;
    send.write_all("换地址之前，".as_bytes()).await?;

    let old = endpoint.local_addr()?;
    endpoint.rebind(UdpSocket::bind((to, 0))?)?; // 新的地址、新的端口，同样的连接
    info!("客户端从 {old} 搬到了 {}", endpoint.local_addr()?);

    send.write_all("换地址之后。".as_bytes()).await?;
    send.finish()?;
    let echoed = recv.read_to_end(1024).await?;
    info!("流没有断：{}", String::from_utf8_lossy(&echoed));
    Ok(echoed.len())
}
// ANCHOR_END: migrate

/// 告别：应用自己的错误码和理由，加密后送给对方。
async fn part(connection: &Connection) -> anyhow::Result<()> {
    connection.close(0u32.into(), "说完了".as_bytes());
    connection.closed().await;
    Ok(())
}

// ANCHOR: zero-rtt
/// 手里有上次连接留下的票据：请求跟着第一个包就走。返回服务器是否接受，以及等到回答用了多久。
async fn again(endpoint: &Endpoint, server: SocketAddr, request: &[u8]) -> anyhow::Result<(bool, Duration)> {
    let started = Instant::now();
    let (connection, accepted) = match endpoint.connect(server, NAME)?.into_0rtt() {
        Ok((connection, accepted)) => (connection, accepted),
        Err(connecting) => {
            warn!("没有可用的票据，只好先握手");
            let connection = connecting.await?;
            ask(&connection, request).await?;
            return Ok((false, started.elapsed()));
        }
    };
    let early = ask(&connection, request).await;
    let accepted = accepted.await;
    match early {
        Ok(_) => info!("0-RTT 被接受，回答已经到了"),
        // 被拒绝的 0-RTT 等于没有发过：握手照常完成，请求要自己再发一遍。
        Err(error) if !accepted => {
            info!("0-RTT 被拒绝（{error:#}），握手之后再发一遍");
            ask(&connection, request).await?;
        }
        Err(error) => return Err(error),
    }
    let time = started.elapsed();
    part(&connection).await?;
    Ok((accepted, time))
}
// ANCHOR_END: zero-rtt

/// 服务器的身份：证书链和私钥，以及应当交给客户端的根证书。
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    root: CertificateDer<'static>,
    root_pem: String,
}

impl Identity {
    // ANCHOR: issue
    /// 先生成一个根，再由它签发服务器的证书。两对密钥都只活在内存里。
    pub(crate) fn issue() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Wirebook Lab Root");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

        // 证书说的是“谁可以自称这些名字”：域名和 IP 地址都写在 subjectAltName 里。
        let mut params = CertificateParams::new([NAME, "localhost", "127.0.0.1"].map(String::from))?;
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &root)?;

        Ok(Self {
            chain: vec![leaf.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            root: root.der().clone(),
            root_pem: root.pem(),
        })
    }
    // ANCHOR_END: issue

    /// 根证书的 PEM 文本，给局域网之外的客户端用。
    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    // ANCHOR: tls
    /// 服务器一侧的 TLS：出示证书，并用 ALPN 说明这个端口上讲什么协议。
    pub(crate) fn server_tls(&self, protocol: &[u8]) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])? // QUIC 只认 TLS 1.3
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![protocol.to_vec()];
        // 设了环境变量 SSLKEYLOGFILE 才会写：Wireshark 靠它解密。
        config.key_log = Arc::new(KeyLogFile::new());
        Ok(config)
    }

    /// 客户端一侧的 TLS：只信任这一个根，证书照常核对。
    pub(crate) fn client_tls(&self, protocol: &[u8]) -> Result<ClientConfig, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone())?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        config.key_log = Arc::new(KeyLogFile::new());
        Ok(config)
    }
    // ANCHOR_END: tls

    // ANCHOR: quic
    /// 同样的 TLS，装进 QUIC。
    pub(crate) fn quic_server(&self, protocol: &[u8]) -> anyhow::Result<quinn::ServerConfig> {
        let mut tls = self.server_tls(protocol)?;
        // 接受 0-RTT。QUIC 里这个数只有两种取值：0 表示不接受，u32::MAX 表示接受，多少由流量控制管。
        tls.max_early_data_size = u32::MAX;
        let crypto = QuicServerConfig::try_from(tls)?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(Arc::new(transport()));
        Ok(config)
    }

    pub(crate) fn quic_client(&self, protocol: &[u8]) -> anyhow::Result<quinn::ClientConfig> {
        let mut tls = self.client_tls(protocol)?;
        tls.enable_early_data = true; // 有票据时允许 0-RTT；用不用由程序决定
        let crypto = QuicClientConfig::try_from(tls)?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport()));
        Ok(config)
    }
    // ANCHOR_END: quic
}

/// 与内核里的 TCP 用同一种拥塞控制（CUBIC），比较才公平；10 秒没有动静的连接就算断了。
pub(crate) fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.congestion_controller_factory(Arc::new(CubicConfig::default()));
    transport.max_idle_timeout(Some(VarInt::from_u32(10_000).into()));
    transport
}
