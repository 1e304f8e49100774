//! A TLS key log (RFC 9850): the secrets of connections, found by the client random of their ClientHello.

use std::collections::HashMap;

/// Connections whose secrets are kept.
const CONNECTIONS: usize = 8192;

/// What a traffic secret protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epoch {
    Early,
    Handshake,
    Application,
}

/// The secrets known so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    /// By client random: for each label its secret.
    known: HashMap<[u8; 32], Vec<(String, Vec<u8>)>>,
}

impl Secrets {
    /// Takes a line of a key log: label, client random, secret. Lines that are none are ignored; false then.
    pub(crate) fn add(&mut self, line: &str) -> bool {
        let mut words = line.split_ascii_whitespace();
        let (Some(label), Some(random), Some(secret)) = (words.next(), words.next(), words.next()) else {
            return false;
        };
        let random = hex(random).and_then(|random| <[u8; 32]>::try_from(random).ok());
        let secret = hex(secret).filter(|secret| secret.len() <= 64);
        let (Some(random), Some(secret)) = (random, secret) else { return false };
        if self.known.len() >= CONNECTIONS && !self.known.contains_key(&random) {
            return false;
        }
        let of = self.known.entry(random).or_default();
        if of.iter().any(|(known, _)| known == label) || of.len() >= 16 {
            return false;
        }
        of.push((label.to_owned(), secret));
        true
    }

    /// The traffic secret of one side.
    pub(crate) fn traffic(&self, random: &[u8; 32], epoch: Epoch, from_client: bool) -> Option<&[u8]> {
        let label = match (epoch, from_client) {
            (Epoch::Early, true) => "CLIENT_EARLY_TRAFFIC_SECRET",
            (Epoch::Early, false) => return None,
            (Epoch::Handshake, true) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            (Epoch::Handshake, false) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            (Epoch::Application, true) => "CLIENT_TRAFFIC_SECRET_0",
            (Epoch::Application, false) => "SERVER_TRAFFIC_SECRET_0",
        };
        let (_, secret) = self.known.get(random)?.iter().find(|(known, _)| known == label)?;
        Some(secret)
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
