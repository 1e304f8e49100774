//! A datagram being taken apart, and what was found in it so far.

use crate::app::stream::{Datagram, Setup};
use crate::streams::{Now, Place, Span};
use crate::types::Layer;

pub(super) struct Work<'a> {
    pub(super) datagram: &'a Datagram<'a>,
    pub(super) setup: Setup<'a>,
    pub(super) layers: Vec<Layer>,
    /// Protocol and summary of each packet and message.
    pub(super) told: Vec<(&'static str, String)>,
}

impl<'a> Work<'a> {
    pub(super) fn new(datagram: &'a Datagram<'a>, setup: Setup<'a>) -> Self {
        Self { datagram, setup, layers: Vec::new(), told: Vec::new() }
    }

    pub(super) fn now(&self) -> Now {
        Now { frame: self.datagram.number, payload: self.datagram.start }
    }

    /// Bytes of this frame alone, from byte `at`.
    pub(super) fn place(&self, at: usize, length: usize) -> Place {
        let frame = self.datagram.number;
        Place { spans: vec![Span { offset: 0, length, frame, at }], frame, payload: self.datagram.start }
    }

    pub(super) fn tell(&mut self, summary: String) {
        self.told.push(("QUIC", summary));
    }
}
