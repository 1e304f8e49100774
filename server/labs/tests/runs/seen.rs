//! Questions to a trace: about bytes, events and states, never about log prose.

use api::run::Outcome;
use api::trace::{Body, Code, Delivery, Fate, Frame, Kernel, Level, Lifecycle, SocketState, Trace};
use dissect::{Dissection, Dissector, Hints};

/// A frame taken apart, with its place in the trace.
pub(crate) struct Wire<'a> {
    pub(crate) time: u64,
    pub(crate) frame: &'a Frame,
    pub(crate) fields: Dissection,
}

impl Wire<'_> {
    /// The numeric value of a field by its Wireshark name.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        self.fields.field(field)?.value.unsigned()
    }

    /// The value of a field as Wireshark writes it.
    pub(crate) fn text(&self, field: &str) -> Option<String> {
        Some(self.fields.field(field)?.value.to_string())
    }

    /// True if the frame has all these values.
    pub(crate) fn is(&self, fields: &[(&str, u64)]) -> bool {
        fields.iter().all(|(name, value)| self.number(name) == Some(*value))
    }
}

pub(crate) trait Seen {
    fn host(&self, name: &str) -> u8;
    fn wires(&self) -> Vec<Wire<'_>>;
    fn deliveries(&self) -> Vec<&Delivery>;
    fn kernel(&self) -> Vec<&Kernel>;
    fn codes(&self) -> Vec<&Code>;
    fn sections(&self) -> Vec<(u64, &str)>;
    /// Values of all measurements with this label, in order.
    fn measured(&self, label: &str) -> Vec<f64>;
    /// The value of the one measurement of this host with this label.
    fn measured_at(&self, host: &str, label: &str) -> f64;

    fn completed(&self) -> &Self;
    /// How many frames have all these values.
    fn count(&self, fields: &[(&str, u64)]) -> usize {
        self.wires().iter().filter(|wire| wire.is(fields)).count()
    }
    /// True if the host had a socket in this state.
    fn had_state(&self, host: &str, state: SocketState) -> bool {
        let host = self.host(host);
        self.kernel().iter().any(|kernel| kernel.host == host && kernel.state == Some(state))
    }
    /// How many copies of this frame reached their receivers.
    fn arrivals(&self, frame: u32) -> usize {
        let arrived = |delivery: &&&Delivery| delivery.frame == frame && delivery.fate == Fate::Delivered;
        self.deliveries().iter().filter(arrived).count()
    }
    /// Own events of a host from this level up.
    fn complaints(&self, host: &str) -> usize {
        let host = self.host(host);
        let complaint = |code: &&&Code| code.own && code.host == Some(host) && code.level >= Level::Warn;
        self.codes().iter().filter(complaint).count()
    }
}

macro_rules! bodies {
    ($trace:expr, $kind:ident) => {
        $trace
            .events
            .iter()
            .filter_map(|event| match &event.body {
                Body::$kind(body) => Some(body),
                _ => None,
            })
            .collect()
    };
}

/// One that knows what the trace's lab says about its bytes.
pub(crate) fn dissector(trace: &Trace) -> Dissector {
    let known = labs::find(&trace.lab).map(|lab| lab.info().hints).unwrap_or_default();
    Dissector::new(Hints { ports: known.ports, descriptors: known.descriptors }, dissect::all())
}

impl Seen for Trace {
    fn host(&self, name: &str) -> u8 {
        self.hosts.iter().position(|host| host.name == name).unwrap() as u8
    }

    fn wires(&self) -> Vec<Wire<'_>> {
        let mut dissector = dissector(self);
        self.events
            .iter()
            .filter_map(|event| match &event.body {
                Body::Frame(frame) => Some(Wire {
                    time: event.time,
                    frame,
                    fields: dissector
                        .push(frame.frame.saturating_add(1), event.time, &frame.bytes)
                        .dissection,
                }),
                _ => None,
            })
            .collect()
    }

    fn deliveries(&self) -> Vec<&Delivery> {
        bodies!(self, Delivery)
    }

    fn kernel(&self) -> Vec<&Kernel> {
        bodies!(self, Kernel)
    }

    fn codes(&self) -> Vec<&Code> {
        bodies!(self, Code)
    }

    fn sections(&self) -> Vec<(u64, &str)> {
        self.events
            .iter()
            .filter_map(|event| match &event.body {
                Body::Lifecycle(Lifecycle::Section { title }) => Some((event.time, title.as_str())),
                _ => None,
            })
            .collect()
    }

    fn measured(&self, wanted: &str) -> Vec<f64> {
        self.events
            .iter()
            .filter_map(|event| match &event.body {
                Body::Lifecycle(Lifecycle::Measured { label, value, .. }) if label == wanted => Some(*value),
                _ => None,
            })
            .collect()
    }

    fn measured_at(&self, at: &str, wanted: &str) -> f64 {
        let at = self.host(at);
        self.events
            .iter()
            .find_map(|event| match &event.body {
                Body::Lifecycle(Lifecycle::Measured { host, label, value, .. })
                    if label == wanted && *host == Some(at) =>
                {
                    Some(*value)
                }
                _ => None,
            })
            .unwrap()
    }

    fn completed(&self) -> &Self {
        assert_eq!(self.outcome, Outcome::Completed, "{}", self.lab);
        assert!(self.left_out.is_empty(), "{}: {:?}", self.lab, self.left_out);
        self
    }
}
