//! Lines from a stream, without ever holding more than one and a bit.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest line, bytes. A run cuts its batches far below; only a broken one reaches this.
const MAX_LINE: usize = 4 << 20;

/// Bytes asked for at a time.
const CHUNK: usize = 64 << 10;

/// Not read further than the caller asks for: a slow caller makes the run wait, and the run's recorder thins
/// its trace.
#[derive(Debug)]
pub(super) struct Lines<R> {
    stream: R,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that have been handed out.
    taken: usize,
    /// Bytes of `buffer` that are known to hold no further end of line.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new(), taken: 0, searched: 0 }
    }

    /// A whole line that has been read already, without its end.
    pub(super) fn take(&mut self) -> Option<&[u8]> {
        let found = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(offset) = found else {
            self.searched = self.buffer.len();
            return None;
        };
        let (start, end) = (self.taken, self.searched + offset);
        self.taken = end + 1;
        self.searched = self.taken;
        Some(&self.buffer[start..end])
    }

    /// Reads more; false at the end of the stream. May be cancelled at any time without loss.
    ///
    /// # Errors
    /// The stream failed, or a line is longer than 4 MiB.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.searched -= self.taken;
            self.taken = 0;
        }
        if self.buffer.len() > MAX_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long"));
        }
        if self.buffer.is_empty() {
            self.buffer.shrink_to(CHUNK);
        }
        self.buffer.reserve(CHUNK);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8]) -> io::Result<Vec<String>> {
        let mut lines = Lines::new(input);
        let mut got = Vec::new();
        loop {
            while let Some(line) = lines.take() {
                got.push(String::from_utf8_lossy(line).into_owned());
            }
            if !lines.fill().await? {
                return Ok(got);
            }
        }
    }

    #[tokio::test]
    async fn cuts_at_line_ends_and_ignores_a_torn_tail() {
        assert_eq!(all(b"one\n\ntwo\nthr").await.unwrap(), ["one", "", "two"]);
        let long = format!("{}\nend\n", "x".repeat(3 * CHUNK));
        assert_eq!(all(long.as_bytes()).await.unwrap()[1], "end");
    }

    #[tokio::test]
    async fn refuses_a_line_without_end() {
        let endless = vec![b'x'; MAX_LINE + 2 * CHUNK];
        assert_eq!(all(&endless).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
