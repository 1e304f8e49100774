//! The keys of a connection, RFC 9001: which of them opens a packet, and when the next ones take their place.

use super::ends::{CLIENT, SERVER};
use super::packet::{Header, Kind, Unsealed};
use crate::app::stream::Setup;
use crate::secure::{Epoch, Suite, Traffic};
use crate::tls::handshake::Told;

#[derive(Debug, Default)]
pub(super) struct Protection {
    /// The random number of the ClientHello: names the connection in a key log.
    random: Option<[u8; 32]>,
    suite: Option<Suite>,
    /// By packet number space, then by sender.
    sides: [[Side; 2]; 3],
    /// Of 0-RTT packets.
    early: Option<Traffic>,
}

/// What one side protects its packets with in one space.
#[derive(Debug, Default)]
struct Side {
    traffic: Option<Traffic>,
    /// The keys before the last update, for packets that were overtaken.
    previous: Option<Traffic>,
    phase: bool,
    largest: Option<u64>,
}

impl Protection {
    /// Keys for Initial packets, made of the client's first destination identifier (section 5.2).
    pub(super) fn initial(&mut self, destination: &[u8]) {
        if let Some([client, server]) = Traffic::initial(destination) {
            let [of_client, of_server] = &mut self.sides[0];
            (of_client.traffic, of_server.traffic) = (Some(client), Some(server));
        }
    }

    /// What the handshake says about keys.
    pub(super) fn learn(&mut self, told: &Told) {
        match told.kind {
            1 => self.random = told.random,
            2 if !told.retry => self.suite = told.suite.and_then(Suite::of),
            _ => {}
        }
    }

    /// Removes the protection of a packet, if a key for it is known.
    pub(super) fn unseal(
        &mut self,
        header: &Header,
        bytes: &[u8],
        sender: usize,
        setup: Setup<'_>,
    ) -> Option<Unsealed> {
        let unsealed = match header.kind {
            Kind::Initial => self.unseal_initial(header, bytes, sender),
            Kind::ZeroRtt => self.unseal_early(header, bytes, setup),
            Kind::Handshake => {
                self.need(Epoch::Handshake, header, bytes, sender, setup);
                let side = &self.sides[1][sender];
                header.unseal(bytes, side.largest, side.traffic.as_ref()?)
            }
            Kind::Short => {
                self.need(Epoch::Application, header, bytes, sender, setup);
                self.sides[2][sender].unseal_short(header, bytes)
            }
            _ => None,
        }?;
        let side = &mut self.sides[header.kind.space()][sender];
        side.largest = side.largest.max(Some(unsealed.number));
        Some(unsealed)
    }

    /// A client that starts over (after version negotiation) makes new keys of a new identifier.
    fn unseal_initial(&mut self, header: &Header, bytes: &[u8], sender: usize) -> Option<Unsealed> {
        let open = |side: &Side| header.unseal(bytes, side.largest, side.traffic.as_ref()?);
        let opened = open(&self.sides[0][sender]);
        if opened.is_some() || sender == SERVER {
            return opened;
        }
        let fresh = Traffic::initial(&header.destination)?;
        let opened = header.unseal(bytes, None, &fresh[CLIENT])?;
        self.initial(&header.destination);
        Some(opened)
    }

    fn unseal_early(&mut self, header: &Header, bytes: &[u8], setup: Setup<'_>) -> Option<Unsealed> {
        let largest = self.sides[2][CLIENT].largest;
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

    /// Makes the keys of a space if they can be made and are not there.
    fn need(
        &mut self,
        epoch: Epoch,
        header: &Header,
        bytes: &[u8],
        sender: usize,
        setup: Setup<'_>,
    ) -> Option<()> {
        let side = &mut self.sides[header.kind.space()][sender];
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
}

impl Side {
    /// Of the three key phases that may be about: this one, the next, the one before (section 6.3).
    fn unseal_short(&mut self, header: &Header, bytes: &[u8]) -> Option<Unsealed> {
        let traffic = self.traffic.as_ref()?;
        let unmasked = header.unmask(bytes, self.largest, traffic)?;
        let phase = unmasked.first & 4 != 0;
        if phase == self.phase {
            return unmasked.open(header, bytes, traffic);
        }
        let next = traffic.next()?;
        if let Some(opened) = unmasked.open(header, bytes, &next) {
            self.previous = self.traffic.replace(next);
            self.phase = phase;
            return Some(opened);
        }
        unmasked.open(header, bytes, self.previous.as_ref()?)
    }
}
