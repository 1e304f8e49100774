//! Application protocols: one file or folder each.
//!
//! - In datagrams, chosen by the lab's hint, then by port: a file with `ALL` (its fields) and `dissect`, and a row in
//!   [`PROTOCOLS`].
//! - In streams, chosen by the lab's hint, then by the first bytes: a file with `ALL` and a
//!   [`stream::Session`], and a row in [`crate::decoders`]. [`crate::streams`] alone sees more than one frame.

pub(crate) mod data;
mod descriptor;
pub(crate) mod grpc;
pub(crate) mod hpack;
pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod protobuf;
pub(crate) mod stream;
pub(crate) mod websocket;
mod wire;

use crate::context::Context;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// An application protocol.
pub(crate) struct Protocol {
    /// Wireshark's name, as used in hints.
    name: &'static str,
    transport: Transport,
    /// Ports it is known by.
    ports: &'static [u16],
    /// Reads the bytes `start..end` of the frame.
    dissect: fn(&mut Context<'_>, usize, usize),
}

/// None yet: everything inside UDP is shown as data, as is a TCP segment that is looked at alone.
static PROTOCOLS: &[Protocol] = &[];

/// Opens the payload of a segment or datagram.
pub(crate) fn dissect(
    context: &mut Context<'_>,
    transport: Transport,
    ports: [u16; 2],
    start: usize,
    end: usize,
) {
    if start >= end {
        return;
    }
    let hinted =
        context.hints.ports.iter().find(|(port, _)| ports.contains(port)).map(|(_, name)| name.as_str());
    let known =
        PROTOCOLS.iter().filter(|protocol| protocol.transport == transport).find(|protocol| match hinted {
            Some(name) => protocol.name == name,
            None => protocol.ports.iter().any(|port| ports.contains(port)),
        });
    match known {
        Some(protocol) if !context.too_deep() && context.is_whole() => {
            (protocol.dissect)(context, start, end);
        }
        _ => data::dissect(context, start, end),
    }
}
