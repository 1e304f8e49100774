//! QUIC、HTTP/3 与 TLS 的实验共用的证书和设置：一个当场生成的根，签发服务器的证书；客户端只信任这个根。

use std::sync::Arc;

use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{TransportConfig, VarInt};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::TLS13;
use rustls::{ClientConfig, KeyLogFile, RootCertStore, ServerConfig};

/// 服务器的名字：客户端按它核对证书，与实际连到哪个 IP 地址无关。
pub(crate) const NAME: &str = "server.lan";

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
