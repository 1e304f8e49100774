//! 夹在 HTTP/2 的实现与套接字之间：字节原样经过，顺便认出每一帧的头。

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::FrameHead;

/// 客户端先说的 24 个字节，它们不是帧。（RFC 9113 第 3.4 节）
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// 经过的帧。克隆出来的是同一份记录。
#[derive(Clone, Default)]
pub(super) struct Passed(Arc<Mutex<Vec<(Way, FrameHead)>>>);

/// 从客户端看去的方向。
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Sent,
    Received,
}

impl Passed {
    fn note(&self, way: Way, head: FrameHead) {
        head.tell(way);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((way, head));
    }

    /// 某一方向、某一种类的帧，按经过的先后。
    pub(super) fn of(&self, way: Way, kind: u8) -> Vec<FrameHead> {
        let passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.iter().filter(|(w, head)| *w == way && head.kind == kind).map(|(_, head)| *head).collect()
    }
}

/// 一条连接，连同它经过的帧的记录。
pub(super) struct Tap<Io> {
    io: Io,
    passed: Passed,
    sent: Heads,
    received: Heads,
}

impl<Io> Tap<Io> {
    /// 客户端一侧的连接。
    pub(super) fn new(io: Io, passed: Passed) -> Self {
        Self { io, passed, sent: Heads::after(PREFACE), received: Heads::after(0) }
    }
}

/// 一个方向上的帧头：跳过载荷，只留每一帧的头 9 个字节。
struct Heads {
    skip: usize,
    head: Vec<u8>,
}

impl Heads {
    fn after(skip: usize) -> Self {
        Self { skip, head: Vec::with_capacity(FrameHead::LENGTH) }
    }

    /// 又经过了一些字节：其中有哪些帧头到齐了？
    fn push(&mut self, mut bytes: &[u8], mut found: impl FnMut(FrameHead)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            (self.skip, bytes) = (self.skip - skipped, &bytes[skipped..]);
            let wanted = (FrameHead::LENGTH - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..wanted]);
            bytes = &bytes[wanted..];
            if let Some(head) = self.head.first_chunk() {
                let head = FrameHead::parse(head);
                self.head.clear();
                self.skip = head.length as usize;
                found(head);
            }
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Tap<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tap = &mut *self;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut tap.io).poll_read(context, buffer))?;
        tap.received.push(&buffer.filled()[before..], |head| tap.passed.note(Way::Received, head));
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Tap<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let tap = &mut *self;
        let written = ready!(Pin::new(&mut tap.io).poll_write(context, bytes))?;
        tap.sent.push(&bytes[..written], |head| tap.passed.note(Way::Sent, head));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_however_the_bytes_are_cut() {
        // SETTINGS with one entry, DATA with END_STREAM, PING.
        let mut bytes = vec![0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 64, 0];
        bytes.extend([0, 0, 3, 0, 1, 0x80, 0, 0, 5, 1, 2, 3]);
        bytes.extend([0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for size in 1..=bytes.len() {
            let (mut heads, mut found) = (Heads::after(PREFACE), Vec::new());
            let stream = [&[b'P'; PREFACE][..], &bytes].concat();
            for piece in stream.chunks(size) {
                heads.push(piece, |head| found.push((head.kind, head.length, head.stream, head.flags)));
            }
            assert_eq!(found, [(4, 6, 0, 0), (0, 3, 5, 1), (6, 8, 0, 0)], "{size}");
        }
    }
}
