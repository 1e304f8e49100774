//! What TCP connections carry. Each segment is put in its place in the stream; a message is shown in the frame that
//! completes it, and every field of it knows in which frames its bytes lie.

mod buffer;
mod half;
mod place;
mod stream;

pub(crate) use buffer::{Buffer, LONGEST, Now, Span};
pub(crate) use half::{Arrival, Half};
pub(crate) use place::Place;
pub(crate) use stream::Stream;

use crate::app::stream::Setup;
use crate::conversations::Segment;
use crate::types::{Dissection, Opened};

const FIN: u16 = 1;
const SYN: u16 = 2;
const RST: u16 = 4;

/// The streams of all connections seen so far.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    list: Vec<Connection>,
    lacks: bool,
}

/// A connection.
#[derive(Debug)]
struct Connection {
    /// From the first sender, and to it.
    halves: [Half; 2],
    stream: Stream,
}

impl Streams {
    /// True if a stream was met whose decoder is not in the table.
    pub(crate) fn lacks(&self) -> bool {
        self.lacks
    }

    /// Takes a segment of the frame with this number. `None` if its payload stays bare bytes.
    pub(crate) fn push(
        &mut self,
        number: u32,
        frame: &[u8],
        dissection: &Dissection,
        segment: &Segment,
        setup: Setup<'_>,
    ) -> Option<Opened> {
        let index = usize::try_from(segment.stream).ok()?;
        // Only the newest one is new: numbers of connections count up.
        if index >= self.list.len() {
            let fresh = || Connection { halves: Default::default(), stream: Stream::default() };
            self.list.resize_with(index + 1, fresh);
            self.list.last_mut()?.stream = Stream::new(hinted(dissection, setup), setup);
        }
        let connection = self.list.get_mut(index)?;
        if connection.stream.is_opaque() {
            self.lacks |= connection.stream.is_missing();
            return None;
        }
        let tcp = dissection.layers.iter().find(|layer| layer.protocol == "tcp" && !layer.quoted)?;
        let at = (tcp.end as usize).min(frame.len());
        let end = at.saturating_add(segment.length as usize);
        // Of a frame that was cut when it was recorded, what is there; the rest is a gap.
        let bytes = frame.get(at..end.min(frame.len()))?;
        let fin = segment.flags & FIN != 0 && end <= frame.len();
        let arrival = Arrival { frame: number, at, seq: segment.seq, bytes, fin };
        let opened = connection.push(arrival, segment, setup);
        self.lacks |= connection.stream.is_missing();
        opened
    }
}

/// The lab's hint for a port of the connection.
fn hinted<'a>(dissection: &Dissection, setup: Setup<'a>) -> Option<&'a str> {
    let port = |name| dissection.field(name).and_then(|field| field.value.unsigned());
    let ports = [port("tcp.srcport"), port("tcp.dstport")];
    let hinted = setup.hints.ports.iter().find(|(port, _)| ports.contains(&Some((*port).into())));
    hinted.map(|(_, name)| name.as_str())
}

impl Connection {
    fn push(&mut self, arrival: Arrival<'_>, segment: &Segment, setup: Setup<'_>) -> Option<Opened> {
        let from_first = segment.from_first;
        let half = &mut self.halves[usize::from(!from_first)];
        if segment.flags & SYN != 0 {
            half.synchronize(segment.seq);
            return None;
        }
        // What the peer has sent meanwhile was on its way before the reset arrived: it is told as well.
        if segment.flags & RST != 0 {
            return None;
        }
        let now = Now { frame: arrival.frame, payload: arrival.at };
        half.push(arrival, self.stream.buffer(from_first));
        self.stream.finish(from_first, half.is_finished());
        if half.take_broken() {
            self.stream.lose(from_first);
        }
        let opened = self.stream.open(from_first, now, setup);
        if self.stream.is_opaque() {
            self.forget();
        }
        opened
    }

    /// Follows this connection no further.
    fn forget(&mut self) {
        self.halves = Default::default();
        self.stream.forget();
    }
}
