//! From the trace to the marks of the diagram.

use super::scene::{Arrow, Course, Mark, What, mark_late};
use crate::islands::bench::format;
use crate::islands::bench::model::{DeliveryRow, FrameRow, Model};
use crate::islands::bench::segments::Segments;
use api::trace::{Body, Fate, FrameId, HostId, Lifecycle, Message, SocketState, Transport};
use std::collections::HashMap;

/// All marks of a trace in the order of time.
pub(crate) fn build(model: &Model, segments: &Segments) -> Vec<Mark> {
    let mut marks = Vec::new();
    // Last known state by socket.
    let mut states: HashMap<u32, Option<SocketState>> = HashMap::new();
    for event in &model.events {
        let found = match &event.body {
            Body::Code(code) if code.own => {
                code.host.map(|host| (code.message.clone(), What::Code { host, level: code.level }))
            }
            Body::Frame(frame) => index_of(model, frame.frame).and_then(|index| {
                let caption = segments.get(index).map(|told| told.caption.clone()).unwrap_or_default();
                let arrows = arrows(model, model.frames.get(index)?);
                Some((caption, What::Frame { from: frame.from, arrows }))
            }),
            Body::Kernel(kernel) => {
                let before = states.insert(kernel.socket, kernel.state);
                let text = state_text(kernel.transport, before.flatten(), kernel.state);
                text.filter(|_| before != Some(kernel.state)).map(|text| {
                    (text.to_owned(), What::State { host: kernel.host, gone: kernel.state.is_none() })
                })
            }
            Body::Lifecycle(lifecycle) => note(model, lifecycle),
            Body::Message(message) => Some((message.text.clone(), passage(message))),
            Body::Code(_) | Body::Delivery(_) | Body::Signal(_) | Body::Secret(_) => None,
        };
        if let Some((text, what)) = found {
            marks.push(Mark { seq: event.seq, time: event.time, text, what });
        }
    }
    mark_late(&mut marks);
    marks
}

fn index_of(model: &Model, id: FrameId) -> Option<usize> {
    model.frames.binary_search_by_key(&id, |row| row.frame.frame).ok()
}

/// UDP sockets have no states worth a chip except that they are there and that they are not.
fn state_text(
    transport: Transport,
    before: Option<SocketState>,
    now: Option<SocketState>,
) -> Option<&'static str> {
    match (transport, before, now) {
        (Transport::Tcp, _, Some(state)) => Some(format::state(state)),
        (Transport::Tcp, _, None) => Some("已关闭"),
        (Transport::Udp, None, Some(_)) => Some("UDP 打开"),
        (Transport::Udp, Some(_), Some(SocketState::Established)) => Some("UDP 已连接"),
        (Transport::Udp, _, None) => Some("UDP 关闭"),
        (Transport::Udp, _, Some(_)) => None,
    }
}

fn note(model: &Model, lifecycle: &Lifecycle) -> Option<(String, What)> {
    let text = match lifecycle {
        Lifecycle::Section { title } => return Some((title.clone(), What::Note { section: true })),
        Lifecycle::Input { text } => format!("读者输入：{text}"),
        Lifecycle::LineChanged { host, .. } => format!("{} 的线路改了", model.host_name(*host)),
        Lifecycle::Started { .. }
        | Lifecycle::Measured { .. }
        | Lifecycle::Sampled { .. }
        | Lifecycle::Returned => return None,
    };
    Some((text, What::Note { section: false }))
}

/// A message between two programs: one arrow, as for a frame, though no frame was seen.
fn passage(message: &Message) -> What {
    let arrow = Arrow {
        to: message.to,
        end: message.arrived,
        seq: u32::MAX,
        course: message.arrived.map_or(Course::Open, |_| Course::Sealed(Fate::Delivered)),
        reordered: false,
        late: false,
        duplicate: false,
        corrupted: false,
    };
    What::Frame { from: message.from, arrows: vec![arrow] }
}

fn arrows(model: &Model, row: &FrameRow) -> Vec<Arrow> {
    let meant = || meant_for(model, row).unwrap_or(row.frame.from);
    if row.deliveries.is_empty() {
        let (to, end, course) = if model.outcome.is_some() {
            (row.frame.from, Some(row.time), Course::Unrecorded)
        } else {
            (meant(), row.frame.due, Course::Open)
        };
        let arrow = Arrow {
            to,
            end,
            seq: u32::MAX,
            course,
            reordered: false,
            late: false,
            duplicate: false,
            corrupted: false,
        };
        return vec![arrow];
    }
    let arrow = |row: &DeliveryRow| Arrow {
        to: row.delivery.to.unwrap_or_else(meant),
        // A fate that was sealed at the entrance has no length of its own.
        end: Some(row.time),
        seq: row.seq,
        course: Course::Sealed(row.delivery.fate),
        reordered: row.delivery.reordered,
        late: false,
        duplicate: row.delivery.duplicate,
        corrupted: row.delivery.flipped_bit.is_some() && row.delivery.fate == Fate::Delivered,
    };
    row.deliveries.iter().map(arrow).collect()
}

/// The host a frame was meant for: the one with its destination address, or a neighbour if it was for all.
pub(crate) fn meant_for(model: &Model, row: &FrameRow) -> Option<HostId> {
    let destination = row.frame.bytes.get(..6)?;
    let is_its = |mac: &str| {
        let mut octets = mac.split(':').map(|octet| u8::from_str_radix(octet, 16));
        destination.iter().all(|byte| octets.next() == Some(Ok(*byte)))
    };
    // Of two runs side by side, the sender's own.
    let (first, end) = match (model.second.map(usize::from), model.is_second(row.frame.from)) {
        (Some(second), true) => (second, model.hosts.len()),
        (Some(second), false) => (0, second),
        (None, _) => (0, model.hosts.len()),
    };
    let addressed = model.hosts.get(first..end)?.iter().position(|host| {
        host.interfaces.iter().any(|interface| interface.mac.as_deref().is_some_and(is_its))
    });
    let from = usize::from(row.frame.from);
    let neighbour =
        if from + 1 < end { Some(from + 1) } else { from.checked_sub(1).filter(|before| *before >= first) };
    HostId::try_from(addressed.map(|at| first + at).or(neighbour)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::run::Outcome;
    use api::trace::{Delivery, Event, Frame, HostInfo, InterfaceInfo, Kernel};

    fn host(number: u8) -> HostInfo {
        let interface = InterfaceInfo {
            segment: 0,
            mac: Some(format!("02:00:00:00:00:{number:02x}")),
            addresses: vec![std::net::IpAddr::from([10, 0, 0, number])],
        };
        HostInfo { name: format!("h{number}"), interfaces: vec![interface] }
    }

    fn frame(id: u32, to: u8) -> Body {
        let mut bytes = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, 1, 0x08, 0x06];
        bytes.resize(42, 0);
        Body::Frame(Frame { frame: id, from: 0, segment: 0, bytes, length: 42, due: None })
    }

    fn kernel(state: Option<SocketState>, cwnd: u32) -> Body {
        let tcp = Some(api::trace::TcpInfo { cwnd, ..Default::default() });
        Body::Kernel(Kernel {
            host: 0,
            socket: 7,
            transport: Transport::Tcp,
            local: "10.0.0.1:1".into(),
            remote: String::new(),
            state,
            receive_queue: 0,
            send_queue: 0,
            drops: 0,
            tcp,
        })
    }

    fn marks(bodies: Vec<Body>) -> Vec<Mark> {
        marks_then(bodies, None)
    }

    fn marks_then(bodies: Vec<Body>, outcome: Option<Outcome>) -> Vec<Mark> {
        let mut model = Model::default();
        model.outcome = outcome;
        model.hosts = vec![host(1), host(2), host(3)];
        let event = |(seq, body): (usize, Body)| Event { seq: seq as u32, time: seq as u64 * 1_000, body };
        model.apply(bodies.into_iter().enumerate().map(event).collect());
        let mut segments = Segments::default();
        segments.update(&model);
        build(&model, &segments)
    }

    #[test]
    fn a_frame_lost_on_its_own_cable_points_at_its_destination() {
        let lost = Delivery {
            frame: 0,
            to: None,
            fate: Fate::Lost,
            reordered: false,
            duplicate: false,
            flipped_bit: None,
        };
        let marks = marks(vec![frame(0, 3), Body::Delivery(lost)]);
        let What::Frame { arrows, .. } = &marks[0].what else { panic!("{marks:?}") };
        assert_eq!((arrows[0].to, arrows[0].course), (2, Course::Sealed(Fate::Lost)));
        assert_eq!(arrows[0].end, Some(1_000));
    }

    #[test]
    fn a_frame_without_news_is_on_its_way() {
        let marks = marks(vec![frame(0, 2)]);
        let What::Frame { arrows, .. } = &marks[0].what else { panic!("{marks:?}") };
        assert_eq!((arrows[0].to, arrows[0].course, arrows[0].end), (1, Course::Open, None));
    }

    #[test]
    fn a_frame_without_news_after_the_run_goes_nowhere() {
        let marks = marks_then(vec![frame(0, 2)], Some(Outcome::Completed));
        let What::Frame { arrows, .. } = &marks[0].what else { panic!("{marks:?}") };
        assert_eq!((arrows[0].to, arrows[0].course, arrows[0].end), (0, Course::Unrecorded, Some(0)));
        assert_eq!(arrows[0].remark(), "没有送达记录");
    }

    #[test]
    fn only_changes_of_state_are_marks() {
        use SocketState::{Established, SynSent};
        let marks = marks(vec![
            kernel(Some(SynSent), 10),
            kernel(Some(Established), 10),
            kernel(Some(Established), 20),
            kernel(None, 0),
        ]);
        let texts: Vec<&str> = marks.iter().map(|mark| mark.text.as_str()).collect();
        assert_eq!(texts, ["SYN_SENT", "ESTABLISHED", "已关闭"]);
    }
}
