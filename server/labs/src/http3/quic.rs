//! HTTP/3：h3 管帧和头部，quinn 管流和加密。

use std::net::SocketAddr;

use bytes::{Buf as _, Bytes, BytesMut};
use h3::client::SendRequest;
use h3_quinn::OpenStreams;
use http::{Request, Response};
use quinn::{Endpoint, Incoming};
use tokio::task::JoinSet;

use super::{LARGEST, Site};
use crate::certificate::NAME;

// ANCHOR: serve
/// 每条 QUIC 连接一个任务，里面每个请求又一个任务。
pub(crate) async fn serve(endpoint: Endpoint, site: Site) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => {
                    connections.spawn(async move {
                        if let Err(error) = converse(incoming, site).await {
                            (site.trouble)(&error);
                        }
                    });
                }
                None => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// 双方先各开一条控制流，交换 SETTINGS；之后对方每开一条双向流，就是一个请求。
async fn converse(incoming: Incoming, site: Site) -> anyhow::Result<()> {
    let quic = h3_quinn::Connection::new(incoming.await?);
    let mut connection = h3::server::Connection::<_, Bytes>::new(quic).await?;
    let mut requests = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Ok(Some(resolver)) => {
                    requests.spawn(answer(resolver, site));
                }
                Ok(None) => break,
                Err(error) if error.is_h3_no_error() => break, // H3_NO_ERROR：对方正常离开
                Err(error) => return Err(error.into()),
            },
            Some(answered) = requests.join_next() => {
                if let Err(error) = answered? {
                    (site.trouble)(&error);
                }
            }
        }
    }
    // 对方不再有新的请求；手头的答完再走。
    while requests.join_next().await.is_some() {}
    Ok(())
}

type Resolver = h3::server::RequestResolver<h3_quinn::Connection, Bytes>;

/// 一条流，一问一答：HEADERS、DATA…，再关上写的方向。
async fn answer(resolver: Resolver, site: Site) -> anyhow::Result<()> {
    let (request, mut stream) = resolver.resolve_request().await?;
    let mut body = BytesMut::new();
    while let Some(mut piece) = stream.recv_data().await? {
        let length = piece.remaining();
        anyhow::ensure!(body.len() + length <= LARGEST, "请求体太长");
        body.extend_from_slice(&piece.copy_to_bytes(length));
    }
    let (head, body) = (site.respond)(&request.map(|()| body.freeze())).into_parts();
    stream.send_response(Response::from_parts(head, ())).await?;
    stream.send_data(body).await?;
    stream.finish().await?;
    Ok(())
}
// ANCHOR_END: serve

// ANCHOR: client
/// 一条 HTTP/3 连接。克隆是同一条；最后一个克隆被丢弃时，连接正常关闭。
pub(crate) type Requests = SendRequest<OpenStreams, Bytes>;

pub(crate) async fn connect(endpoint: &Endpoint, server: SocketAddr) -> anyhow::Result<Requests> {
    let quic = endpoint.connect(server, NAME)?.await?;
    let (mut driver, requests) = h3::client::new(h3_quinn::Connection::new(quic)).await?;
    // 控制流要有人一直读；连接关闭，这个任务就结束。
    tokio::spawn(async move { driver.wait_idle().await });
    Ok(requests)
}

/// 发一个请求，收完整个响应。
pub(crate) async fn fetch(
    mut requests: Requests,
    request: Request<Bytes>,
) -> anyhow::Result<Response<Bytes>> {
    let (head, body) = request.into_parts();
    let mut stream = requests.send_request(Request::from_parts(head, ())).await?;
    if !body.is_empty() {
        stream.send_data(body).await?;
    }
    stream.finish().await?; // 请求到此为止；流的另一个方向还开着
    let response = stream.recv_response().await?;
    let mut body = BytesMut::new();
    while let Some(mut piece) = stream.recv_data().await? {
        let length = piece.remaining();
        body.extend_from_slice(&piece.copy_to_bytes(length));
    }
    Ok(response.map(|()| body.freeze()))
}
// ANCHOR_END: client
