//! A trace as the views read it: sorted, indexed, and cheap to extend while a run streams in.
//!
//! Pure data: no signals, no browser. Times are nanoseconds since the start of the run.

use api::run::{Outcome, Tier};
use api::trace::{
    Body, Delivery, Event, Frame, FrameId, HostId, HostInfo, Kernel, LeftOut, Lifecycle, Trace, Transport,
};
use std::collections::{BTreeMap, HashMap};

/// Sequence numbers from here on are refused; no run records that many events.
const MAX_SEQ: u32 = 1 << 22;
const NOWHERE: u32 = u32::MAX;

/// Everything known so far of one run.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub hosts: Vec<HostInfo>,
    /// Sorted by `(time, seq)`.
    pub events: Vec<Event>,
    /// Sorted by frame number.
    pub frames: Vec<FrameRow>,
    /// In the order the kernel observer first saw them.
    pub sockets: Vec<SocketHistory>,
    /// Events of the lab's own code that name a line, sorted by `(time, seq)`.
    pub steps: Vec<CodeStep>,
    /// Source files that `steps` name.
    pub files: Vec<String>,
    pub measured: Vec<Measurement>,
    pub sections: Vec<Section>,
    /// Lines of the key log, in the order in which they came.
    pub secrets: Vec<String>,
    /// What the lab sampled, in the order in which the series first appeared.
    pub series: Vec<Series>,
    /// The hosts from this one on belong to a second run, see `compare`; `None` if there is but one.
    pub second: Option<HostId>,
    /// How many levels of lines that are not Ethernet there are.
    pub signals: u32,
    /// How many events of the lab enter or leave a layer, see `onion`.
    pub crossings: u32,
    /// Time of the last event.
    pub end: u64,
    /// How the run ended; `None` while it runs.
    pub outcome: Option<Outcome>,
    pub left_out: LeftOut,
    /// Events the server did not send because this page read too slowly.
    pub thinned: u32,
    pub tier: Option<Tier>,
    /// Under `/traces/`, once saved.
    pub trace_id: Option<String>,
    /// Position in `events` by sequence number, [`NOWHERE`] where there is none.
    positions: Vec<u32>,
    sockets_by_id: HashMap<u32, usize>,
    /// Deliveries whose frame is not here (it was thinned out, or comes later).
    orphans: BTreeMap<FrameId, Vec<DeliveryRow>>,
}

/// A frame and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameRow {
    pub seq: u32,
    pub time: u64,
    pub frame: Frame,
    /// Sorted by `(time, seq)`; empty while the frame travels.
    pub deliveries: Vec<DeliveryRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRow {
    pub seq: u32,
    pub time: u64,
    pub delivery: Delivery,
}

/// One socket over its life.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketHistory {
    pub id: u32,
    pub host: HostId,
    pub transport: Transport,
    /// Addresses as last seen.
    pub local: String,
    pub remote: String,
    /// Time, sequence number, what the kernel said; sorted.
    pub samples: Vec<(u64, u32, Kernel)>,
}

/// The lab's own code logged from a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeStep {
    pub time: u64,
    pub seq: u32,
    pub host: Option<HostId>,
    /// Index into [`Model::files`].
    pub file: u16,
    pub line: u32,
}

/// A result the lab reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    pub time: u64,
    pub seq: u32,
    pub host: Option<HostId>,
    pub label: String,
    pub value: f64,
    pub unit: String,
}

/// Values over time under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub host: Option<HostId>,
    pub name: String,
    pub unit: String,
    /// Sorted by `(time, seq)`.
    pub points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub time: u64,
    pub seq: u32,
    pub value: f64,
}

/// The part of a run that begins here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub time: u64,
    pub seq: u32,
    pub title: String,
}

impl Model {
    /// A finished run from disk.
    #[must_use]
    pub fn from_trace(trace: &Trace) -> Self {
        Self::from(trace.clone())
    }

    /// A run of which nothing is known yet.
    #[must_use]
    pub fn of_new_run(tier: Tier) -> Self {
        Self { tier: Some(tier), ..Self::default() }
    }

    /// Adds events in any order; events already known (by sequence number) are ignored.
    /// Cheap when they are newer than all others, which they nearly always are.
    pub fn apply(&mut self, mut batch: Vec<Event>) {
        batch.retain(|event| event.seq < MAX_SEQ && self.position(event.seq).is_none());
        batch.sort_by_key(key);
        batch.dedup_by_key(|event| event.seq);
        let Some(first) = batch.first().map(key) else { return };
        for event in &batch {
            self.index(event);
        }
        let from = self.events.partition_point(|event| key(event) < first);
        let in_order = from == self.events.len();
        self.events.extend(batch);
        if !in_order {
            self.events[from..].sort_by_key(key);
        }
        for position in from..self.events.len() {
            let seq = self.events[position].seq as usize;
            if self.positions.len() <= seq {
                self.positions.resize(seq + 1, NOWHERE);
            }
            self.positions[seq] = u32::try_from(position).unwrap_or(NOWHERE);
        }
        self.end = self.events.last().map_or(0, |event| event.time);
    }

    fn index(&mut self, event: &Event) {
        let (time, seq) = (event.time, event.seq);
        match &event.body {
            Body::Code(code) => {
                self.crossings += u32::from(super::onion::crossing(code).is_some());
                if let (true, Some(name), Some(line)) = (code.own, &code.file, code.line) {
                    let step = CodeStep { time, seq, host: code.host, file: self.file(name), line };
                    insert_sorted(&mut self.steps, step, |s| (s.time, s.seq));
                }
            }
            Body::Frame(frame) => {
                let deliveries = self.orphans.remove(&frame.frame).unwrap_or_default();
                let row = FrameRow { seq, time, frame: frame.clone(), deliveries };
                insert_sorted(&mut self.frames, row, |row| row.frame.frame);
            }
            Body::Delivery(delivery) => {
                let row = DeliveryRow { seq, time, delivery: delivery.clone() };
                let rows = match self.frames.binary_search_by_key(&delivery.frame, |row| row.frame.frame) {
                    Ok(at) => &mut self.frames[at].deliveries,
                    Err(_) => self.orphans.entry(delivery.frame).or_default(),
                };
                insert_sorted(rows, row, |row| (row.time, row.seq));
            }
            Body::Kernel(kernel) => {
                let at = *self.sockets_by_id.entry(kernel.socket).or_insert_with(|| {
                    self.sockets.push(SocketHistory {
                        id: kernel.socket,
                        host: kernel.host,
                        transport: kernel.transport,
                        local: String::new(),
                        remote: String::new(),
                        samples: Vec::new(),
                    });
                    self.sockets.len() - 1
                });
                let socket = &mut self.sockets[at];
                insert_sorted(&mut socket.samples, (time, seq, kernel.clone()), |s| (s.0, s.1));
                if let Some((_, _, last)) = socket.samples.last() {
                    socket.local.clone_from(&last.local);
                    socket.remote.clone_from(&last.remote);
                }
            }
            Body::Lifecycle(Lifecycle::Measured { host, label, value, unit }) => {
                let (host, value) = (*host, *value);
                let row = Measurement { time, seq, host, value, label: label.clone(), unit: unit.clone() };
                insert_sorted(&mut self.measured, row, |row| (row.time, row.seq));
            }
            Body::Lifecycle(Lifecycle::Sampled { host, series, value, unit }) => {
                let at = self.series(*host, series, unit);
                let point = Point { time, seq, value: *value };
                insert_sorted(&mut self.series[at].points, point, |point| (point.time, point.seq));
            }
            Body::Lifecycle(Lifecycle::Section { title }) => {
                let row = Section { time, seq, title: title.clone() };
                insert_sorted(&mut self.sections, row, |row| (row.time, row.seq));
            }
            Body::Signal(_) => self.signals += 1,
            Body::Secret(secret) => self.secrets.push(secret.line.clone()),
            Body::Lifecycle(_) | Body::Message(_) => {}
        }
    }

    /// Where the series is, which begins to exist if need be.
    fn series(&mut self, host: Option<HostId>, name: &str, unit: &str) -> usize {
        let same = |series: &Series| series.host == host && series.name == name && series.unit == unit;
        self.series.iter().position(same).unwrap_or_else(|| {
            let (name, unit) = (name.to_owned(), unit.to_owned());
            self.series.push(Series { host, name, unit, points: Vec::new() });
            self.series.len() - 1
        })
    }

    /// The section that an event belongs to: `None` before the first.
    #[must_use]
    pub fn section_at(&self, time: u64, seq: u32) -> Option<usize> {
        self.sections.partition_point(|section| (section.time, section.seq) <= (time, seq)).checked_sub(1)
    }

    /// Is a host of the second of two runs?
    #[must_use]
    pub fn is_second(&self, host: HostId) -> bool {
        self.second.is_some_and(|second| host >= second)
    }

    fn file(&mut self, name: &str) -> u16 {
        let at = self.files.iter().position(|file| file == name).unwrap_or_else(|| {
            self.files.push(name.to_owned());
            self.files.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    /// True before anything happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Where an event is in [`Self::events`].
    #[must_use]
    pub fn position(&self, seq: u32) -> Option<usize> {
        let position = *self.positions.get(seq as usize)?;
        (position != NOWHERE).then_some(position as usize)
    }

    #[must_use]
    pub fn event(&self, seq: u32) -> Option<&Event> {
        self.events.get(self.position(seq)?)
    }

    #[must_use]
    pub fn frame(&self, id: FrameId) -> Option<&FrameRow> {
        let at = self.frames.binary_search_by_key(&id, |row| row.frame.frame).ok()?;
        self.frames.get(at)
    }

    #[must_use]
    pub fn socket(&self, id: u32) -> Option<&SocketHistory> {
        self.sockets.get(*self.sockets_by_id.get(&id)?)
    }

    /// How many events happened up to and including `time`.
    #[must_use]
    pub fn until(&self, time: u64) -> usize {
        self.events.partition_point(|event| event.time <= time)
    }

    /// The largest sequence number known: where to resume.
    #[must_use]
    pub fn last_seq(&self) -> Option<u32> {
        u32::try_from(self.positions.len()).ok()?.checked_sub(1)
    }

    /// Name of a host, or a dash if unknown.
    #[must_use]
    pub fn host_name(&self, host: HostId) -> &str {
        self.hosts.get(usize::from(host)).map_or("—", |info| info.name.as_str())
    }

    /// The frame an event is about: itself, or the frame that was delivered.
    #[must_use]
    pub fn frame_of(&self, seq: u32) -> Option<&FrameRow> {
        match &self.event(seq)?.body {
            Body::Frame(frame) => self.frame(frame.frame),
            Body::Delivery(delivery) => self.frame(delivery.frame),
            _ => None,
        }
    }

    /// The nearest event after (`forward`) or before `from` that is shown, by sequence number.
    /// `from` is an event, or (if there is none) a time.
    #[must_use]
    pub fn neighbour(&self, from: Option<u32>, time: u64, forward: bool, crates: bool) -> Option<u32> {
        let shown = |event: &&Event| is_shown(event, crates);
        let at = from.and_then(|seq| self.position(seq));
        if forward {
            let start = at.map_or_else(|| self.until(time), |at| at + 1);
            self.events[start..].iter().find(shown).map(|event| event.seq)
        } else {
            let end = at.unwrap_or_else(|| self.events.partition_point(|event| event.time < time));
            self.events[..end].iter().rev().find(shown).map(|event| event.seq)
        }
    }
}

impl From<Trace> for Model {
    fn from(trace: Trace) -> Self {
        let mut model = Self {
            hosts: trace.hosts,
            outcome: Some(trace.outcome),
            left_out: trace.left_out,
            tier: Some(trace.tier),
            trace_id: Some(trace.id).filter(|id| !id.is_empty()),
            ..Self::default()
        };
        model.apply(trace.events);
        model
    }
}

/// Is this event shown at all, given the switch for the events of crates?
#[must_use]
pub fn is_shown(event: &Event, crates: bool) -> bool {
    match &event.body {
        Body::Code(code) => code.own || crates,
        // Points of a curve: too many to step through.
        Body::Lifecycle(Lifecycle::Sampled { .. }) => false,
        Body::Secret(_) => false,
        _ => true,
    }
}

/// The host an event happened at: for a delivery the receiver, for a frame the sender.
#[must_use]
pub fn host_of(event: &Event) -> Option<HostId> {
    match &event.body {
        Body::Code(code) => code.host,
        Body::Frame(frame) => Some(frame.from),
        Body::Delivery(delivery) => delivery.to,
        Body::Message(message) => Some(message.from),
        Body::Kernel(kernel) => Some(kernel.host),
        Body::Lifecycle(Lifecycle::LineChanged { host, .. }) => Some(*host),
        Body::Lifecycle(Lifecycle::Measured { host, .. } | Lifecycle::Sampled { host, .. }) => *host,
        Body::Lifecycle(_) | Body::Signal(_) | Body::Secret(_) => None,
    }
}

fn key(event: &Event) -> (u64, u32) {
    (event.time, event.seq)
}

/// Appends, or inserts where the key belongs if something newer is already there.
fn insert_sorted<T, K: Ord>(rows: &mut Vec<T>, row: T, key: impl Fn(&T) -> K) {
    let wanted = key(&row);
    if rows.last().is_none_or(|last| key(last) <= wanted) {
        rows.push(row);
    } else {
        let at = rows.partition_point(|other| key(other) <= wanted);
        rows.insert(at, row);
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
