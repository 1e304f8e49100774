//! Who the two sides of a connection are: by the identifiers they gave themselves, and by where they were last.

use super::packet::{Header, Kind, LONGEST_ID};
use crate::app::stream::Datagram;
use crate::types::Value;

/// Connection identifiers of one side that are kept.
const IDENTIFIERS: usize = 256;

pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;

type End = (Value, u16);

#[derive(Debug)]
pub(super) struct Ends {
    /// Where packets for the client and for the server are sent: identifiers, the oldest first.
    identifiers: [Vec<Vec<u8>>; 2],
    /// Address and port of client and server.
    addresses: [End; 2],
}

impl Ends {
    /// `header` is that of a client's first packet.
    pub(super) fn new(header: &Header, datagram: &Datagram<'_>) -> Self {
        Self {
            identifiers: [vec![header.source.clone()], vec![header.destination.clone()]],
            addresses: datagram.ends.clone(),
        }
    }

    /// True if one of the sides has this identifier.
    pub(super) fn knows(&self, identifier: &[u8]) -> bool {
        !identifier.is_empty() && self.identifiers.iter().flatten().any(|known| known == identifier)
    }

    /// True if these are its addresses.
    pub(super) fn are(&self, ends: &[End; 2]) -> bool {
        let [client, server] = &self.addresses;
        let [from, to] = ends;
        (from == client && to == server) || (from == server && to == client)
    }

    /// The short header of a packet for this connection.
    pub(super) fn short(&self, bytes: &[u8]) -> Option<Header> {
        let rest = bytes.get(1..)?;
        let known =
            self.identifiers.iter().flatten().filter(|known| !known.is_empty() && rest.starts_with(known));
        Header::short(bytes, known.map(Vec::len).max()?)
    }

    /// The header at the start of what is left of a datagram. An identifier that is not known (its receiver named it in
    /// packets that do not open) is taken to be as long as the others; behind another packet only with the fixed bit, as
    /// zeros may follow there.
    pub(super) fn header(&self, bytes: &[u8], datagram: &Datagram<'_>, leads: bool) -> Option<Header> {
        let first = bytes.first()?;
        if first & 0x80 != 0 {
            return Header::long(bytes);
        }
        self.short(bytes).or_else(|| {
            if !leads && first & 0x40 == 0 {
                return None;
            }
            let receiver = usize::from(self.addresses[CLIENT] == datagram.ends[0]);
            let known = &self.identifiers[receiver];
            let length = if known.iter().any(Vec::is_empty) { 0 } else { known.last()?.len() };
            Header::short(bytes, length)
        })
    }

    /// Who sent a packet, by the receiver's identifier, else by the address. Remembers both.
    pub(super) fn sender(&mut self, header: &Header, datagram: &Datagram<'_>) -> usize {
        let is_for = |side: usize| {
            !header.destination.is_empty() && self.identifiers[side].contains(&header.destination)
        };
        let sender = if is_for(SERVER) {
            CLIENT
        } else if is_for(CLIENT) || datagram.ends[0] == self.addresses[SERVER] {
            SERVER
        } else {
            CLIENT
        };
        self.addresses[sender].clone_from(&datagram.ends[0]);
        if header.kind != Kind::Short && header.kind != Kind::Negotiation {
            self.remember(sender, header.source.clone());
        }
        if header.kind == Kind::Initial && sender == CLIENT {
            self.remember(SERVER, header.destination.clone());
        }
        sender
    }

    pub(super) fn remember(&mut self, side: usize, identifier: Vec<u8>) {
        let known = &mut self.identifiers[side];
        if !known.contains(&identifier) && identifier.len() <= LONGEST_ID {
            if known.len() >= IDENTIFIERS {
                known.remove(0);
            }
            known.push(identifier);
        }
    }
}
