//! QUIC version 1, RFC 9000 and RFC 9001: packets without their protection, frames, the handshake and the streams in
//! them. What is encrypted opens with the secrets of a key log; Initial packets open by themselves.

mod connection;
mod ends;
mod flows;
mod frames;
mod names;
mod packet;
mod protection;
mod work;

pub(crate) use names::ALL;

use crate::app::data;
use crate::app::stream::{Datagram, Datagrams, Setup};
use crate::types::{Layer, Opened};
use connection::Connection;
use packet::{Header, Kind};
use work::Work;

/// Connections that are followed; the oldest is given up for a new one.
const CONNECTIONS: usize = 1024;
/// The least that a client's first datagram carries (RFC 9000 section 14.1).
const FIRST: usize = 1200;
/// Summaries of packets that are told of one datagram.
const TOLD: usize = 3;

/// Whether a datagram is a client's first (RFC 9000 section 14.1): an Initial packet of version 1, filled up. Who returns
/// may have cleared the fixed bit.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.len() >= FIRST && matches!(bytes, [0x80..=0x8f | 0xc0..=0xcf, 0, 0, 0, 1, ..])
}

/// All connections of a capture.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    list: Vec<Connection>,
}

impl Datagrams for Connections {
    fn push(&mut self, datagram: &Datagram<'_>, setup: Setup<'_>) -> Option<Opened> {
        let bytes = datagram.frame.get(datagram.start..datagram.end)?;
        let index = self.find(bytes, datagram).or_else(|| self.begin(bytes, datagram))?;
        let connection = self.list.get_mut(index)?;
        let mut work = Work::new(datagram, setup);
        let mut at = 0;
        // Several packets may share a datagram (section 12.2).
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(header) = connection.ends.header(rest, datagram, at == 0) else { break };
            connection.packet(&header, rest.get(..header.end)?, at, &mut work);
            at += header.end;
        }
        let Work { mut layers, told, .. } = work;
        if layers.is_empty() {
            return None;
        }
        let rest = data::layer(bytes.get(at..).unwrap_or_default(), datagram.start + at);
        layers.extend(rest.map(|rest: Layer| Layer {
            title: format!("数据报末尾的填充，{} 字节", rest.end - rest.start),
            ..rest
        }));
        let name = told.iter().rev().find(|(name, _)| *name != "QUIC").map_or("QUIC", |(name, _)| *name);
        let count = told.len();
        let mut lines: Vec<_> = told.into_iter().take(TOLD).map(|(_, line)| line).collect();
        if count > TOLD {
            lines.push(format!("另有 {} 项", count - TOLD));
        }
        Some(Opened { layers, told: Some((name, lines.join("；"))) })
    }
}

impl Connections {
    /// The connection that a datagram belongs to.
    fn find(&self, bytes: &[u8], datagram: &Datagram<'_>) -> Option<usize> {
        let header = Header::long(bytes);
        let by_name = self.list.iter().rposition(|connection| match &header {
            Some(header) => {
                connection.ends.knows(&header.destination) || connection.ends.knows(&header.source)
            }
            None => connection.ends.short(bytes).is_some(),
        });
        by_name.or_else(|| {
            let nameless = match &header {
                Some(header) => header.destination.is_empty() || header.kind == Kind::Negotiation,
                None => bytes.first()? & 0x80 == 0,
            };
            self.list.iter().rposition(|connection| nameless && connection.ends.are(&datagram.ends))
        })
    }

    /// A client's first datagram: an Initial packet, or what asks for version negotiation.
    fn begin(&mut self, bytes: &[u8], datagram: &Datagram<'_>) -> Option<usize> {
        let header = Header::long(bytes)?;
        let reserved = header.version & 0x0f0f_0f0f == 0x0a0a_0a0a;
        let first = header.kind == Kind::Initial || (header.kind == Kind::Foreign && reserved);
        if !first || bytes.len() < FIRST || header.destination.len() < 8 {
            return None;
        }
        if self.list.len() >= CONNECTIONS {
            self.list.remove(0);
        }
        self.list.push(Connection::new(&header, datagram));
        Some(self.list.len() - 1)
    }
}
