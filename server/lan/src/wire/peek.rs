//! The little the switch wants to know about a frame: which sockets it may change.

use crate::activity::Touched;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// FIN, SYN and RST in the flags byte (RFC 9293 section 3.1).
const STATE_FLAGS: u8 = 0b0000_0111;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peeked {
    pub(super) touched: Option<Touched>,
    /// A TCP segment that opens or ends a connection.
    pub(super) changes_state: bool,
}

pub(super) fn peek(frame: &[u8]) -> Peeked {
    let (protocol, payload) = match ethertype(frame) {
        // An ICMP error ends up at a socket too, so anything but TCP counts as "look at both".
        Some(IPV4) => (frame.get(23), 14 + frame.get(14).map_or(0, |byte| usize::from(byte & 15) * 4)),
        Some(IPV6) => (frame.get(20), 54),
        _ => return Peeked { touched: None, changes_state: false },
    };
    match protocol {
        Some(&TCP) => {
            let flags = frame.get(payload + 13).copied().unwrap_or(0);
            Peeked { touched: Some(Touched::TCP), changes_state: flags & STATE_FLAGS != 0 }
        }
        Some(&UDP) => Peeked { touched: Some(Touched::UDP), changes_state: false },
        _ => Peeked { touched: Some(Touched::ALL), changes_state: false },
    }
}

fn ethertype(frame: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(flags: u8) -> Vec<u8> {
        let mut frame = vec![0; 54];
        frame[12] = 8;
        frame[14] = 0x45;
        frame[23] = TCP;
        frame[47] = flags;
        frame
    }

    #[test]
    fn only_segments_that_open_or_end_a_connection_change_its_state() {
        for (flags, changes) in [(2, true), (0x12, true), (0x10, false), (0x18, false), (0x11, true), (4, true)] {
            let peeked = peek(&tcp(flags));
            assert_eq!(peeked, Peeked { touched: Some(Touched::TCP), changes_state: changes });
        }
    }

    #[test]
    fn short_and_foreign_frames_touch_nothing() {
        assert_eq!(peek(&[]).touched, None);
        assert_eq!(peek(&[0; 60]).touched, None);
        let mut six = vec![0; 54];
        six[12..14].copy_from_slice(&IPV6.to_be_bytes());
        six[20] = UDP;
        assert_eq!(peek(&six).touched, Some(Touched::UDP));
    }
}
