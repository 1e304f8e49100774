//! Which port a frame leaves by: the address table of a learning switch (IEEE 802.1D section 7.8).

use std::collections::HashMap;

/// Position of a port in the switch.
pub(super) type PortIndex = usize;

#[derive(Debug, Default)]
pub(super) struct AddressTable {
    learned: HashMap<(u8, [u8; 6]), PortIndex>,
}

impl AddressTable {
    /// The frame's source is behind `port`. Group addresses are never a source.
    pub(super) fn learn(&mut self, segment: u8, frame: &[u8], port: PortIndex) {
        if let Some(source) = address(frame, 6).filter(|source| !is_group(source)) {
            self.learned.insert((segment, source), port);
        }
    }

    /// The port to use, or `None` to flood the segment.
    pub(super) fn find(&self, segment: u8, frame: &[u8]) -> Option<PortIndex> {
        let destination = address(frame, 0)?;
        if is_group(&destination) { None } else { self.learned.get(&(segment, destination)).copied() }
    }
}

fn address(frame: &[u8], at: usize) -> Option<[u8; 6]> {
    frame.get(at..at + 6)?.try_into().ok()
}

/// Broadcast and multicast have the first bit on the wire set.
fn is_group(address: &[u8; 6]) -> bool {
    address[0] & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(destination: u8, source: u8) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, destination, 2, 0, 0, 0, 0, source];
        frame.resize(60, 0);
        frame
    }

    #[test]
    fn learns_per_segment_and_floods_the_rest() {
        let mut table = AddressTable::default();
        assert_eq!(table.find(0, &frame(1, 2)), None);
        table.learn(0, &frame(1, 2), 5);
        assert_eq!(table.find(0, &frame(2, 1)), Some(5));
        assert_eq!(table.find(1, &frame(2, 1)), None);
        let mut broadcast = frame(2, 1);
        broadcast[0] = 0xff;
        assert_eq!(table.find(0, &broadcast), None);
        assert_eq!(table.find(0, &[2, 0]), None);
    }
}
