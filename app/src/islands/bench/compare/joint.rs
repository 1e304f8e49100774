//! Two parts of traces as one model: hosts beside each other, times from each part's own start.
//!
//! The views draw it as any other model; only what could be confused, addresses and streams, is told apart by
//! [`Model::second`].

use super::part::Cut;
use crate::islands::bench::model::Model;
use api::trace::{Body, Event, HostId, Lifecycle};
use std::collections::BTreeMap;

/// What stands before the names of each side.
pub(crate) const SIGNS: [&str; 2] = ["①", "②"];

/// The joint model, and where its events come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joint {
    pub(crate) model: Model,
    /// Side and event of its own trace, by sequence number here.
    pub(crate) origins: Vec<(usize, u32)>,
}

impl Joint {
    /// The event here that stands for an event of one side's trace.
    pub(crate) fn here(&self, side: usize, seq: u32) -> Option<u32> {
        let at = self.origins.iter().position(|origin| *origin == (side, seq))?;
        u32::try_from(at).ok()
    }
}

/// Puts one or two parts together: number of the side, its trace, what of it.
pub(crate) fn join(sides: &[(usize, &Model, &Cut<'_>)]) -> Joint {
    let mut model = Model::default();
    let mut all: Vec<(Event, (usize, u32))> = Vec::new();
    let (mut frames, mut sockets) = (0, 0);
    for (number, (side, of, cut)) in sides.iter().enumerate() {
        let hosts = hosts(of, cut, model.hosts.len());
        if number > 0 {
            model.second = HostId::try_from(model.hosts.len()).ok();
        }
        for info in hosts.keys().filter_map(|host| of.hosts.get(usize::from(*host))) {
            let mut info = info.clone();
            info.name = format!("{} {}", SIGNS[side % 2], info.name);
            model.hosts.push(info);
        }
        let shift = Shift { side: *side, hosts: &hosts, frames, sockets };
        for event in &cut.events {
            let time = event.time.saturating_sub(cut.origin);
            let body = shift.body(&event.body);
            all.push((Event { seq: 0, time, body }, (*side, event.seq)));
        }
        frames += of.frames.last().map_or(0, |row| row.frame.frame + 1);
        sockets += of.sockets.iter().map(|socket| socket.id + 1).max().unwrap_or(0);
        model.tier = model.tier.or(of.tier);
    }
    all.sort_by_key(|(event, (side, seq))| (event.time, *side, *seq));
    let mut origins = Vec::with_capacity(all.len());
    let mut events = Vec::with_capacity(all.len());
    for (seq, (mut event, origin)) in (0_u32..).zip(all) {
        event.seq = seq;
        if let Body::Frame(frame) = &mut event.body {
            let of = sides.iter().find(|(side, ..)| *side == origin.0);
            frame.due = frame.due.map(|due| due.saturating_sub(of.map_or(0, |(.., cut)| cut.origin)));
        }
        events.push(event);
        origins.push(origin);
    }
    model.apply(events);
    model.outcome = Some(api::run::Outcome::Completed);
    Joint { model, origins }
}

/// The hosts that do anything in a part, and their numbers here, from `first` on.
fn hosts(model: &Model, cut: &Cut<'_>, first: usize) -> BTreeMap<HostId, HostId> {
    let mut used: Vec<HostId> = Vec::new();
    for event in &cut.events {
        used.extend(crate::islands::bench::model::host_of(event));
        if let Body::Message(message) = &event.body {
            used.push(message.to);
        }
    }
    // What was meant for a host makes it take part, even if nothing arrived.
    let frames = cut.events.iter().filter_map(|event| match &event.body {
        Body::Frame(frame) => model.frame(frame.frame),
        _ => None,
    });
    used.extend(frames.filter_map(|row| crate::islands::bench::sequence::meant_for(model, row)));
    used.sort_unstable();
    used.dedup();
    let number = |at: usize| HostId::try_from(first + at).unwrap_or(HostId::MAX);
    used.into_iter().enumerate().map(|(at, host)| (host, number(at))).collect()
}

/// How the numbers of one side change.
struct Shift<'a> {
    side: usize,
    hosts: &'a BTreeMap<HostId, HostId>,
    frames: u32,
    sockets: u32,
}

impl Shift<'_> {
    fn host(&self, host: HostId) -> HostId {
        self.hosts.get(&host).copied().unwrap_or(host)
    }

    fn sign(&self, text: &str) -> String {
        format!("{} {text}", SIGNS[self.side % 2])
    }

    fn body(&self, body: &Body) -> Body {
        let mut body = body.clone();
        match &mut body {
            Body::Code(code) => code.host = code.host.map(|host| self.host(host)),
            Body::Frame(frame) => {
                frame.frame += self.frames;
                frame.from = self.host(frame.from);
            }
            Body::Delivery(delivery) => {
                delivery.frame += self.frames;
                delivery.to = delivery.to.map(|host| self.host(host));
            }
            Body::Kernel(kernel) => {
                kernel.socket += self.sockets;
                kernel.host = self.host(kernel.host);
            }
            Body::Message(message) => {
                message.from = self.host(message.from);
                message.to = self.host(message.to);
            }
            Body::Lifecycle(lifecycle) => self.lifecycle(lifecycle),
            // It names its connection by itself.
            Body::Secret(_) => {}
            Body::Signal(signal) => signal.wire = self.sign(&signal.wire),
        }
        body
    }

    fn lifecycle(&self, lifecycle: &mut Lifecycle) {
        match lifecycle {
            Lifecycle::LineChanged { host, .. } => *host = self.host(*host),
            Lifecycle::Measured { host, .. } => *host = host.map(|host| self.host(host)),
            Lifecycle::Sampled { host, series, .. } => {
                *host = host.map(|host| self.host(host));
                // A host's name has the sign already.
                if host.is_none() {
                    *series = self.sign(series);
                }
            }
            Lifecycle::Section { title } => *title = self.sign(title),
            Lifecycle::Input { text } => *text = self.sign(text),
            Lifecycle::Started { .. } | Lifecycle::Returned => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::part::cut;
    use super::*;
    use api::trace::{Delivery, Fate, Frame, HostInfo, InterfaceInfo};

    /// Two hosts; from 1 µs on a section each 3 µs, in each of which a frame is sent after 1 µs that takes 2.5 µs and
    /// gets lost for the second side's first host if it is the last.
    pub(crate) fn run(sections: &[&str]) -> Model {
        let mut model = Model::default();
        let host = |number: u8, name: &str| {
            let mac = Some(format!("02:00:00:00:00:{number:02x}"));
            HostInfo {
                name: name.into(),
                interfaces: vec![InterfaceInfo { segment: 0, mac, addresses: Vec::new() }],
            }
        };
        model.hosts = vec![host(1, "client"), host(2, "server"), host(3, "idle")];
        let mut bodies = vec![(500, Body::Lifecycle(Lifecycle::Started { setup_us: 1 }))];
        for (number, title) in (0_u32..).zip(sections) {
            let start = 1_000 + u64::from(number) * 3_000;
            bodies.push((start, Body::Lifecycle(Lifecycle::Section { title: (*title).into() })));
            let bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x06];
            let due = Some(start + 3_500);
            let frame = Frame { frame: number, from: 0, segment: 0, bytes, length: 60, due };
            bodies.push((start + 1_000, Body::Frame(frame)));
            let measured = Lifecycle::Measured {
                host: None,
                label: "往返".into(),
                value: f64::from(number + 1),
                unit: "ms".into(),
            };
            bodies.push((start + 2_000, Body::Lifecycle(measured)));
            let sampled = Lifecycle::Sampled {
                host: None,
                series: "队列".into(),
                value: f64::from(number),
                unit: "个".into(),
            };
            bodies.push((start + 2_000, Body::Lifecycle(sampled)));
            let fate = if number == 0 { Fate::Delivered } else { Fate::Lost };
            let to = Some(1).filter(|_| number == 0);
            let delivery =
                Delivery { frame: number, to, fate, reordered: false, duplicate: false, flipped_bit: None };
            bodies.push((start + 3_500, Body::Delivery(delivery)));
        }
        bodies.sort_by_key(|(time, _)| *time);
        model.apply((0..).zip(bodies).map(|(seq, (time, body))| Event { seq, time, body }).collect());
        model
    }

    #[test]
    fn both_sides_begin_at_zero_and_keep_their_own_numbers() {
        let model = run(&["甲", "乙"]);
        let (first, second) = (cut(&model, Some(0)), cut(&model, Some(1)));
        let joint = join(&[(0, &model, &first), (1, &model, &second)]);
        let names: Vec<_> = joint.model.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["① client", "① server", "② client", "② server"], "who does nothing is left out");
        assert_eq!(joint.model.second, Some(2));
        let frames: Vec<_> =
            joint.model.frames.iter().map(|row| (row.time, row.frame.from, row.frame.due)).collect();
        assert_eq!(frames, [(1_000, 0, Some(3_500)), (1_000, 2, Some(3_500))]);
        assert!(joint.model.frames.iter().all(|row| row.deliveries.len() == 1));
        let lost = &joint.model.frames[1];
        assert_eq!(crate::islands::bench::sequence::meant_for(&joint.model, lost), Some(3), "its own server");
        let series: Vec<_> = joint.model.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(series, ["① 队列", "② 队列"]);
        assert_eq!(joint.origins.len(), joint.model.events.len());
        for (seq, (side, of)) in (0_u32..).zip(&joint.origins) {
            assert_eq!(joint.here(*side, *of), Some(seq));
        }
    }

    #[test]
    fn one_side_alone_keeps_its_sign() {
        let model = run(&["甲", "乙"]);
        let joint = join(&[(1, &model, &cut(&model, Some(1)))]);
        assert_eq!(joint.model.hosts[0].name, "② client");
        assert_eq!((joint.model.second, joint.model.sections.len()), (None, 0));
        assert_eq!(joint.model.end, 3_500);
    }
}
