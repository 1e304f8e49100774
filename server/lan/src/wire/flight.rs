//! A frame that was decided about and waits for its time.

use super::peek::Peeked;
use super::table::PortIndex;
use api::trace::Delivery;
use std::rc::Rc;

/// A frame on its way to one receiver.
pub(super) struct Flight {
    pub(super) due: u64,
    /// Keeps frames with the same `due` in order.
    pub(super) order: u64,
    pub(super) port: PortIndex,
    pub(super) bytes: Rc<[u8]>,
    pub(super) delivery: Delivery,
    pub(super) recorded: bool,
    pub(super) peeked: Peeked,
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.order) == (other.due, other.order)
    }
}

impl Eq for Flight {}
