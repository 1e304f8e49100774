//! Closing a connection so that the peer gets our last words (RFC 9112, section 9.6).
//!
//! If a socket is closed while bytes of its peer are unread or still arriving, the kernel answers them with RST, and
//! an RST makes the peer's kernel throw away what it has received and not yet handed over: the Close frame with 1009,
//! the answer 413. So a connection closes in stages: first our side alone (FIN), then what arrives is read and
//! discarded until the peer has closed too, within bounds, and only then the socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections that may be closing at a time; any more are closed at once.
const PLACES: usize = 256;
/// Bytes that are discarded for one connection.
const MOST_BYTES: usize = 16 << 20;
/// How long one connection may take to close, and how long of it in silence.
const MOST_TIME: Duration = Duration::from_secs(10);
const MOST_SILENCE: Duration = Duration::from_secs(2);

/// Where the connections of one listener close. Cheap to clone.
#[derive(Clone)]
pub(super) struct Closing {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Closing {
    /// Closing connections are among `tasks`, and are closed at once when `stop` is cancelled.
    pub(super) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), tasks, stop }
    }

    pub(super) fn connection(&self, stream: TcpStream) -> Connection {
        Connection { stream: Some(stream), ended: false, closing: self.clone() }
    }

    fn close(&self, stream: TcpStream) {
        let (Ok(place), Ok(runtime)) = (Arc::clone(&self.places).try_acquire_owned(), Handle::try_current())
        else {
            return;
        };
        let stop = self.stop.clone();
        let task = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = timeout(MOST_TIME, drain(stream)) => {}
            }
            drop(place);
        };
        drop(self.tasks.spawn_on(task, &runtime));
    }
}

/// Ends our side, then discards what comes until the peer ends its own, fails or goes beyond the bounds.
async fn drain(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut buffer = vec![0; 16 << 10];
    let mut discarded = 0;
    while discarded < MOST_BYTES {
        match timeout(MOST_SILENCE, stream.read(&mut buffer)).await?? {
            0 => break,
            bytes => discarded += bytes,
        }
    }
    Ok(())
}

/// A TCP connection that closes in stages when it is dropped, whoever owns it then: hyper, or after an upgrade the
/// session of a WebSocket.
pub(super) struct Connection {
    /// There until it is dropped.
    stream: Option<TcpStream>,
    /// The peer has closed its side or is gone: nothing can arrive any more.
    ended: bool,
    closing: Closing,
}

impl Connection {
    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take().filter(|_| !self.ended) {
            self.closing.close(stream);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (room, filled) = (buffer.remaining(), buffer.filled().len());
        let read = std::task::ready!(self.stream()?.poll_read(context, buffer));
        self.ended |= read.is_err() || (room > 0 && buffer.filled().len() == filled);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
