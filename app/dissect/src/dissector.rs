//! A whole capture, frame after frame.

use crate::app::stream::{Datagram, Datagrams, Setup};
use crate::conversations::{Conversations, Segment};
use crate::decoders::Decoders;
use crate::quic;
use crate::secure::Secrets;
use crate::streams::Streams;
use crate::types::{Dissection, Hints, Layer, Opened};

/// Takes the frames of a capture apart in the order they were recorded, streams included.
#[derive(Debug, Default)]
pub struct Dissector {
    hints: Hints,
    decoders: Decoders,
    conversations: Conversations,
    streams: Streams,
    datagrams: Option<Box<dyn Datagrams>>,
    secrets: Secrets,
    /// A datagram was met whose decoder is not in the table.
    lacks: bool,
}

/// A frame as part of its capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// Messages of streams included.
    pub dissection: Dissection,
    /// `None` if it is not a TCP segment.
    pub segment: Option<Segment>,
    /// What [`reopen`] needs to make the same of the frame once more; `None` if its bytes alone say it all.
    pub opened: Option<Opened>,
}

impl Dissector {
    #[must_use]
    pub fn new(hints: Hints, decoders: Decoders) -> Self {
        Self { hints, decoders, ..Self::default() }
    }

    /// Takes a line of a TLS key log: frames that come after it are decrypted with it. False if it says nothing new.
    pub fn secret(&mut self, line: &str) -> bool {
        self.secrets.add(line)
    }

    /// True if some of the frames so far carry a protocol that is known only to a larger table of decoders: begin anew
    /// with [`crate::all`].
    #[must_use]
    pub fn lacks(&self) -> bool {
        self.lacks || self.streams.lacks()
    }

    /// Takes the next frame. `number` is how fields of other frames will refer to it (Wireshark counts from 1), `time`
    /// in nanoseconds.
    pub fn push(&mut self, number: u32, time: u64, frame: &[u8]) -> Followed {
        let mut dissection = crate::dissect(frame, &self.hints);
        let segment = self.conversations.push(time, &dissection);
        let Self { hints, decoders, secrets, .. } = self;
        let setup = Setup { hints, decoders: *decoders, secrets, encrypted: false };
        let opened = match &segment {
            Some(segment) => self.streams.push(number, frame, &dissection, segment, setup),
            None => datagram(number, frame, &dissection).and_then(|datagram| {
                let Some(open) = self.decoders.datagrams else {
                    self.lacks |= quic::begins(frame.get(datagram.start..datagram.end)?);
                    return None;
                };
                self.datagrams.get_or_insert_with(open).push(&datagram, setup)
            }),
        };
        if let Some(opened) = &opened {
            dissection.open(opened.clone());
        }
        Followed { dissection, segment, opened }
    }
}

/// The payload of the UDP datagram in a frame, if all of it is there.
fn datagram<'a>(number: u32, frame: &'a [u8], dissection: &Dissection) -> Option<Datagram<'a>> {
    let own = |layer: &&Layer| !layer.quoted;
    let udp = dissection.layers.iter().filter(own).find(|layer| layer.protocol == "udp")?;
    let network =
        dissection.layers.iter().filter(own).rfind(|layer| matches!(layer.protocol, "ip" | "ipv6"))?;
    let number_of = |name| udp.field(name).and_then(|field| field.value.unsigned());
    let port = |name| number_of(name).and_then(|port| u16::try_from(port).ok());
    let address = |name| network.field(name).map(|field| field.value.clone());
    let (source, destination) =
        if network.protocol == "ip" { ("ip.src", "ip.dst") } else { ("ipv6.src", "ipv6.dst") };
    let start = udp.end as usize;
    let end = (udp.start as usize).checked_add(usize::try_from(number_of("udp.length")?).ok()?)?;
    if start >= end || end > frame.len() || dissection.layers.last()?.protocol != "data" {
        return None;
    }
    let ends = [(address(source)?, port("udp.srcport")?), (address(destination)?, port("udp.dstport")?)];
    Some(Datagram { number, frame, start, end, ends })
}

/// Takes a frame apart again that a [`Dissector`] has seen.
#[must_use]
pub fn reopen(frame: &[u8], hints: &Hints, opened: Option<&Opened>) -> Dissection {
    let mut dissection = crate::dissect(frame, hints);
    if let Some(opened) = opened {
        dissection.open(opened.clone());
    }
    dissection
}
