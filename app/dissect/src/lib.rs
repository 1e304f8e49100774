//! Takes frames apart: `&[u8]` → [`Layer`]s → [`Field`]s, each with the bits it was read from.
//!
//! - Pure: no I/O, no clock. [`dissect`] knows one frame; a [`Dissector`] follows a capture frame after frame, with
//!   its [`conversations`] and the messages in its TCP streams (HTTP, WebSocket; with [`all`] HTTP/2 and gRPC too).
//! - Field names are Wireshark's display-filter names, so a reader can type them there;
//!   `tests/tshark.rs` compares names, positions and values with `tshark`.
//! - Any bytes are fine. What is cut short gives the fields that are there.
//!
//! `cargo run -p dissect --example compare -- file.pcapng` makes the same comparison for a recorded run;
//! `cargo +nightly fuzz run frame` (in `app/dissect`) looks for bytes that are not fine.
//!
//! Positions are bits from the start of the frame, most significant bit of byte 0 first, as RFC diagrams count.
//! What a field means is told in `content/notes/<protocol>.toml`; [`catalog`] lists every field there is.

mod app;
mod arp;
mod checksum;
mod context;
pub mod conversations;
mod decoders;
mod dissector;
mod ethernet;
mod fields;
mod http3;
mod icmp;
mod icmpv6;
mod icmpv6_options;
mod igmp;
mod ipv4;
mod ipv4_options;
mod ipv6;
mod ipv6_extensions;
mod mld;
mod quic;
mod reader;
mod secure;
mod spec;
mod streams;
mod tcp;
mod tcp_options;
mod tls;
mod types;
mod udp;
mod vlan;
mod walk;

pub use conversations::{Conversations, Segment};
pub use decoders::{Decoders, all};
pub use dissector::{Dissector, Followed, reopen};
pub use spec::Spec;
pub use types::{Dissection, Field, Hints, Layer, Opened, Part, Plain, Value};

/// Takes one frame apart, beginning with its Ethernet header.
#[must_use]
pub fn dissect(frame: &[u8], hints: &Hints) -> Dissection {
    let mut context = context::Context::new(frame, hints);
    ethernet::dissect(&mut context);
    context.out
}

/// Every field that [`dissect`] can emit.
pub fn catalog() -> impl Iterator<Item = &'static Spec> {
    let lists = [
        app::data::ALL,
        app::grpc::ALL,
        app::http::ALL,
        app::http2::ALL,
        app::protobuf::ALL,
        app::websocket::ALL,
        arp::ALL,
        ethernet::ALL,
        http3::ALL,
        icmp::ALL,
        icmpv6::ALL,
        icmpv6_options::ALL,
        igmp::ALL,
        ipv4::ALL,
        ipv4_options::ALL,
        ipv6::ALL,
        ipv6_extensions::ALL,
        mld::ALL,
        quic::ALL,
        tcp::ALL,
        tcp_options::ALL,
        tls::ALL,
        udp::ALL,
        vlan::ALL,
    ];
    lists.into_iter().flat_map(|list| list.iter().copied())
}
