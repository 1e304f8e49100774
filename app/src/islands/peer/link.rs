//! The two sockets of one island (the peer's and its observer's), and the timeline they fill.

use std::rc::Rc;
use std::time::Duration;

use api::lab::LabInfo;
use api::peer::{FromObserver, ToObserver};
use api::trace::Level;
use leptos::prelude::*;

use super::clock::{Clock, Probe};
use super::socket::{Happened, Socket, url};
use super::timeline::{Timeline, preview};
use crate::islands::bench::state::{Bench, Origin};

/// Questions about the server's clock before the peer is opened.
const PROBES: usize = 5;
/// After the peer has closed, the observer listens on for the server's last words.
const LAST_WORDS: Duration = Duration::from_millis(800);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Idle,
    /// Opening the observer and comparing clocks.
    Preparing,
    Opening,
    Open,
    /// The closing handshake is on its way.
    Closing,
}

type OnMessage = Rc<dyn Fn(&str)>;

/// Shared state of one island. `Copy`: hand it on by value.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) bench: Bench,
    pub(crate) phase: RwSignal<Phase>,
    /// Bytes the browser still has to give to the network.
    pub(crate) buffered: RwSignal<u32>,
    /// How long the best comparison of clocks took, nanoseconds.
    pub(crate) round_trip: RwSignal<Option<u64>>,
    /// How the last connection ended: code, reason, clean.
    pub(crate) ended: RwSignal<Option<(u16, String, bool)>>,
    pub(crate) complaint: RwSignal<Option<String>>,
    path: &'static str,
    timeline: StoredValue<Timeline>,
    peer: StoredValue<Option<Socket>, LocalStorage>,
    observer: StoredValue<Option<Socket>, LocalStorage>,
    on_message: StoredValue<Option<OnMessage>, LocalStorage>,
    /// What the observer calls itself.
    id: StoredValue<String>,
    probes: StoredValue<Vec<Probe>>,
    asked: StoredValue<u64>,
    /// On the browser's clock, when this connection's time begins; nanoseconds.
    zero: StoredValue<u64>,
    drawing: StoredValue<bool>,
    /// Counts connections, so that what is late belongs to none.
    number: StoredValue<u32>,
}

impl Link {
    /// `slug`: last part of the path.
    pub(crate) fn new(slug: &'static str, path: &'static str, title: &str) -> Self {
        let info = LabInfo {
            slug: slug.into(),
            title: title.into(),
            summary: String::new(),
            hosts: vec!["浏览器".into(), "服务器".into()],
            params: Vec::new(),
            input: None,
            needs_isolated: false,
            file: String::new(),
            lines: std::collections::BTreeMap::new(),
            hints: api::lab::Hints::default(),
        };
        Self {
            bench: Bench::new(format!("peer-{slug}"), info),
            phase: RwSignal::new(Phase::Idle),
            buffered: RwSignal::new(0),
            round_trip: RwSignal::new(None),
            ended: RwSignal::new(None),
            complaint: RwSignal::new(None),
            path,
            timeline: StoredValue::new(Timeline::default()),
            peer: StoredValue::new_local(None),
            observer: StoredValue::new_local(None),
            on_message: StoredValue::new_local(None),
            id: StoredValue::new(String::new()),
            probes: StoredValue::new(Vec::new()),
            asked: StoredValue::new(0),
            zero: StoredValue::new(0),
            drawing: StoredValue::new(false),
            number: StoredValue::new(0),
        }
    }

    /// What to do with every text from the peer, and (with an empty text) when the socket has opened.
    pub(crate) fn on_message(self, receive: impl Fn(&str) + 'static) {
        self.on_message.set_value(Some(Rc::new(receive)));
    }

    /// Opens a connection with a timeline of its own.
    pub(crate) fn connect(self) {
        if self.phase.get_untracked() != Phase::Idle {
            return;
        }
        let number = self.number.get_value() + 1;
        self.number.set_value(number);
        self.zero.set_value(clock_ns());
        self.timeline.set_value(Timeline::default());
        self.probes.set_value(Vec::new());
        self.ended.set(None);
        self.complaint.set(None);
        self.buffered.set(0);
        self.phase.set(Phase::Preparing);
        let happened = move |happened| {
            if self.number.try_get_value() == Some(number) {
                self.observed(happened);
            }
        };
        let observer = Socket::open("/peer/observe", happened);
        if observer.is_none() {
            self.fail("浏览器不肯打开 WebSocket");
        }
        self.observer.set_value(observer);
    }

    /// Sends a text; it becomes an arrow of the timeline.
    pub(crate) fn send(self, text: &str) -> bool {
        let sent = self.with_peer(|peer| peer.send(text));
        if sent {
            self.handed_over(format!("send：{} 字节文本", text.len()), preview(text));
        }
        sent
    }

    /// Sends so many bytes.
    pub(crate) fn send_bytes(self, length: usize) {
        if self.with_peer(|peer| peer.send_bytes(&vec![0x5a; length])) {
            self.handed_over(format!("send：{length} 字节二进制"), format!("二进制 {length} 字节"));
        }
    }

    pub(crate) fn close(self, code: u16, reason: &str) {
        if self.with_peer(|peer| peer.close(code, reason)) {
            self.phase.set(Phase::Closing);
            self.note(Level::Info, format!("close({code})"), &[]);
        }
    }

    fn handed_over(self, words: String, label: String) {
        let time = self.now();
        let buffered = self.peer.with_value(|peer| peer.as_ref().map_or(0, Socket::buffered));
        self.buffered.set(buffered);
        self.timeline.update_value(|timeline| {
            timeline.browser(time, Level::Info, words, &[("bufferedAmount", buffered.to_string())]);
            timeline.sent(time, label);
        });
        self.draw();
    }

    fn with_peer(self, act: impl FnOnce(&Socket) -> bool) -> bool {
        self.peer.with_value(|peer| peer.as_ref().is_some_and(act))
    }

    /// Nanoseconds since this connection's time began.
    fn now(self) -> u64 {
        clock_ns().saturating_sub(self.zero.get_value())
    }

    fn note(self, level: Level, words: String, fields: &[(&str, String)]) {
        let time = self.now();
        self.timeline.update_value(|timeline| timeline.browser(time, level, words, fields));
        self.draw();
    }

    fn observed(self, happened: Happened) {
        match happened {
            Happened::Opened | Happened::Binary(_) => {}
            Happened::Closed { .. } => {
                if self.phase.get_untracked() == Phase::Preparing {
                    self.fail("连不上服务器，请稍后再试");
                }
            }
            Happened::Text(text) => match serde_json::from_str(&text) {
                Ok(message) => self.told(message),
                Err(error) => leptos::logging::warn!("/peer/observe: {error}"),
            },
        }
    }

    fn told(self, message: FromObserver) {
        match message {
            FromObserver::Hello { observer } => {
                self.id.set_value(observer);
                self.ask();
            }
            FromObserver::Clock { time, .. } => self.answered(time),
            FromObserver::Seen { events } => {
                self.timeline
                    .update_value(|timeline| events.into_iter().for_each(|seen| timeline.server(seen)));
                self.draw();
            }
            FromObserver::LeftOut { events } => {
                self.timeline.update_value(|timeline| timeline.left_out(events));
            }
        }
    }
}

impl Link {
    /// What time is it at the server?
    fn ask(self) {
        self.asked.set_value(self.now());
        let probe = u32::try_from(self.probes.with_value(Vec::len)).unwrap_or(u32::MAX);
        let Ok(question) = serde_json::to_string(&ToObserver::Clock { probe }) else { return };
        self.observer.with_value(|observer| observer.as_ref().is_some_and(|it| it.send(&question)));
    }

    fn answered(self, server: u64) {
        let probe = Probe { asked: self.asked.get_value(), server, answered: self.now() };
        self.probes.update_value(|probes| probes.push(probe));
        if self.probes.with_value(Vec::len) < PROBES {
            return self.ask();
        }
        if let Some(clock) = self.probes.with_value(|probes| Clock::new(probes)) {
            self.round_trip.set(Some(clock.round_trip()));
            self.timeline.update_value(|timeline| timeline.set_clock(clock));
        }
        self.open_peer();
    }

    /// The clocks are compared: now the socket that all this is about.
    fn open_peer(self) {
        let number = self.number.get_value();
        let path = format!("{}?observer={}", self.path, self.id.get_value());
        self.bench.origin.set(Origin::Live);
        self.bench.follow.set(true);
        self.phase.set(Phase::Opening);
        let words = format!("new WebSocket(\"{}\")", url(self.path).unwrap_or_default());
        self.note(Level::Info, words, &[]);
        let happened = move |happened| {
            if self.number.try_get_value() == Some(number) {
                self.happened(happened);
            }
        };
        let peer = Socket::open(&path, happened);
        if peer.is_none() {
            self.fail("浏览器不肯打开 WebSocket");
        }
        self.peer.set_value(peer);
    }

    fn happened(self, happened: Happened) {
        let buffered = self.peer.with_value(|peer| peer.as_ref().map_or(0, Socket::buffered));
        self.buffered.set(buffered);
        match happened {
            Happened::Opened => {
                self.phase.set(Phase::Open);
                self.note(Level::Info, "open：连接可以用了".into(), &[]);
                self.receive("");
            }
            Happened::Text(text) => {
                self.arrived(format!("message：{} 字节文本", text.len()), preview(&text), buffered);
                self.receive(&text);
            }
            Happened::Binary(length) => {
                let label = format!("二进制 {length} 字节");
                self.arrived(format!("message：{length} 字节二进制"), label, buffered);
            }
            Happened::Closed { code, reason, clean } => {
                let level = if clean { Level::Info } else { Level::Warn };
                let fields = [("wasClean", clean.to_string()), ("reason", reason.clone())];
                self.note(level, format!("close：code = {code}"), &fields);
                self.ended.set(Some((code, reason, clean)));
                self.end();
            }
        }
    }

    fn arrived(self, words: String, label: String, buffered: u32) {
        let time = self.now();
        self.timeline.update_value(|timeline| {
            timeline.received(time, label);
            timeline.browser(time, Level::Info, words, &[("bufferedAmount", buffered.to_string())]);
        });
        self.draw();
    }

    fn receive(self, text: &str) {
        let receive = self.on_message.with_value(Clone::clone);
        if let Some(receive) = receive {
            receive(text);
        }
    }

    fn fail(self, sentence: &str) {
        self.complaint.set(Some(sentence.to_owned()));
        self.end();
    }

    /// The peer is closed. The observer stays a little for what the server still has to say.
    fn end(self) {
        self.phase.set(Phase::Idle);
        self.buffered.set(0);
        self.draw();
        let number = self.number.get_value();
        let last_words = move || {
            if self.number.try_get_value() == Some(number) {
                self.peer.set_value(None);
                self.observer.set_value(None);
            }
        };
        set_timeout(last_words, LAST_WORDS);
    }

    /// Hands the timeline to the views, at most once per animation frame.
    fn draw(self) {
        if self.drawing.get_value() {
            return;
        }
        self.drawing.set_value(true);
        request_animation_frame(move || {
            if self.drawing.try_set_value(false).is_some() {
                // The island is gone.
                return;
            }
            let over = matches!(self.phase.get_untracked(), Phase::Idle);
            let model = self.timeline.with_value(|timeline| timeline.model(over));
            let end = model.end;
            self.bench.model.set(model);
            if self.bench.follow.get_untracked() {
                self.bench.cursor.set(end);
            }
        });
    }
}

/// The browser's clock, nanoseconds since the page began.
fn clock_ns() -> u64 {
    let ms = window().performance().map_or(0.0, |clock| clock.now());
    (ms * 1e6) as u64
}
