//! The switch itself: decides about each frame as it enters, forwards it now or later, records both.

use super::flight::Flight;
use super::lane::{Passage, flip};
use super::peek::{Peeked, peek};
use super::port::{NewPort, Port};
use super::table::{AddressTable, PortIndex};
use crate::Recorder;
use crate::activity::{Activity, Touched};
use crate::kernel::KernelObserver;
use api::line::Line;
use api::trace::{Delivery, Fate, Frame, FrameId, HostId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;

/// What becomes of one copy of a frame, decided as it enters.
struct Plan {
    port: Option<PortIndex>,
    /// When it arrives, or why it does not.
    outcome: Result<u64, Fate>,
    reordered: bool,
    duplicate: bool,
    flipped_bit: Option<u32>,
}

pub(super) struct Switch {
    seed: u64,
    ports: Vec<Port>,
    table: AddressTable,
    flights: BinaryHeap<Reverse<Flight>>,
    next_frame: FrameId,
    next_order: u64,
    plans: Vec<Plan>,
    recorder: Recorder,
    activity: Arc<Activity>,
    kernel: Arc<KernelObserver>,
}

impl Switch {
    pub(super) fn new(
        seed: u64,
        recorder: Recorder,
        activity: Arc<Activity>,
        kernel: Arc<KernelObserver>,
    ) -> Self {
        Self {
            seed,
            ports: Vec::new(),
            table: AddressTable::default(),
            flights: BinaryHeap::new(),
            next_frame: 0,
            next_order: 0,
            plans: Vec::new(),
            recorder,
            activity,
            kernel,
        }
    }

    pub(super) fn plug(&mut self, new: NewPort) {
        self.ports.push(Port::new(new, self.seed));
        let ports = self.ports.len();
        for port in &mut self.ports {
            port.latest.resize(ports, 0);
        }
    }

    pub(super) fn set_line(&mut self, host: HostId, line: &Line) {
        for port in self.ports.iter_mut().filter(|port| port.host == host) {
            port.set_line(line.clone());
        }
    }

    /// When the next frame has to leave.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.flights.peek().map(|Reverse(flight)| flight.due)
    }

    /// Sends everything that is due.
    pub(super) fn release(&mut self) {
        let now = self.recorder.elapsed_ns();
        while self.next_due().is_some_and(|due| due <= now) {
            let Some(Reverse(flight)) = self.flights.pop() else { break };
            self.deliver(flight.port, &flight.bytes, &flight.delivery, flight.recorded, flight.peeked);
        }
    }

    /// Takes one frame from the host at `from`.
    pub(super) fn enter(&mut self, from: PortIndex, frame: &[u8]) {
        if !self.activity.has_begun() {
            return;
        }
        let time = self.recorder.elapsed_ns();
        if self.next_due().is_some_and(|due| due <= time) {
            self.release();
        }
        let (host, segment) = (self.ports[from].host, self.ports[from].segment);
        let peeked = peek(frame);
        if let Some((touched, _)) = peeked.touched {
            // While the frame waits here, its sender is still in the state that sent it.
            self.tell_kernel(host, touched, peeked.changes_state);
        }
        let mut plans = std::mem::take(&mut self.plans);
        self.plan(from, frame, time, &mut plans);

        let id = self.next_frame;
        self.next_frame += 1;
        let recorded = self.recorder.reserve_frame(plans.len()) && {
            let keep = self.recorder.reserve_bytes(frame.len());
            let due = plans.iter().filter_map(|plan| plan.outcome.ok()).min();
            let frame = Frame {
                frame: id,
                from: host,
                segment,
                bytes: if keep { frame.to_vec() } else { Vec::new() },
                length: frame.len() as u32,
                due,
            };
            self.recorder.frame(time, frame)
        };
        let mut shared: Option<Rc<[u8]>> = None;
        for plan in plans.drain(..) {
            let Plan { port, outcome, reordered, duplicate, flipped_bit } = plan;
            let to = port.map(|port| self.ports[port].host);
            let fate = outcome.err().unwrap_or(Fate::Delivered);
            let delivery = Delivery { frame: id, to, fate, reordered, duplicate, flipped_bit };
            let (Some(port), Ok(due)) = (port, outcome) else {
                if recorded {
                    self.recorder.delivery(time, delivery);
                }
                continue;
            };
            if due <= time && flipped_bit.is_none() {
                self.deliver(port, frame, &delivery, recorded, peeked);
                continue;
            }
            let bytes = match flipped_bit {
                Some(bit) => {
                    let mut damaged = frame.to_vec();
                    flip(&mut damaged, bit);
                    damaged.into()
                }
                None => Rc::clone(shared.get_or_insert_with(|| frame.into())),
            };
            let order = self.next_order;
            self.next_order += 1;
            self.flights.push(Reverse(Flight { due, order, port, bytes, delivery, recorded, peeked }));
        }
        self.plans = plans;
        self.activity.frame_moved(time, self.flights.len() as u64);
    }

    /// Gives up what is still travelling.
    pub(super) fn finish(&mut self) {
        let time = self.recorder.elapsed_ns();
        while let Some(Reverse(flight)) = self.flights.pop() {
            if flight.recorded {
                let delivery = Delivery { fate: Fate::StillTravelling, ..flight.delivery };
                self.recorder.delivery(time, delivery);
            }
        }
        let unseen: u64 = self.ports.iter().map(|port| u64::from(port.socket.take_overflow())).sum();
        self.recorder.frames_unseen(unseen);
    }

    /// Decides what becomes of a frame: first the sender's cable, then that of each receiver.
    fn plan(&mut self, from: PortIndex, frame: &[u8], time: u64, plans: &mut Vec<Plan>) {
        let segment = self.ports[from].segment;
        self.table.learn(segment, frame, from);
        let (sent, flipped_up, twice) = match self.ports[from].up.pass(time, time, frame.len()) {
            Passage::Ends(fate) => {
                plans.push(Plan {
                    port: None,
                    outcome: Err(fate),
                    reordered: false,
                    duplicate: false,
                    flipped_bit: None,
                });
                return;
            }
            Passage::Passes { time, flipped_bit, duplicate } => (time, flipped_bit, duplicate),
        };
        let known = self.table.find(segment, frame);
        for index in 0..self.ports.len() {
            let port = &mut self.ports[index];
            let wanted = known.is_none_or(|known| known == index);
            if !wanted || index == from || port.segment != segment {
                continue;
            }
            for copy in 0..=u8::from(twice) {
                let plan = |outcome, reordered, duplicate, flipped_bit| Plan {
                    port: Some(index),
                    outcome,
                    reordered,
                    duplicate,
                    flipped_bit,
                };
                match port.down.pass(time, sent, frame.len()) {
                    Passage::Ends(fate) => plans.push(plan(Err(fate), false, copy > 0, flipped_up)),
                    Passage::Passes { time: due, flipped_bit, duplicate } => {
                        let reordered = due < port.latest[from];
                        port.latest[from] = port.latest[from].max(due);
                        // One damaged bit is enough, and all a delivery can tell.
                        let flipped = flipped_up.or(flipped_bit);
                        plans.push(plan(Ok(due), reordered, copy > 0, flipped));
                        if duplicate {
                            plans.push(plan(Ok(due), reordered, true, flipped));
                        }
                    }
                }
            }
        }
    }

    fn deliver(
        &mut self,
        port: PortIndex,
        bytes: &[u8],
        delivery: &Delivery,
        recorded: bool,
        peeked: Peeked,
    ) {
        let Port { socket, host, .. } = &self.ports[port];
        let sent = socket.send(bytes);
        let time = self.recorder.elapsed_ns();
        if let Err(error) = &sent {
            tracing::warn!(host, %error, "the interface refused a frame");
        }
        if let Some((_, touched)) = peeked.touched {
            self.tell_kernel(*host, touched, peeked.changes_state);
        }
        if recorded {
            let fate = if sent.is_ok() { delivery.fate } else { Fate::Refused };
            self.recorder.delivery(time, Delivery { fate, ..delivery.clone() });
        }
        self.activity.frame_moved(time, self.flights.len() as u64);
    }

    /// Sockets of a host may have changed; if it is urgent, the frame waits until they were looked at.
    fn tell_kernel(&self, host: HostId, touched: Touched, urgent: bool) {
        if urgent {
            self.kernel.look(host, touched);
        } else {
            self.activity.touch(host, touched);
        }
    }
}
