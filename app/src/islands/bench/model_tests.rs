use super::*;
use api::trace::{Code, Fate, Level, SocketState};

fn code(seq: u32, time: u64, line: u32, own: bool) -> Event {
    let code = Code {
        host: Some(0),
        level: Level::Info,
        target: "labs::x".into(),
        file: Some("server/labs/src/x.rs".into()),
        line: Some(line),
        message: "你好".into(),
        fields: Vec::new(),
        own,
    };
    Event { seq, time, body: Body::Code(code) }
}

fn frame(seq: u32, time: u64, id: FrameId) -> Event {
    let frame = Frame { frame: id, from: 0, segment: 0, bytes: vec![0; 60], length: 60, due: None };
    Event { seq, time, body: Body::Frame(frame) }
}

fn delivery(seq: u32, time: u64, id: FrameId) -> Event {
    let delivery = Delivery {
        frame: id,
        to: Some(1),
        fate: Fate::Delivered,
        reordered: false,
        duplicate: false,
        flipped_bit: None,
    };
    Event { seq, time, body: Body::Delivery(delivery) }
}

fn kernel(seq: u32, time: u64, socket: u32, state: SocketState) -> Event {
    let kernel = Kernel {
        host: 1,
        socket,
        transport: Transport::Tcp,
        local: "10.0.0.2:80".into(),
        remote: format!("10.0.0.1:{}", 40_000 + seq),
        state: Some(state),
        receive_queue: 0,
        send_queue: 0,
        drops: 0,
        tcp: None,
    };
    Event { seq, time, body: Body::Kernel(kernel) }
}

fn order(model: &Model) -> Vec<u32> {
    model.events.iter().map(|event| event.seq).collect()
}

#[test]
fn late_events_are_sorted_in_and_found_by_sequence_number() {
    let mut model = Model::default();
    model.apply(vec![code(0, 10, 1, true), code(1, 30, 2, true)]);
    model.apply(vec![code(3, 40, 4, true), code(2, 20, 3, true)]);
    assert_eq!(order(&model), [0, 2, 1, 3]);
    for seq in 0..4 {
        assert_eq!(model.event(seq).unwrap().seq, seq);
    }
    assert_eq!(model.steps.iter().map(|step| step.line).collect::<Vec<_>>(), [1, 3, 2, 4]);
    assert_eq!((model.end, model.last_seq()), (40, Some(3)));
}

#[test]
fn events_seen_twice_count_once() {
    let mut model = Model::default();
    model.apply(vec![frame(0, 1, 0), frame(0, 1, 0), delivery(1, 2, 0)]);
    model.apply(vec![delivery(1, 2, 0), delivery(2, 3, 0)]);
    assert_eq!(order(&model), [0, 1, 2]);
    assert_eq!(model.frames.len(), 1);
    assert_eq!(model.frame(0).unwrap().deliveries.len(), 2);
}

#[test]
fn a_delivery_waits_for_its_frame() {
    let mut model = Model::default();
    model.apply(vec![delivery(5, 9, 7)]);
    assert!(model.frame_of(5).is_none());
    model.apply(vec![frame(4, 8, 7), frame(1, 2, 3)]);
    assert_eq!(model.frame_of(5).unwrap().seq, 4);
    assert_eq!(model.frames.iter().map(|row| row.frame.frame).collect::<Vec<_>>(), [3, 7]);
    assert_eq!(model.frames[1].deliveries[0].seq, 5);
    assert!(model.event(2).is_none(), "a gap in the numbers is no event");
}

#[test]
fn a_socket_keeps_its_history_and_its_latest_addresses() {
    let mut model = Model::default();
    model.apply(vec![
        kernel(0, 5, 3, SocketState::SynSent),
        kernel(2, 9, 3, SocketState::Established),
        kernel(1, 7, 4, SocketState::Listen),
    ]);
    assert_eq!(model.sockets.len(), 2);
    let socket = model.socket(3).unwrap();
    assert_eq!(socket.samples.iter().map(|s| s.0).collect::<Vec<_>>(), [5, 9]);
    assert_eq!(socket.remote, "10.0.0.1:40002");
}

#[test]
fn stepping_skips_what_is_hidden() {
    let mut model = Model::default();
    model.apply(vec![code(0, 10, 1, true), code(1, 20, 2, false), code(2, 30, 3, true)]);
    assert_eq!(model.neighbour(Some(0), 0, true, false), Some(2));
    assert_eq!(model.neighbour(Some(0), 0, true, true), Some(1));
    assert_eq!(model.neighbour(Some(2), 0, false, false), Some(0));
    assert_eq!(model.neighbour(Some(2), 0, true, true), None);
    assert_eq!(model.neighbour(None, 15, true, true), Some(1));
    assert_eq!(model.neighbour(None, 15, false, true), Some(0));
    assert_eq!((model.until(20), model.until(9)), (2, 0));
}

#[test]
fn absurd_sequence_numbers_are_refused() {
    let mut model = Model::default();
    model.apply(vec![frame(u32::MAX, 1, 0)]);
    assert!(model.is_empty());
}

#[test]
fn samples_of_one_name_host_and_unit_are_one_series() {
    let sampled = |seq: u32, time: u64, host: Option<u8>, value: f64| {
        let what = Lifecycle::Sampled { host, series: "队列".into(), value, unit: "个".into() };
        Event { seq, time, body: Body::Lifecycle(what) }
    };
    let mut model = Model::default();
    let section = Body::Lifecycle(Lifecycle::Section { title: "第二段".into() });
    model.apply(vec![sampled(0, 10, None, 1.0), sampled(1, 20, Some(1), 5.0)]);
    model.apply(vec![
        sampled(3, 30, None, 3.0),
        sampled(2, 15, None, 2.0),
        Event { seq: 4, time: 18, body: section },
    ]);
    let values = |at: usize| model.series[at].points.iter().map(|point| point.value).collect::<Vec<_>>();
    assert_eq!((model.series.len(), values(0), values(1)), (2, vec![1.0, 2.0, 3.0], vec![5.0]));
    assert_eq!((model.section_at(15, 2), model.section_at(30, 3)), (None, Some(0)));
    assert_eq!(model.neighbour(None, 0, true, true), Some(4), "points are no steps");
}
