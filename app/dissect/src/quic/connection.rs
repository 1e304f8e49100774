//! What is known of one connection.

use super::frames::{self, Deed};
use super::packet::{Header, Kind, LONGEST_ID, Unsealed};
use crate::app::stream::{Datagram, Setup};
use crate::context::to_u32;
use crate::http3;
use crate::secure::{Epoch, Suite, Traffic};
use crate::streams::{Arrival, Buffer, Half, Now, Place, Span, Stream};
use crate::tls::handshake::{self, Found, Told};
use crate::types::{Layer, Value};
use std::collections::BTreeMap;

/// Connection identifiers of one side that are kept.
const IDENTIFIERS: usize = 256;
/// Streams that are followed at once; of more only the frames are shown.
const STREAMS: usize = 1024;

const CLIENT: usize = 0;
const SERVER: usize = 1;

type End = (Value, u16);

#[derive(Debug)]
pub(super) struct Connection {
    /// Where packets for the client and for the server are sent: identifiers, in no order.
    identifiers: [Vec<Vec<u8>>; 2],
    /// Where client and server were last.
    ends: [End; 2],
    /// The random number of the ClientHello: names the connection in a key log.
    random: Option<[u8; 32]>,
    suite: Option<Suite>,
    /// What the streams carry (ALPN).
    protocol: Option<String>,
    /// By space: Initial, Handshake, application.
    spaces: [Space; 3],
    early: Option<Traffic>,
    streams: BTreeMap<u64, Flow>,
    http3: http3::Shared,
}

/// A packet number space, its keys and its CRYPTO stream, by sender.
#[derive(Debug, Default)]
struct Space {
    sides: [Side; 2],
}

#[derive(Debug, Default)]
struct Side {
    traffic: Option<Traffic>,
    /// The keys before the last update, for packets that were overtaken.
    previous: Option<Traffic>,
    phase: bool,
    largest: Option<u64>,
    crypto: Half,
    handshake: Buffer,
}

/// A stream of application data, by sender.
#[derive(Debug)]
struct Flow {
    halves: [Half; 2],
    stream: Stream,
}

impl Connection {
    /// `header` is that of a client's first packet.
    pub(super) fn new(header: &Header, datagram: &Datagram<'_>) -> Self {
        let [from, to] = datagram.ends.clone();
        let mut new = Self {
            identifiers: [vec![header.source.clone()], vec![header.destination.clone()]],
            ends: [from, to],
            random: None,
            suite: None,
            protocol: None,
            spaces: Default::default(),
            early: None,
            streams: BTreeMap::new(),
            http3: http3::Shared::default(),
        };
        new.initial_keys(&header.destination);
        new
    }

    fn initial_keys(&mut self, destination: &[u8]) {
        if let Some([client, server]) = Traffic::initial(destination) {
            let [of_client, of_server] = &mut self.spaces[0].sides;
            (of_client.traffic, of_server.traffic) = (Some(client), Some(server));
        }
    }

    /// True if one of the sides has this identifier.
    pub(super) fn knows(&self, identifier: &[u8]) -> bool {
        !identifier.is_empty() && self.identifiers.iter().flatten().any(|known| known == identifier)
    }

    /// The short header of a packet for this connection.
    pub(super) fn short(&self, bytes: &[u8]) -> Option<Header> {
        let rest = bytes.get(1..)?;
        let known =
            self.identifiers.iter().flatten().filter(|known| !known.is_empty() && rest.starts_with(known));
        Header::short(bytes, known.map(Vec::len).max()?)
    }

    /// True if these are its addresses. `nameless`: one side must have an empty identifier.
    pub(super) fn is_between(&self, ends: &[End; 2], nameless: bool) -> bool {
        let [client, server] = &self.ends;
        let [from, to] = ends;
        let same = (from == client && to == server) || (from == server && to == client);
        same && (!nameless || self.identifiers.iter().any(|known| known.iter().any(Vec::is_empty)))
    }

    /// The header at the start of what is left of a datagram.
    pub(super) fn header(&self, bytes: &[u8], datagram: &Datagram<'_>) -> Option<Header> {
        if bytes.first()? & 0x80 != 0 {
            return Header::long(bytes);
        }
        self.short(bytes).or_else(|| {
            let receiver = usize::from(self.ends[CLIENT] == datagram.ends[0]);
            self.identifiers[receiver].iter().any(Vec::is_empty).then(|| Header::short(bytes, 0))?
        })
    }

    /// Takes a packet that begins at byte `at` of the datagram's payload.
    #[expect(clippy::too_many_arguments, reason = "where it lies, what is known, and what is told")]
    pub(super) fn packet(
        &mut self,
        header: &Header,
        bytes: &[u8],
        at: usize,
        datagram: &Datagram<'_>,
        setup: Setup<'_>,
        layers: &mut Vec<Layer>,
        told: &mut Vec<(&'static str, String)>,
    ) {
        let sender = self.sender(header, datagram);
        let start = datagram.start + at;
        let unsealed = self.unseal(header, bytes, sender, setup);
        let fields = header.fields(bytes, unsealed.as_ref());
        let number = unsealed.as_ref().map_or_else(String::new, |unsealed| format!(" #{}", unsealed.number));
        let title = format!("QUIC {}{number}", header.kind.name());
        let mut layer = Layer {
            protocol: "quic",
            title,
            end: to_u32(bytes.len()),
            fields: fields.list,
            ..Layer::default()
        };
        let span =
            |offset: usize, length| Span { offset: 0, length, frame: datagram.number, at: start + offset };
        let whole = |offset: usize, length| Place {
            spans: vec![span(offset, length)],
            frame: datagram.number,
            payload: datagram.start,
        };
        whole(0, bytes.len()).layer(&mut layer);
        if matches!(header.kind, Kind::Retry) {
            // Its identifier replaces that of the client's first packet, and with it the keys (RFC 9001 section 5.2).
            self.initial_keys(&header.source);
        }
        let Some(Unsealed { number_length, plain, .. }) = unsealed else {
            let hidden = !matches!(header.kind, Kind::Retry | Kind::Negotiation | Kind::Foreign);
            let note = if hidden { "（没有密钥，打不开）" } else { "" };
            layer.title.push_str(note);
            layers.push(layer);
            told.push(("QUIC", format!("{}{note}", header.kind.name())));
            return;
        };
        let place = whole(header.number_at + number_length, plain.len());
        layer.plain = Some(place.plain(plain.clone()));
        layers.push(layer);
        let read = frames::read(&plain);
        told.push(("QUIC", format!("{}{number} {}", header.kind.name(), read.names.join("、"))));
        let mut layer = Layer {
            protocol: "quic",
            title: format!("帧：{}", read.names.join("、")),
            end: to_u32(plain.len()),
            decrypted: true,
            fields: read.fields,
            ..Layer::default()
        };
        place.layer(&mut layer);
        layers.push(layer);
        let first = start + header.number_at + number_length;
        for deed in read.deeds {
            self.carry_out(&deed, header.kind, sender, &plain, first, datagram, setup, layers, told);
        }
    }

    /// Who sent a packet, by the receiver's identifier, else by the address. Remembers both.
    fn sender(&mut self, header: &Header, datagram: &Datagram<'_>) -> usize {
        let is_for = |side: usize| {
            !header.destination.is_empty() && self.identifiers[side].contains(&header.destination)
        };
        let sender = if is_for(SERVER) {
            CLIENT
        } else if is_for(CLIENT) || datagram.ends[0] == self.ends[SERVER] {
            SERVER
        } else {
            CLIENT
        };
        self.ends[sender].clone_from(&datagram.ends[0]);
        if header.kind != Kind::Short && header.kind != Kind::Negotiation {
            self.remember(sender, header.source.clone());
        }
        if header.kind == Kind::Initial && sender == CLIENT {
            self.remember(SERVER, header.destination.clone());
        }
        sender
    }

    fn remember(&mut self, side: usize, identifier: Vec<u8>) {
        let known = &mut self.identifiers[side];
        if !known.contains(&identifier) && identifier.len() <= LONGEST_ID {
            if known.len() >= IDENTIFIERS {
                known.remove(0);
            }
            known.push(identifier);
        }
    }

    fn unseal(&mut self, header: &Header, bytes: &[u8], sender: usize, setup: Setup<'_>) -> Option<Unsealed> {
        let unsealed = match header.kind {
            Kind::Initial => self.unseal_initial(header, bytes, sender),
            Kind::ZeroRtt => self.unseal_early(header, bytes, setup),
            Kind::Handshake => {
                self.need(1, Epoch::Handshake, header, bytes, sender, setup);
                let side = &self.spaces[1].sides[sender];
                header.unseal(bytes, side.largest, side.traffic.as_ref()?)
            }
            Kind::Short => {
                self.need(2, Epoch::Application, header, bytes, sender, setup);
                self.spaces[2].sides[sender].unseal_short(header, bytes)
            }
            _ => None,
        }?;
        let space = match header.kind {
            Kind::Initial => 0,
            Kind::Handshake => 1,
            _ => 2,
        };
        let side = &mut self.spaces[space].sides[sender];
        side.largest = side.largest.max(Some(unsealed.number));
        Some(unsealed)
    }

    /// A client that starts over (after version negotiation) makes new keys of a new identifier.
    fn unseal_initial(&mut self, header: &Header, bytes: &[u8], sender: usize) -> Option<Unsealed> {
        let open = |side: &Side| header.unseal(bytes, side.largest, side.traffic.as_ref()?);
        let opened = open(&self.spaces[0].sides[sender]);
        if opened.is_some() || sender != CLIENT {
            return opened;
        }
        let fresh = Traffic::initial(&header.destination)?;
        let opened = header.unseal(bytes, None, &fresh[CLIENT])?;
        self.initial_keys(&header.destination);
        Some(opened)
    }

    fn unseal_early(&mut self, header: &Header, bytes: &[u8], setup: Setup<'_>) -> Option<Unsealed> {
        let largest = self.spaces[2].sides[CLIENT].largest;
        if let Some(traffic) = &self.early {
            return header.unseal(bytes, largest, traffic);
        }
        // The suite is that of the ticket, which nobody tells: what opens it is right.
        let secret = setup.secrets.traffic(&self.random?, Epoch::Early, true)?;
        for suite in Suite::with_secret(secret.len()) {
            let Some(traffic) = Traffic::new(*suite, secret, true) else { continue };
            if let Some(opened) = header.unseal(bytes, largest, &traffic) {
                self.early = Some(traffic);
                return Some(opened);
            }
        }
        None
    }

    /// Makes the keys of a space if they can be made.
    fn need(
        &mut self,
        space: usize,
        epoch: Epoch,
        header: &Header,
        bytes: &[u8],
        sender: usize,
        setup: Setup<'_>,
    ) -> Option<()> {
        let side = &mut self.spaces[space].sides[sender];
        if side.traffic.is_some() {
            return Some(());
        }
        let secret = setup.secrets.traffic(&self.random?, epoch, sender == CLIENT)?;
        let chosen = self.suite.as_slice();
        let suites = if chosen.is_empty() { Suite::with_secret(secret.len()) } else { chosen };
        let mut made = suites.iter().filter_map(|suite| Traffic::new(*suite, secret, true));
        side.traffic = if chosen.is_empty() {
            made.find(|traffic| header.unseal(bytes, side.largest, traffic).is_some())
        } else {
            made.next()
        };
        Some(())
    }

    /// What a frame does. `first` is where the packet's plaintext begins in the frame.
    #[expect(clippy::too_many_arguments, reason = "where it lies, what is known, and what is told")]
    fn carry_out(
        &mut self,
        deed: &Deed,
        kind: Kind,
        sender: usize,
        plain: &[u8],
        first: usize,
        datagram: &Datagram<'_>,
        setup: Setup<'_>,
        layers: &mut Vec<Layer>,
        told: &mut Vec<(&'static str, String)>,
    ) {
        let now = Now { frame: datagram.number, payload: datagram.start };
        let arrival = |offset: u64, at: usize, length: usize, fin| {
            Some(Arrival {
                frame: datagram.number,
                at: first + at,
                // Sequence numbers go round, as those of TCP do.
                seq: (offset & 0xffff_ffff) as u32,
                bytes: plain.get(at..at + length)?,
                fin,
            })
        };
        match *deed {
            Deed::Crypto { offset, at, length } => {
                let space = match kind {
                    Kind::Initial => 0,
                    Kind::Handshake => 1,
                    _ => 2,
                };
                if let Some(arrival) = arrival(offset, at, length, false) {
                    self.crypto(space, sender, arrival, now, layers, told);
                }
            }
            Deed::Stream { id, offset, at, length, fin } => {
                if let Some(arrival) = arrival(offset, at, length, fin) {
                    self.stream(id, sender, arrival, now, setup, layers, told);
                }
            }
            Deed::NewConnectionId(ref identifier) => self.remember(sender, identifier.clone()),
            Deed::Reset(id) => {
                if let Some(flow) = self.streams.get_mut(&id) {
                    flow.stream.forget();
                }
            }
        }
    }

    /// Handshake messages that are complete now.
    fn crypto(
        &mut self,
        space: usize,
        sender: usize,
        arrival: Arrival<'_>,
        now: Now,
        layers: &mut Vec<Layer>,
        told: &mut Vec<(&'static str, String)>,
    ) {
        let side = &mut self.spaces[space].sides[sender];
        side.crypto.synchronize(u32::MAX);
        side.crypto.push(arrival, &mut side.handshake);
        loop {
            let buffer = &mut self.spaces[space].sides[sender].handshake;
            if buffer.bytes().is_empty() {
                return;
            }
            let message = match handshake::message(buffer.bytes()) {
                Found::Message(message) => message,
                Found::Wait(_) => return,
                Found::Never => return buffer.clear(),
            };
            let mut layer = Layer {
                protocol: "tls",
                title: format!("TLS {}", message.title),
                end: to_u32(message.length),
                decrypted: true,
                fields: message.fields,
                ..Layer::default()
            };
            buffer.place(0, message.length, now).layer(&mut layer);
            buffer.consume(message.length);
            layers.push(layer);
            told.push(("QUIC", message.title));
            self.learn(&message.told);
        }
    }

    fn learn(&mut self, told: &Told) {
        match told.kind {
            1 => {
                self.random = told.random;
                if self.protocol.is_none() {
                    self.protocol.clone_from(&told.offered);
                }
            }
            2 if !told.retry => self.suite = told.suite.and_then(Suite::of),
            _ => {}
        }
        if let Some(protocol) = &told.protocol {
            self.protocol = Some(protocol.clone());
        }
    }

    /// What a stream carries.
    #[expect(clippy::too_many_arguments, reason = "where it lies, what is known, and what is told")]
    fn stream(
        &mut self,
        id: u64,
        sender: usize,
        arrival: Arrival<'_>,
        now: Now,
        setup: Setup<'_>,
        layers: &mut Vec<Layer>,
        told: &mut Vec<(&'static str, String)>,
    ) {
        if !self.protocol.as_deref().is_some_and(|protocol| protocol.starts_with("h3")) {
            return;
        }
        if self.streams.len() >= STREAMS && !self.streams.contains_key(&id) {
            return;
        }
        let from_client = sender == CLIENT;
        let shared = &self.http3;
        let flow = self.streams.entry(id).or_insert_with(|| Flow {
            halves: Default::default(),
            stream: Stream::speaking(http3::session(id, shared)),
        });
        if flow.stream.is_opaque() {
            return;
        }
        let half = &mut flow.halves[sender];
        half.synchronize(u32::MAX);
        half.push(arrival, flow.stream.buffer(from_client));
        let finished = half.is_finished();
        flow.stream.finish(from_client, finished);
        if half.take_broken() {
            flow.stream.lose(from_client);
        }
        if let Some(mut opened) = flow.stream.open(from_client, now, setup) {
            // What waits for more is in the frame's own field.
            opened.layers.retain(|layer| layer.protocol != "data");
            opened.layers.iter_mut().for_each(|layer| layer.decrypted = true);
            layers.extend(opened.layers);
            told.extend(opened.told);
        }
        // Nothing more will come of a stream that has ended both ways.
        let unidirectional = id & 2 != 0;
        if finished && (unidirectional || flow.halves.iter().all(Half::is_finished)) {
            flow.stream.forget();
            flow.halves = Default::default();
        }
    }
}

impl Side {
    /// Of the three key phases that may be about: this one, the next, the one before (RFC 9001 section 6.3).
    fn unseal_short(&mut self, header: &Header, bytes: &[u8]) -> Option<Unsealed> {
        let traffic = self.traffic.as_ref()?;
        let unmasked = header.unmask(bytes, self.largest, traffic)?;
        let phase = unmasked.first & 4 != 0;
        if phase == self.phase {
            return unmasked.open(header, bytes, traffic);
        }
        let again = header.unmask(bytes, self.largest, traffic)?;
        let next = traffic.next()?;
        if let Some(opened) = unmasked.open(header, bytes, &next) {
            self.previous = self.traffic.replace(next);
            self.phase = phase;
            return Some(opened);
        }
        again.open(header, bytes, self.previous.as_ref()?)
    }
}
