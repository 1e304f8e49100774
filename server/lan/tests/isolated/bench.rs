//! What every test needs: a LAN whose events are collected.

use api::line::Line;
use api::run::{Congestion, FromRun, Limits, Tier};
use api::trace::{Body, Delivery, Event, Frame, HostInfo, Kernel, LeftOut};
use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice, UdpSlice};
use lan::{Config, Control, Lan, Recorder};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Long enough for late frames on a line without delay.
pub(crate) const QUIET: Duration = Duration::from_millis(20);

/// How long a receiver waits: longer than a lost ARP request takes to be repeated, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1_800);

/// Everything that was recorded.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) hosts: Vec<HostInfo>,
    pub(crate) events: Vec<Event>,
    pub(crate) left_out: LeftOut,
}

pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) lines: BTreeMap<String, Line>,
    pub(crate) congestion: Congestion,
    pub(crate) limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, lines: BTreeMap::new(), congestion: Congestion::Cubic, limits: Limits::default() }
    }
}

impl Options {
    pub(crate) fn line(mut self, host: &str, line: Line) -> Self {
        self.lines.insert(host.into(), line);
        self
    }
}

/// Runs `lab` on a new LAN and returns what it returned and what was recorded.
pub(crate) fn run<F, Fut, T>(options: Options, lab: F) -> (T, Recorded)
where
    F: FnOnce(Lan, Arc<Control>) -> Fut,
    Fut: Future<Output = T>,
{
    let collected = Arc::new(Mutex::new(Recorded::default()));
    let sink = Arc::clone(&collected);
    let recorder = Recorder::new(&options.limits, move |message| {
        let mut recorded = sink.lock().expect("collector");
        match message {
            FromRun::Host { info } => recorded.hosts.push(info),
            FromRun::Events { events } => recorded.events.extend(events),
            // The end says it again.
            FromRun::LeftOut { so_far } => assert!(!so_far.is_empty(), "nothing was left out"),
            other => panic!("unexpected message {other:?}"),
        }
    });
    let config = Config {
        tier: Tier::Isolated,
        seed: options.seed,
        subnet: 0,
        lines: options.lines,
        congestion: options.congestion,
        max_hosts: 16,
    };
    let (_inputs, inputs) = tokio::sync::mpsc::channel(8);
    let (lan, control) = Lan::new(config, recorder, inputs).expect("lan");
    let control = Arc::new(control);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let result = runtime.block_on(lab(lan, Arc::clone(&control)));
    let control = Arc::into_inner(control).expect("the lab keeps nothing");
    let left_out = control.finish();
    let mut recorded = std::mem::take(&mut *collected.lock().expect("collector"));
    recorded.left_out = left_out;
    recorded.events.sort_by_key(|event| (event.time, event.seq));
    if std::env::var_os("LAN_TEST_PRINT").is_some() {
        recorded.print();
    }
    (result, recorded)
}

impl Recorded {
    pub(crate) fn frames(&self) -> impl Iterator<Item = (u64, &Frame)> {
        self.events.iter().filter_map(|event| match &event.body {
            Body::Frame(frame) => Some((event.time, frame)),
            _ => None,
        })
    }

    pub(crate) fn deliveries(&self) -> impl Iterator<Item = (u64, &Delivery)> {
        self.events.iter().filter_map(|event| match &event.body {
            Body::Delivery(delivery) => Some((event.time, delivery)),
            _ => None,
        })
    }

    pub(crate) fn kernel(&self) -> impl Iterator<Item = (u64, &Kernel)> {
        self.events.iter().filter_map(|event| match &event.body {
            Body::Kernel(kernel) => Some((event.time, kernel)),
            _ => None,
        })
    }

    /// Prints the run, for a human who wonders why a test failed (`LAN_TEST_PRINT=1`).
    pub(crate) fn print(&self) {
        for event in &self.events {
            let time = event.time as f64 / 1e6;
            match &event.body {
                Body::Frame(frame) => {
                    println!(
                        "{time:10.3} frame {} from {}: {}",
                        frame.frame,
                        frame.from,
                        summary(&frame.bytes)
                    );
                }
                Body::Delivery(delivery) => println!(
                    "{time:10.3}   delivery {} to {:?}: {:?}",
                    delivery.frame, delivery.to, delivery.fate
                ),
                Body::Kernel(kernel) => println!(
                    "{time:10.3}     kernel host {} #{} {:?} {} {} {:?} rq {} sq {} retrans {:?} cwnd {:?}",
                    kernel.host,
                    kernel.socket,
                    kernel.transport,
                    kernel.local,
                    kernel.remote,
                    kernel.state,
                    kernel.receive_queue,
                    kernel.send_queue,
                    kernel.tcp.as_ref().map(|tcp| tcp.total_retransmissions),
                    kernel.tcp.as_ref().map(|tcp| tcp.cwnd),
                ),
                other => println!("{time:10.3} {other:?}"),
            }
        }
    }
}

/// Frames with what etherparse makes of them.
pub(crate) fn parsed(frame: &Frame) -> SlicedPacket<'_> {
    SlicedPacket::from_ethernet(&frame.bytes).expect("a well-formed frame")
}

/// The TCP segment in a frame, if there is one.
pub(crate) fn tcp(frame: &Frame) -> Option<TcpSlice<'_>> {
    match parsed(frame).transport? {
        TransportSlice::Tcp(tcp) => Some(tcp),
        _ => None,
    }
}

pub(crate) fn udp(frame: &Frame) -> Option<UdpSlice<'_>> {
    match parsed(frame).transport? {
        TransportSlice::Udp(udp) => Some(udp),
        _ => None,
    }
}

/// True for a Multicast Listener Report (RFC 3810). On a very busy machine the kernel may still report the
/// groups of a host's own addresses when the lab has begun.
pub(crate) fn is_listener_report(frame: &Frame) -> bool {
    matches!(parsed(frame).transport, Some(TransportSlice::Icmpv6(icmp)) if icmp.type_u8() == 143)
}

/// Destination MAC address.
pub(crate) fn destination(frame: &Frame) -> [u8; 6] {
    frame.bytes[..6].try_into().expect("six bytes")
}

fn summary(bytes: &[u8]) -> String {
    let packet = match SlicedPacket::from_ethernet(bytes) {
        Ok(packet) => packet,
        Err(error) => return format!("{} bytes, {error}", bytes.len()),
    };
    let net = match packet.net {
        Some(NetSlice::Ipv4(_)) => "ipv4",
        Some(NetSlice::Ipv6(_)) => "ipv6",
        Some(NetSlice::Arp(_)) => "arp",
        None => "?",
    };
    let transport = match packet.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let flags = [(tcp.syn(), 'S'), (tcp.ack(), 'A'), (tcp.fin(), 'F'), (tcp.rst(), 'R')];
            let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
            format!(
                "tcp {flags} seq {} ack {} {} bytes",
                tcp.sequence_number(),
                tcp.acknowledgment_number(),
                tcp.payload().len()
            )
        }
        Some(TransportSlice::Udp(udp)) => format!("udp {} bytes", udp.payload().len()),
        Some(TransportSlice::Icmpv4(icmp)) => format!("icmp {}", icmp.type_u8()),
        Some(TransportSlice::Icmpv6(icmp)) => format!("icmpv6 {} {:02x?}", icmp.type_u8(), icmp.payload()),
        Some(TransportSlice::Igmp(_)) => "igmp".into(),
        None => String::new(),
    };
    format!("{} bytes {net} {transport}", bytes.len())
}
