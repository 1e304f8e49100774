//! What every WebSocket of this server has in common: who may open one and how many there are, its bounds, and the
//! codes it closes with.

mod bucket;
mod origin;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

pub(crate) use bucket::Bucket;
pub use origin::Origins;

/// How long the peer has to answer our Close frame.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(1);
/// Reason of the Close frame with code 1001.
pub(crate) const GOING_AWAY: &str = "服务器正在关闭";

/// The one door for all WebSockets. Cheap to clone.
#[derive(Clone)]
pub struct Sockets {
    inner: Arc<Inner>,
}

struct Inner {
    origins: Origins,
    most: u64,
    open: watch::Sender<u64>,
    stop: CancellationToken,
}

impl Sockets {
    /// `most`: sockets at a time. None is let in once `stop` is cancelled.
    #[must_use]
    pub fn new(origins: Origins, most: u32, stop: CancellationToken) -> Self {
        let open = watch::Sender::new(0);
        Self { inner: Arc::new(Inner { origins, most: most.into(), open, stop }) }
    }

    /// Checks who asks and whether there is room; the answer is for the one who is refused.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), Box<Response>> {
        if !self.inner.origins.permit(headers) {
            return Err(Box::new((StatusCode::FORBIDDEN, "只接受来自本站页面的连接").into_response()));
        }
        if self.open() >= self.inner.most || self.inner.stop.is_cancelled() {
            let answer = (StatusCode::SERVICE_UNAVAILABLE, "连接太多了，请稍后再试");
            return Err(Box::new(answer.into_response()));
        }
        Ok(())
    }

    /// Counts a socket for as long as the result lives.
    pub(crate) fn enter(&self) -> Open {
        self.inner.open.send_modify(|count| *count += 1);
        Open(self.clone())
    }

    /// Sockets open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        *self.inner.open.borrow()
    }

    /// Returns when no socket is open any more.
    pub async fn closed(&self) {
        let mut open = self.inner.open.subscribe();
        // The sender is in `inner`, which we hold.
        let _ = open.wait_for(|open| *open == 0).await;
    }

    /// Cancelled when the server shuts down: every session says 1001 and ends.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.inner.stop
    }
}

/// One open socket.
pub(crate) struct Open(Sockets);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.inner.open.send_modify(|count| *count -= 1);
    }
}

/// Bounds of every WebSocket of this server. With axum's own buffers an idle socket takes 134 kB.
pub fn tune(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    let most = api::live::MAX_CLIENT_MESSAGE as usize;
    upgrade.read_buffer_size(4096).write_buffer_size(4096).max_message_size(most).max_frame_size(most)
}

/// The code and the sentence for a stream that cannot be read any further (RFC 6455, section 7.4.1);
/// `None` if nobody is there to hear it.
#[must_use]
pub fn blame(error: &axum::Error) -> Option<(u16, &'static str)> {
    let cause = std::error::Error::source(error)?.downcast_ref::<tungstenite::Error>()?;
    match cause {
        tungstenite::Error::Capacity(_) => Some((1009, "消息超过 16 KiB")),
        tungstenite::Error::Utf8(_) => Some((1007, "文本不是有效的 UTF-8")),
        tungstenite::Error::Protocol(_) => Some((1002, "不符合 WebSocket 协议")),
        _ => None,
    }
}
