//! The HTTP/1.1 listener: what `axum::serve` does, plus a header timeout, a connection cap and an orderly end, of every
//! connection and of the whole.

mod linger;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use crate::config::Times;

/// Serves `site` until `stop` is cancelled, then waits for open requests, at most [`Times::shutdown`].
/// Upgraded connections (`/live`) end themselves: they watch the same token.
pub async fn serve<S>(
    listener: TcpListener,
    site: S,
    max_connections: u32,
    times: Times,
    stop: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let room = Arc::new(Semaphore::new(max_connections as usize));
    let connections = TaskTracker::new();
    let closing = linger::Closing::new(connections.clone(), stop.clone());
    loop {
        // No room: new connections wait in the kernel's backlog, which is bounded too.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            permit = Arc::clone(&room).acquire_owned() => match permit {
                Ok(permit) => tokio::select! {
                    () = stop.cancelled() => break,
                    accepted = listener.accept() => accepted.map(|connection| (permit, connection)),
                },
                Err(_closed) => break,
            },
        };
        let (permit, (stream, peer)) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors or a connection that died in the backlog: the next one may work.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        tune(&stream, times);
        let service = site.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.map(Body::new)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(times.header_read)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(closing.connection(stream)), TowerToHyperService::new(service))
            .with_upgrades();
        let stop = stop.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            // A reader who goes away in the middle of a request is not worth a line in the log.
            tokio::select! {
                _ = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(times.shutdown, connections.wait()).await.is_err() {
        tracing::warn!("some requests were still open at shutdown");
    }
}

/// Bytes the kernel takes for a peer that does not read. Without a bound it takes megabytes, and a slow reader
/// looks quick for long.
const SEND_BUFFER: usize = 256 * 1024;

/// Small writes go out at once; a peer that takes no data for long is given up by the kernel.
fn tune(stream: &TcpStream, times: Times) {
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(times.idle));
}
