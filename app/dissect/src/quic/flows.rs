//! The streams of application data in a connection, RFC 9000 section 2.

use super::ends::CLIENT;
use super::work::Work;
use crate::http3;
use crate::streams::{Arrival, Half, Stream};
use std::collections::BTreeMap;

/// Streams that are followed at once; of more only the frames are shown.
const STREAMS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Flows {
    list: BTreeMap<u64, Flow>,
    http3: http3::Shared,
}

/// A stream, by sender.
#[derive(Debug)]
struct Flow {
    halves: [Half; 2],
    stream: Stream,
}

impl Flow {
    /// True if nothing more is looked for in it.
    fn is_done(&self) -> bool {
        self.stream.is_opaque()
    }

    fn forget(&mut self) {
        self.stream.forget();
        self.halves = Default::default();
    }
}

impl Flows {
    /// Takes what a STREAM frame carries.
    pub(super) fn push(&mut self, id: u64, sender: usize, arrival: Arrival<'_>, work: &mut Work<'_>) {
        if !self.has_room(id) {
            return;
        }
        let from_client = sender == CLIENT;
        let shared = &self.http3;
        let flow = self.list.entry(id).or_insert_with(|| Flow {
            halves: Default::default(),
            stream: Stream::speaking(http3::session(id, shared)),
        });
        if flow.is_done() {
            return;
        }
        let half = &mut flow.halves[sender];
        half.synchronize(u32::MAX);
        half.push(arrival, flow.stream.buffer(from_client));
        let finished = half.is_finished();
        flow.stream.finish(from_client, finished);
        if half.take_broken() {
            flow.stream.lose(from_client);
        }
        if let Some(mut opened) = flow.stream.open(from_client, work.now(), work.setup) {
            // What waits for more is in the frame's own field.
            opened.layers.retain(|layer| layer.protocol != "data");
            opened.layers.iter_mut().for_each(|layer| layer.decrypted = true);
            work.layers.extend(opened.layers);
            work.told.extend(opened.told);
        }
        // Nothing more will come of a stream that has ended both ways.
        let unidirectional = id & 2 != 0;
        if finished && (unidirectional || flow.halves.iter().all(Half::is_finished)) {
            flow.forget();
        }
    }

    /// A sender gave up a stream.
    pub(super) fn reset(&mut self, id: u64) {
        if let Some(flow) = self.list.get_mut(&id) {
            flow.forget();
        }
    }

    /// Makes room for a new stream where an old one has ended.
    fn has_room(&mut self, id: u64) -> bool {
        if self.list.len() < STREAMS || self.list.contains_key(&id) {
            return true;
        }
        let ended = self.list.iter().find(|(_, flow)| flow.is_done()).map(|(id, _)| *id);
        ended.is_some_and(|id| self.list.remove(&id).is_some())
    }
}
