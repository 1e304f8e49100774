//! What dissectors hand on to the ones below them.

use crate::fields::Fields;
use crate::types::{Dissection, Hints, Layer, Value};

/// Headers within headers (tags, quoted datagrams) are followed this deep, the rest is data.
const DEEPEST: usize = 32;

pub(crate) struct Context<'a> {
    pub(crate) frame: &'a [u8],
    pub(crate) hints: &'a Hints,
    pub(crate) out: Dissection,
    /// Addresses that the transport's checksum covers.
    pub(crate) network: Option<Network>,
    /// The payload is a fragment of a datagram.
    pub(crate) fragment: bool,
    /// The datagram should have been longer.
    pub(crate) truncated: bool,
    /// Inside the datagram that an ICMP error quotes.
    pub(crate) quoted: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Network {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

impl<'a> Context<'a> {
    pub(crate) fn new(frame: &'a [u8], hints: &'a Hints) -> Self {
        Self {
            frame,
            hints,
            out: Dissection::default(),
            network: None,
            fragment: false,
            truncated: false,
            quoted: false,
        }
    }

    /// Fields of a header from byte `start` that may read up to `end`.
    pub(crate) fn fields(&self, start: usize, end: usize) -> Fields<'a> {
        Fields::new(self.frame, start, end)
    }

    /// True if all that a transport checksum covers is there.
    pub(crate) fn is_whole(&self) -> bool {
        !self.fragment && !self.truncated
    }

    /// True if no further layer should be opened.
    pub(crate) fn too_deep(&self) -> bool {
        self.out.layers.len() >= DEEPEST
    }

    /// Adds a finished layer of `length` bytes, if anything of it is there. One that is cut short says so in its title.
    pub(crate) fn layer(&mut self, protocol: &'static str, title: String, fields: Fields<'_>, length: usize) {
        if fields.list.is_empty() {
            return;
        }
        let start = fields.start();
        let wanted = start.saturating_add(length);
        let end = wanted.min(fields.reader.end()).max(start);
        let title = if wanted > end { format!("{title}（不完整）") } else { title };
        let (start, end) = (to_u32(start), to_u32(end));
        self.out.layers.push(Layer {
            protocol,
            title,
            start,
            end,
            quoted: self.quoted,
            fields: fields.list,
            ..Layer::default()
        });
    }

    /// Opens layers of a datagram that an error message quotes. Returns what to say about it: `（引用 …）`.
    pub(crate) fn quote(&mut self, open: impl FnOnce(&mut Self)) -> String {
        let (outside, network, first) = (self.quoted, self.network, self.out.layers.len());
        let (fragment, truncated) = (self.fragment, self.truncated);
        self.quoted = true;
        open(self);
        (self.quoted, self.network) = (outside, network);
        (self.fragment, self.truncated) = (fragment, truncated);
        let quoted = self.out.layers.get(first..).unwrap_or_default();
        let told = quoted.iter().rev().find(|layer| layer.protocol != "data");
        told.map_or_else(String::new, |layer| {
            format!("（引用 {}）", layer.title.trim_end_matches("（不完整）"))
        })
    }

    /// Says who talks to whom; quoted headers do not count.
    pub(crate) fn addresses(&mut self, source: &Value, destination: &Value) {
        if !self.quoted {
            self.out.source = source.to_string();
            self.out.destination = destination.to_string();
        }
    }

    /// Says what the frame is about; the innermost layer that speaks is the one shown. Of a fragment no more is said
    /// than that it is one.
    pub(crate) fn summary(&mut self, protocol: &'static str, summary: String) {
        if !self.quoted && !self.fragment {
            self.out.protocol = protocol;
            self.out.summary = summary;
        }
    }
}

pub(crate) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
