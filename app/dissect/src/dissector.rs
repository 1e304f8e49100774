//! A whole capture, frame after frame.

use crate::app::stream::Setup;
use crate::conversations::{Conversations, Segment};
use crate::decoders::Decoders;
use crate::streams::Streams;
use crate::types::{Dissection, Hints, Opened};

/// Takes the frames of a capture apart in the order they were recorded, streams included.
#[derive(Debug, Default)]
pub struct Dissector {
    hints: Hints,
    decoders: Decoders,
    conversations: Conversations,
    streams: Streams,
}

/// A frame as part of its capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// Messages of streams included.
    pub dissection: Dissection,
    /// `None` if it is not a TCP segment.
    pub segment: Option<Segment>,
    /// What [`reopen`] needs to make the same of the frame once more; `None` if its bytes alone say it all.
    pub opened: Option<Opened>,
}

impl Dissector {
    #[must_use]
    pub fn new(hints: Hints, decoders: Decoders) -> Self {
        Self { hints, decoders, ..Self::default() }
    }

    /// True if some of the frames so far carry a protocol that is known only to a larger table of decoders: begin anew
    /// with [`crate::all`].
    #[must_use]
    pub fn lacks(&self) -> bool {
        self.streams.lacks()
    }

    /// Takes the next frame. `number` is how fields of other frames will refer to it (Wireshark counts from 1), `time`
    /// in nanoseconds.
    pub fn push(&mut self, number: u32, time: u64, frame: &[u8]) -> Followed {
        let mut dissection = crate::dissect(frame, &self.hints);
        let segment = self.conversations.push(time, &dissection);
        let setup = Setup { hints: &self.hints, decoders: self.decoders };
        let opened = segment
            .as_ref()
            .and_then(|segment| self.streams.push(number, frame, &dissection, segment, setup));
        if let Some(opened) = &opened {
            dissection.open(opened.clone());
        }
        Followed { dissection, segment, opened }
    }
}

/// Takes a frame apart again that a [`Dissector`] has seen.
#[must_use]
pub fn reopen(frame: &[u8], hints: &Hints, opened: Option<&Opened>) -> Dissection {
    let mut dissection = crate::dissect(frame, hints);
    if let Some(opened) = opened {
        dissection.open(opened.clone());
    }
    dissection
}
