//! 同一个网站走老路：TCP、TLS、HTTP/2。

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{LARGEST, Site};
use crate::quic_streams::NAME;

// ANCHOR: serve
pub(crate) async fn serve(listener: TcpListener, tls: rustls::ServerConfig, site: Site) {
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let acceptor = acceptor.clone();
                    connections.spawn(async move {
                        if let Err(error) = converse(stream, acceptor, site).await {
                            (site.trouble)(&error);
                        }
                    });
                }
                Err(error) => (site.trouble)(&error.into()),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// TCP 握手、TLS 握手、HTTP/2 的 SETTINGS，一层一层来。
async fn converse(stream: TcpStream, acceptor: TlsAcceptor, site: Site) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let answer = service_fn(move |request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Err(anyhow::anyhow!("请求体没有收完：{error}")),
        };
        Ok((site.respond)(&Request::from_parts(head, body)).map(Full::new))
    });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    connection.serve_connection(TokioIo::new(stream), answer).await?;
    Ok(())
}
// ANCHOR_END: serve

// ANCHOR: client
/// 一条 HTTP/2 连接。克隆是同一条；最后一个克隆被丢弃时，连接正常关闭。
pub(crate) type Requests = SendRequest<Full<Bytes>>;

pub(crate) async fn connect(tls: rustls::ClientConfig, server: SocketAddr) -> anyhow::Result<Requests> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(Arc::new(tls)).connect(ServerName::try_from(NAME)?, stream).await?;
    let (requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(requests)
}

/// 发一个请求，收完整个响应。
pub(crate) async fn fetch(
    mut requests: Requests,
    request: Request<Bytes>,
) -> anyhow::Result<Response<Bytes>> {
    let response = requests.send_request(request.map(Full::new)).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.context("响应没有收完")?.to_bytes();
    Ok(Response::from_parts(head, body))
}
// ANCHOR_END: client
