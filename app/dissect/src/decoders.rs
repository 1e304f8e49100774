//! Which protocols in streams a [`crate::Dissector`] knows: a table of functions, so that a program which names only
//! [`Decoders::core`] is linked without the code of the others. A page begins with the core, asks
//! [`crate::Dissector::lacks`] and fetches the part of its program that has [`all`] when a trace needs it.

use crate::app::stream::{Carried, Datagrams, Session};
use crate::app::{grpc, http, http2, websocket};
use crate::types::Layer;
use crate::{quic, tls};

/// A set of protocols. [`Default`] is [`Self::core`].
#[derive(Clone, Copy, Debug)]
pub struct Decoders {
    /// In the order in which they are asked whether a stream is theirs.
    streams: &'static [Decoder],
    /// Who follows datagrams.
    pub(crate) datagrams: Option<fn() -> Box<dyn Datagrams>>,
    /// Who reads the bodies of gRPC-Web.
    pub(crate) grpc_web: Option<fn(Carried<'_>) -> Vec<Layer>>,
}

/// A protocol in a stream.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Wireshark's name, as used in hints, then those by which other protocols call it (ALPN, Upgrade).
    pub(crate) names: &'static [&'static str],
    /// Asked for the first bytes of a direction if no hint says what the stream speaks.
    pub(crate) begins: fn(&[u8]) -> Guess,
    /// `None`: recognized, but the code is not in this table.
    pub(crate) open: Option<fn() -> Box<dyn Session>>,
}

/// What the first bytes of a stream say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    No,
    /// More bytes will tell.
    NotYet,
    Yes,
}

const HTTP: Decoder = Decoder {
    names: &["http", "http/1.1"],
    begins: http::begins,
    open: Some(|| Box::new(http::Exchange::default())),
};

const WEBSOCKET: Decoder = Decoder {
    names: &["websocket"],
    begins: |_| Guess::No,
    open: Some(|| Box::new(websocket::Frames { compressed: false })),
};

/// With gRPC in it.
const HTTP2: Decoder = Decoder {
    names: &["http2", "h2", "h2c"],
    begins: http2::begins,
    open: Some(|| Box::new(http2::Connection::default())),
};

const TLS: Decoder =
    Decoder { names: &["tls"], begins: tls::begins, open: Some(|| Box::new(tls::Records::default())) };

/// In the places of [`HTTP2`] and [`TLS`]: they name nothing of them but their first bytes.
const HTTP2_LATER: Decoder = Decoder { open: None, ..HTTP2 };
const TLS_LATER: Decoder = Decoder { open: None, ..TLS };

static CORE: [Decoder; 4] = [TLS_LATER, HTTP2_LATER, HTTP, WEBSOCKET];
static ALL: [Decoder; 4] = [TLS, HTTP2, HTTP, WEBSOCKET];

/// Every protocol there is.
#[must_use]
pub fn all() -> Decoders {
    Decoders {
        streams: &ALL,
        datagrams: Some(|| Box::new(quic::Connections::default())),
        grpc_web: Some(grpc::web),
    }
}

impl Decoders {
    /// What a page needs at once: HTTP/1.1 and WebSocket. It recognizes the others and leaves them as bytes.
    #[must_use]
    pub fn core() -> Self {
        Self { streams: &CORE, datagrams: None, grpc_web: None }
    }

    /// The protocol of that name.
    pub(crate) fn named(self, name: &str) -> Option<&'static Decoder> {
        self.streams.iter().find(|decoder| decoder.names.contains(&name))
    }

    /// The protocol that begins with these bytes, or why none is known.
    pub(crate) fn guess(self, bytes: &[u8]) -> Result<&'static Decoder, Guess> {
        for decoder in self.streams {
            match (decoder.begins)(bytes) {
                Guess::Yes => return Ok(decoder),
                Guess::NotYet => return Err(Guess::NotYet),
                Guess::No => {}
            }
        }
        Err(Guess::No)
    }
}

impl Default for Decoders {
    fn default() -> Self {
        Self::core()
    }
}
