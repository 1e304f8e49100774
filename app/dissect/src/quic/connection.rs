//! What is known of one connection, and what its packets do.

use super::ends::Ends;
use super::flows::Flows;
use super::frames::{self, Deed};
use super::packet::{Header, Kind, Unsealed};
use super::protection::Protection;
use super::work::Work;
use crate::app::stream::Datagram;
use crate::context::to_u32;
use crate::streams::{Arrival, Buffer, Half};
use crate::tls::handshake::{self, Found, Told};
use crate::types::Layer;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ends: Ends,
    protection: Protection,
    /// CRYPTO streams by packet number space, then by sender.
    crypto: [[Crypto; 2]; 3],
    /// What the streams carry (ALPN).
    protocol: Option<String>,
    flows: Flows,
}

/// Handshake messages of one sender.
#[derive(Debug, Default)]
struct Crypto {
    half: Half,
    buffer: Buffer,
}

/// A decrypted packet.
struct Packet<'a> {
    kind: Kind,
    sender: usize,
    plain: &'a [u8],
    /// Where the ciphertext begins in the frame.
    first: usize,
}

impl Connection {
    /// `header` is that of a client's first packet.
    pub(super) fn new(header: &Header, datagram: &Datagram<'_>) -> Self {
        let mut protection = Protection::default();
        protection.initial(&header.destination);
        Self {
            ends: Ends::new(header, datagram),
            protection,
            crypto: Default::default(),
            protocol: None,
            flows: Flows::default(),
        }
    }

    /// Takes a packet that begins at byte `at` of the datagram's payload.
    pub(super) fn packet(&mut self, header: &Header, bytes: &[u8], at: usize, work: &mut Work<'_>) {
        let sender = self.ends.sender(header, work.datagram);
        let unsealed = self.protection.unseal(header, bytes, sender, work.setup);
        let mut layer = outside(header, bytes, unsealed.as_ref());
        let start = work.datagram.start + at;
        work.place(start, bytes.len()).layer(&mut layer);
        if header.kind == Kind::Retry {
            // Its identifier replaces that of the client's first packet, and with it the keys (RFC 9001 section 5.2).
            self.protection.initial(&header.source);
            // The client says its ClientHello once more; some make a new one.
            self.crypto[Kind::Initial.space()] = Default::default();
        }
        let Some(Unsealed { number, number_length, plain, .. }) = unsealed else {
            let hidden = !matches!(header.kind, Kind::Retry | Kind::Negotiation | Kind::Foreign);
            let note = if hidden { "（没有密钥，打不开）" } else { "" };
            layer.title.push_str(note);
            work.layers.push(layer);
            return work.tell(format!("{}{note}", header.kind.name()));
        };
        let first = start + header.number_at + number_length;
        let place = work.place(first, plain.len());
        layer.plain = Some(place.plain(plain.clone()));
        work.layers.push(layer);
        let read = frames::read(&plain);
        let names = read.names.join("、");
        let mut layer = Layer {
            protocol: "quic",
            title: format!("帧：{names}"),
            end: to_u32(plain.len()),
            decrypted: true,
            fields: read.fields,
            ..Layer::default()
        };
        place.layer(&mut layer);
        work.layers.push(layer);
        work.tell(format!("{} #{number} {names}", header.kind.name()));
        let packet = Packet { kind: header.kind, sender, plain: &plain, first };
        for deed in read.deeds {
            self.carry_out(deed, &packet, work);
        }
    }

    /// What a frame does.
    fn carry_out(&mut self, deed: Deed, packet: &Packet<'_>, work: &mut Work<'_>) {
        match deed {
            Deed::Crypto { offset, at, length } => {
                if let Some(arrival) = packet.arrival(offset, at, length, false, work) {
                    self.crypto(packet, arrival, work);
                }
            }
            Deed::Stream { id, offset, at, length, fin } => {
                let is_http3 = self.protocol.as_deref().is_some_and(|protocol| protocol.starts_with("h3"));
                if let Some(arrival) = packet.arrival(offset, at, length, fin, work).filter(|_| is_http3) {
                    self.flows.push(id, packet.sender, arrival, work);
                }
            }
            Deed::NewConnectionId(identifier) => self.ends.remember(packet.sender, identifier),
            Deed::Reset(id) => self.flows.reset(id),
        }
    }

    /// Handshake messages that are complete now.
    fn crypto(&mut self, packet: &Packet<'_>, arrival: Arrival<'_>, work: &mut Work<'_>) {
        let Crypto { half, buffer } = &mut self.crypto[packet.kind.space()][packet.sender];
        half.synchronize(u32::MAX);
        half.push(arrival, buffer);
        let mut learned = Vec::new();
        while !buffer.bytes().is_empty() {
            let message = match handshake::message(buffer.bytes()) {
                Found::Message(message) => message,
                Found::Wait => break,
                Found::Never => {
                    buffer.clear();
                    break;
                }
            };
            let mut layer = Layer {
                protocol: "tls",
                title: format!("TLS {}", message.title),
                end: to_u32(message.length),
                decrypted: true,
                fields: message.fields,
                ..Layer::default()
            };
            buffer.place(0, message.length, work.now()).layer(&mut layer);
            buffer.consume(message.length);
            work.layers.push(layer);
            work.tell(message.title);
            learned.push(message.told);
        }
        for told in &learned {
            self.learn(told);
        }
    }

    fn learn(&mut self, told: &Told) {
        self.protection.learn(told);
        // Until the server has chosen, what the client likes most is the best guess (0-RTT).
        if told.kind == 1 && self.protocol.is_none() {
            self.protocol.clone_from(&told.offered);
        }
        if let Some(protocol) = &told.protocol {
            self.protocol = Some(protocol.clone());
        }
    }
}

impl Packet<'_> {
    /// Bytes of a stream that a frame carries; `at` counts from the start of the plaintext.
    fn arrival(
        &self,
        offset: u64,
        at: usize,
        length: usize,
        fin: bool,
        work: &Work<'_>,
    ) -> Option<Arrival<'_>> {
        Some(Arrival {
            frame: work.datagram.number,
            at: self.first + at,
            // Sequence numbers go round, as those of TCP do.
            seq: (offset & 0xffff_ffff) as u32,
            bytes: self.plain.get(at..at.checked_add(length)?)?,
            fin,
        })
    }
}

/// The layer of a packet's header; positions count from its first byte.
fn outside(header: &Header, bytes: &[u8], unsealed: Option<&Unsealed>) -> Layer {
    let fields = header.fields(bytes, unsealed);
    let number = unsealed.map_or_else(String::new, |unsealed| format!(" #{}", unsealed.number));
    Layer {
        protocol: "quic",
        title: format!("QUIC {}{number}", header.kind.name()),
        end: to_u32(bytes.len()),
        fields: fields.list,
        ..Layer::default()
    }
}
