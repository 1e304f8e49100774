//! TLS 1.3, RFC 8446, in TCP streams: records, handshake messages, and what the records carry once they are decrypted
//! with the secrets of a key log. Of TLS 1.2 only what is not encrypted.
//!
//! ```text
//! type 1 │ version 2 │ length 2 │ fragment        (section 5.1)
//!   23   │  0x0303   │  length  │ content ‖ type ‖ zeros, encrypted, then the tag 16        (section 5.2)
//! ```

pub(crate) mod extensions;
pub(crate) mod handshake;
pub(crate) mod names;

pub(crate) use names::ALL;

use crate::app::stream::{Input, Message, Next, Session, Setup, Step};
use crate::context::to_u32;
use crate::decoders::Guess;
use crate::fields::Fields;
use crate::secure::{Epoch, Suite, Traffic};
use crate::spec::Names;
use crate::streams::{Buffer, Place, Stream};
use crate::types::{Layer, Opened, Value};
use crate::walk::Walk;
use handshake::{Found, Told};
use names::*;

/// Bytes before a record's content.
const HEADER: usize = 5;
/// Longest content of an encrypted record (section 5.2).
const LONGEST: usize = (1 << 14) + 256;

const CHANGE: u8 = 20;
const ALERT_RECORD: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// Both directions of a connection that speaks TLS.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Of the ClientHello.
    random: Option<[u8; 32]>,
    suite: Option<Suite>,
    /// The one who opened the connection is the server.
    reversed: bool,
    /// What the records carry.
    protocol: Option<String>,
    /// From the one who opened the connection, and to it.
    sides: [Side; 2],
    inner: Option<Stream>,
}

#[derive(Debug, Default)]
struct Side {
    /// Of handshake messages that are not complete.
    handshake: Buffer,
    /// What protects its records now, and how many it has protected.
    traffic: Option<(Epoch, Traffic)>,
    number: u64,
}

/// Whether the first bytes of a stream are a record with a ClientHello or ServerHello.
pub(crate) fn begins(bytes: &[u8]) -> Guess {
    match bytes {
        [HANDSHAKE, 3, 0..=4, _, _, 1 | 2, ..] => Guess::Yes,
        [] | [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, 0..=4] | [HANDSHAKE, 3, 0..=4, _] => Guess::NotYet,
        [HANDSHAKE, 3, 0..=4, _, _] => Guess::NotYet,
        _ => Guess::No,
    }
}

impl Session for Records {
    fn step(&mut self, input: &Input<'_>) -> Step {
        let bytes = input.bytes();
        let &[kind, major, _, high, low, ..] = bytes else { return Step::Wait(HEADER) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(CHANGE..=DATA).contains(&kind) || major != 3 || length > LONGEST {
            return Step::Stop;
        }
        let end = HEADER + length;
        let Some(record) = bytes.get(..end) else { return Step::Wait(end) };
        let opened = if kind == DATA { self.decrypt(input, record) } else { None };
        let mut out = Out::default();
        match opened {
            Some(content) => self.inside(input, record, content, &mut out),
            None => self.outside(input, record, &mut out),
        }
        let (name, summary) = out.told.unwrap_or_else(|| {
            let summary = (if kind == DATA { "加密的记录" } else { "记录" }).to_owned();
            ("TLS", format!("{summary} {length} 字节"))
        });
        Step::Message(Message { length: end, skip: 0, layers: out.layers, name, summary, next: Next::Same })
    }
}

/// What a record turned out to be.
#[derive(Default)]
struct Out {
    layers: Vec<Layer>,
    told: Option<(&'static str, String)>,
}

impl Out {
    fn tell(&mut self, name: &'static str, summary: String) {
        match &mut self.told {
            Some((known, line)) if *known == name => {
                line.push('、');
                line.push_str(&summary);
            }
            _ => self.told = Some((name, summary)),
        }
    }
}

impl Records {
    fn is_from_client(&self, input: &Input<'_>) -> bool {
        input.from_first != self.reversed
    }

    /// A record that is not encrypted, or that nothing opens.
    fn outside(&mut self, input: &Input<'_>, record: &[u8], out: &mut Out) {
        let (kind, end) = (record[0], record.len());
        let mut fields = Fields::new(record, 0, end);
        let mut walk = Walk::new(&mut fields, 0, end);
        let first = if kind == DATA && self.suite.is_some() { &OPAQUE_TYPE } else { &CONTENT_TYPE };
        let _ = walk.number(first, 1);
        let _ = walk.number(&RECORD_VERSION, 2);
        let _ = walk.number(&RECORD_LENGTH, 2);
        let mut title = format!("TLS 记录 {}", word(CONTENT_TYPES_SHOWN, kind));
        let mut header = end;
        match kind {
            CHANGE => drop(walk.group(&CHANGE_CIPHER_SPEC, end - HEADER, |_| Some(()))),
            ALERT_RECORD if end == HEADER + 2 => {
                let _ = walk.number(&ALERT_LEVEL, 1);
                let _ = walk.number(&ALERT, 1);
                out.tell("TLS", alert(record.get(HEADER..).unwrap_or_default()));
            }
            HANDSHAKE => header = HEADER,
            DATA => {
                let _ = walk.bytes(&APP_DATA, end - HEADER);
                title.push_str("（没有密钥，打不开）");
            }
            _ => {}
        }
        if kind == CHANGE {
            out.tell("TLS", "ChangeCipherSpec".to_owned());
        }
        out.layers.push(input.layer("tls", title, header, end, fields.list));
        if kind == HANDSHAKE {
            let place = input.place(HEADER, end);
            self.handshake(input, record.get(HEADER..).unwrap_or_default(), &place, false, out);
        }
    }

    /// A record that was decrypted: content, its type, then zeros.
    fn inside(&mut self, input: &Input<'_>, record: &[u8], mut content: Vec<u8>, out: &mut Out) {
        let Some(last) = content.iter().rposition(|byte| *byte != 0) else {
            return self.outside(input, record, out);
        };
        let kind = content[last];
        content.truncate(last);
        let end = record.len();
        let mut fields = Fields::new(record, 0, end);
        let mut walk = Walk::new(&mut fields, 0, end);
        let _ = walk.number(&OPAQUE_TYPE, 1);
        let _ = walk.number(&RECORD_VERSION, 2);
        let _ = walk.number(&RECORD_LENGTH, 2);
        // It lies where its ciphertext does, behind the content.
        let at = HEADER + last;
        let _ = walk.fields.made(&CONTENT_TYPE, Value::Unsigned(kind.into()), at, at + 1);
        walk.at = HEADER;
        if kind == DATA {
            let _ = walk.bytes(&APP_DATA, end - HEADER);
        }
        let title = format!("TLS 记录 {}，解密后 {} 字节", word(CONTENT_TYPES_SHOWN, kind), content.len());
        let mut layer = input.layer("tls", title, end, end, fields.list);
        let place = input.place(HEADER, HEADER + content.len());
        layer.plain = Some(place.plain(content.clone()));
        out.layers.push(layer);
        match kind {
            HANDSHAKE => self.handshake(input, &content, &place, true, out),
            ALERT_RECORD if content.len() == 2 => {
                let mut fields = Fields::new(&content, 0, 2);
                let mut walk = Walk::new(&mut fields, 0, 2);
                let _ = walk.number(&ALERT_LEVEL, 1);
                let _ = walk.number(&ALERT, 1);
                let told = alert(&content);
                out.layers.push(decrypted(format!("TLS {told}"), 2, fields, &place));
                out.tell("TLS", told);
                self.carry(input, &[], &place, true, out);
            }
            DATA => self.carry(input, &content, &place, false, out),
            _ => {}
        }
    }

    /// All handshake messages that are complete now.
    fn handshake(&mut self, input: &Input<'_>, content: &[u8], place: &Place, sealed: bool, out: &mut Out) {
        let own = usize::from(!input.from_first);
        self.sides[own].handshake.append_from(content, place);
        loop {
            let buffer = &mut self.sides[own].handshake;
            if buffer.bytes().is_empty() {
                return;
            }
            match handshake::message(buffer.bytes()) {
                Found::Message(message) => {
                    let mut layer = Layer {
                        protocol: "tls",
                        title: format!("TLS {}", message.title),
                        end: to_u32(message.length),
                        decrypted: sealed,
                        fields: message.fields,
                        ..Layer::default()
                    };
                    buffer.place(0, message.length, input.now).layer(&mut layer);
                    buffer.consume(message.length);
                    out.layers.push(layer);
                    out.tell("TLS", message.title);
                    self.learn(own, &message.told);
                }
                Found::Wait => return,
                Found::Never => return buffer.clear(),
            }
        }
    }

    fn learn(&mut self, own: usize, told: &Told) {
        match told.kind {
            1 => {
                self.reversed = own == 1;
                // After a HelloRetryRequest the first ClientHello names the connection as well as the second.
                self.random = told.random;
            }
            2 if told.is_13 && !told.retry => self.suite = told.suite.and_then(Suite::of),
            24 => {
                let side = &mut self.sides[own];
                side.traffic =
                    side.traffic.take().and_then(|(epoch, traffic)| Some((epoch, traffic.next()?)));
                side.number = 0;
            }
            _ => {}
        }
        if let Some(protocol) = &told.protocol {
            self.protocol = Some(protocol.clone());
        }
    }

    /// Opens a record with the keys of its sender, or with those that may come next.
    fn decrypt(&mut self, input: &Input<'_>, record: &[u8]) -> Option<Vec<u8>> {
        let from_client = self.is_from_client(input);
        let side = &mut self.sides[usize::from(!input.from_first)];
        let (aad, sealed) = record.split_at_checked(HEADER)?;
        if let Some((_, traffic)) = &side.traffic
            && let Some(content) = traffic.keys.open(side.number, aad, sealed)
        {
            side.number += 1;
            return Some(content);
        }
        let random = self.random?;
        for epoch in [Epoch::Early, Epoch::Handshake, Epoch::Application] {
            let Some(secret) = input.setup.secrets.traffic(&random, epoch, from_client) else { continue };
            // What came before a choice is seen is decided by trial.
            let chosen = self.suite.as_slice();
            let suites = if chosen.is_empty() { Suite::with_secret(secret.len()) } else { chosen };
            for suite in suites {
                let Some(traffic) = Traffic::new(*suite, secret, false) else { continue };
                if let Some(content) = traffic.keys.open(0, aad, sealed) {
                    (side.traffic, side.number) = (Some((epoch, traffic)), 1);
                    return Some(content);
                }
            }
        }
        None
    }

    /// Hands application data on to the protocol it belongs to.
    fn carry(&mut self, input: &Input<'_>, content: &[u8], place: &Place, last: bool, out: &mut Out) {
        let from_client = self.is_from_client(input);
        let inner = self.inner.get_or_insert_with(|| Stream::new(self.protocol.as_deref(), input.setup));
        if inner.is_opaque() {
            if !last {
                out.tell("TLS", format!("应用数据 {} 字节", content.len()));
            }
            return;
        }
        inner.buffer(from_client).append_from(content, place);
        if last {
            inner.finish(from_client, true);
        }
        match inner.open(from_client, input.now, Setup { encrypted: true, ..input.setup }) {
            Some(Opened { mut layers, told }) => {
                // What waits for more is in the record's own field.
                layers.retain(|layer| layer.protocol != "data");
                layers.iter_mut().for_each(|layer| layer.decrypted = true);
                out.layers.extend(layers);
                if let Some((name, summary)) = told {
                    out.told = Some((name, summary));
                }
            }
            None if !last => out.tell("TLS", format!("应用数据 {} 字节", content.len())),
            None => {}
        }
    }
}

/// A layer of decrypted fields at the start of `place`.
pub(crate) fn decrypted(title: String, length: usize, fields: Fields<'_>, place: &Place) -> Layer {
    let mut layer = Layer {
        protocol: "tls",
        title,
        end: to_u32(length),
        decrypted: true,
        fields: fields.list,
        ..Layer::default()
    };
    place.layer(&mut layer);
    layer
}

const CONTENT_TYPES_SHOWN: Names = &[(20, "ChangeCipherSpec"), (21, "告警"), (22, "握手"), (23, "应用数据")];

fn word(names: Names, kind: u8) -> String {
    let known = names.iter().find(|(number, _)| *number == u64::from(kind));
    known.map_or_else(|| kind.to_string(), |(_, name)| (*name).to_owned())
}

/// `告警 关闭通知`
fn alert(content: &[u8]) -> String {
    format!("告警 {}", word(ALERTS, content.get(1).copied().unwrap_or_default()))
}
