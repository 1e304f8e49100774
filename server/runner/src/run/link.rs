//! The private connection of a run to the server: one JSON value a line in each direction.

use anyhow::Context as _;
use api::run::{FromRun, ToRun};
use api::trace::Event;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use super::{SAID_NOTHING, process};

/// Longest line the server may send, bytes.
const MAX_REQUEST: u64 = 1 << 20;

/// A batch of events is cut into lines of about this many bytes.
const LINE_BYTES: usize = 128 << 10;

/// The writing half. Writing may block: only the recorder's sink and the threads of this module's
/// neighbours write, never a host and never the switch.
pub(super) struct Link {
    stream: Mutex<UnixStream>,
}

/// The reading half.
pub(super) struct Requests {
    stream: BufReader<UnixStream>,
}

/// Both halves.
pub(super) fn open(socket: OwnedFd) -> anyhow::Result<(Link, Requests)> {
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    let reading = stream.try_clone().context("a second handle for the socket")?;
    Ok((Link { stream: Mutex::new(stream) }, Requests { stream: BufReader::new(reading) }))
}

impl Link {
    /// Returns when the kernel has taken it. Without a server there is nobody to run for: the process ends.
    pub(super) fn send(&self, message: FromRun) {
        let written = match message {
            FromRun::Events { events } => self.send_events(&events),
            other => serde_json::to_vec(&other).map_err(Into::into).and_then(|line| self.write(line)),
        };
        if written.is_err() {
            process::leave(SAID_NOTHING);
        }
    }

    fn send_events(&self, events: &[Event]) -> std::io::Result<()> {
        const START: &[u8] = br#"{"events":{"events":["#;
        let mut rest = events.iter().peekable();
        while rest.peek().is_some() {
            let mut line = START.to_vec();
            while line.len() < LINE_BYTES {
                let Some(event) = rest.next() else { break };
                if line.len() > START.len() {
                    line.push(b',');
                }
                serde_json::to_writer(&mut line, event)?;
            }
            line.extend_from_slice(b"]}}");
            self.write(line)?;
        }
        Ok(())
    }

    fn write(&self, mut line: Vec<u8>) -> std::io::Result<()> {
        line.push(b'\n');
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

impl Requests {
    /// Waits for the next one. `None`: the server is gone.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<ToRun>> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_REQUEST).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        serde_json::from_slice(&line).context("malformed request").map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::trace::{Body, Lifecycle};

    #[test]
    fn batches_arrive_whole_and_cut_into_lines() {
        let (here, there) = UnixStream::pair().unwrap();
        let events: Vec<_> = (0..5_000)
            .map(|seq| Event {
                seq,
                time: 0,
                body: Body::Lifecycle(Lifecycle::Input { text: "文字 \"\n".repeat(9) }),
            })
            .collect();
        let sent = events.clone();
        let writer =
            std::thread::spawn(move || open(here.into()).unwrap().0.send(FromRun::Events { events: sent }));
        let mut got = Vec::new();
        let mut lines = 0;
        for line in BufReader::new(there).lines() {
            let line = line.unwrap();
            assert!(line.len() < 2 * LINE_BYTES);
            let FromRun::Events { events } = serde_json::from_str(&line).unwrap() else { panic!("{line}") };
            got.extend(events);
            lines += 1;
        }
        writer.join().unwrap();
        assert!(lines > 1);
        assert_eq!(got, events);
    }

    #[test]
    fn requests_end_with_the_server() {
        let (here, mut there) = UnixStream::pair().unwrap();
        let (_, mut requests) = open(here.into()).unwrap();
        there.write_all(b"{\"type\":\"stop\"}\n{\"type\":\"sto").unwrap();
        drop(there);
        assert_eq!(requests.next().unwrap(), Some(ToRun::Stop));
        assert_eq!(requests.next().unwrap(), None);
    }
}
