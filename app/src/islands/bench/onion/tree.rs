//! From events that say `layer` and `edge` to layers inside layers. Pure.
//!
//! Any lab can have this drawing: an event of its own with `edge = "enter"` opens a layer, one with
//! `edge = "leave"` (and perhaps `status`) or `edge = "drop"` ends it. Layers of one host nest by their order.

use api::trace::{Body, Code, Event, HostId, Lifecycle};
use std::collections::BTreeMap;

/// How a layer is crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Enter,
    Leave,
    Drop,
}

/// The layer that an event is about, and how it is crossed.
pub(crate) fn crossing(code: &Code) -> Option<(Edge, &str)> {
    let edge = match field(code, "edge")? {
        "enter" => Edge::Enter,
        "leave" => Edge::Leave,
        "drop" => Edge::Drop,
        _ => return None,
    };
    code.own.then_some((edge, field(code, "layer")?))
}

fn field<'a>(code: &'a Code, wanted: &str) -> Option<&'a str> {
    code.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

/// When, and which event says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) time: u64,
    pub(super) seq: u32,
}

/// One layer as one request saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) entered: Moment,
    /// Absent while it is open.
    pub(super) ended: Option<End>,
    pub(super) inner: Vec<Layer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) at: Moment,
    /// Dropped before it was done.
    pub(super) dropped: bool,
    pub(super) status: Option<String>,
}

/// What entered one outermost layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The part of the run it belongs to; may be empty.
    pub(super) section: String,
    pub(super) outermost: Layer,
}

/// All requests in the order in which they came.
pub(super) fn requests(events: &[Event]) -> Vec<Request> {
    let (mut section, mut requests) = (String::new(), Vec::new());
    // Layers that are still open, by host, from the outermost to the innermost.
    let mut open = BTreeMap::<Option<HostId>, (usize, Vec<Layer>)>::new();
    for event in events {
        let code = match &event.body {
            Body::Lifecycle(Lifecycle::Section { title }) => {
                section.clone_from(title);
                continue;
            }
            Body::Code(code) => code,
            _ => continue,
        };
        let Some((edge, name)) = crossing(code) else { continue };
        let at = Moment { time: event.time, seq: event.seq };
        let (place, layers) = open.entry(code.host).or_default();
        if edge == Edge::Enter {
            let layer = Layer { name: name.to_owned(), entered: at, ended: None, inner: Vec::new() };
            if layers.is_empty() {
                // Its place in the order is taken now, its content comes when it ends.
                *place = requests.len();
                requests.push(Request { section: section.clone(), outermost: layer.clone() });
            }
            layers.push(layer);
        } else if layers.iter().any(|layer| layer.name == name) {
            // What is inside it and did not end has ended with it.
            while let Some(mut layer) = layers.pop() {
                let found = layer.name == name;
                if found {
                    let status = field(code, "status").map(ToOwned::to_owned);
                    layer.ended = Some(End { at, dropped: edge == Edge::Drop, status });
                }
                close(layer, layers, *place, &mut requests);
                if found {
                    break;
                }
            }
        }
    }
    for (place, mut layers) in open.into_values() {
        while let Some(layer) = layers.pop() {
            close(layer, &mut layers, place, &mut requests);
        }
    }
    requests
}

/// Puts a layer where it belongs: into the one around it, or among the requests.
fn close(layer: Layer, around: &mut [Layer], place: usize, requests: &mut [Request]) {
    match around.last_mut() {
        Some(outer) => outer.inner.push(layer),
        None => {
            if let Some(request) = requests.get_mut(place) {
                request.outermost = layer;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::trace::Level;

    fn event(seq: u32, fields: &[(&str, &str)]) -> Event {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let (target, message) = (String::new(), String::new());
        let code = Code {
            host: Some(0),
            level: Level::Info,
            target,
            file: None,
            line: None,
            message,
            fields,
            own: true,
        };
        Event { seq, time: u64::from(seq) * 10, body: Body::Code(code) }
    }

    fn trace(edges: &[(&str, &str)]) -> Vec<Event> {
        let events = edges.iter().enumerate();
        events.map(|(seq, (edge, layer))| event(seq as u32, &[("layer", layer), ("edge", edge)])).collect()
    }

    /// `日志(CORS)` for layers in layers; `!` marks what was dropped, `…` what is open.
    fn drawn(layer: &Layer) -> String {
        let mark = match &layer.ended {
            None => "…",
            Some(end) if end.dropped => "!",
            Some(_) => "",
        };
        let inner: Vec<String> = layer.inner.iter().map(drawn).collect();
        format!("{}{mark}({})", layer.name, inner.join(" "))
    }

    fn all(edges: &[(&str, &str)]) -> Vec<String> {
        requests(&trace(edges)).iter().map(|request| drawn(&request.outermost)).collect()
    }

    #[test]
    fn layers_nest_as_they_are_entered_and_left() {
        let edges = [
            ("enter", "a"),
            ("enter", "b"),
            ("leave", "b"),
            ("leave", "a"),
            ("enter", "a"),
            ("enter", "b"),
            ("enter", "c"),
            ("drop", "c"),
            ("leave", "b"),
            ("leave", "a"),
        ];
        assert_eq!(all(&edges), ["a(b())", "a(b(c!()))"]);
        for from in 0..edges.len() {
            assert!(requests(&trace(&edges[from..])).len() <= 2, "a trace that begins in the middle");
        }
        assert_eq!(all(&edges[..8]), ["a(b())", "a…(b…(c!()))"]);
    }

    #[test]
    fn times_status_and_sections_are_kept() {
        let mut events = trace(&[("enter", "a")]);
        events.push(event(1, &[("layer", "a"), ("edge", "leave"), ("status", "413")]));
        let section = Body::Lifecycle(Lifecycle::Section { title: "预检".into() });
        events.insert(0, Event { seq: 9, time: 0, body: section });
        let requests = requests(&events);
        assert_eq!((requests.len(), requests[0].section.as_str()), (1, "预检"));
        let end = requests[0].outermost.ended.clone().unwrap();
        assert_eq!((end.at, end.status.as_deref()), (Moment { time: 10, seq: 1 }, Some("413")));
    }

    #[test]
    fn events_that_say_something_else_do_not_count() {
        assert!(
            requests(&[event(0, &[("edge", "sharp"), ("layer", "a")]), event(1, &[("edge", "enter")])])
                .is_empty()
        );
        assert!(all(&[("leave", "a"), ("drop", "b")]).is_empty());
    }
}
