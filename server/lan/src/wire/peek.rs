//! The little the switch wants to know about a frame: which sockets it may change.

use crate::activity::Touched;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Flags (RFC 9293 section 3.1).
const SYN: u8 = 0b0000_0010;
const FIN_SYN_RST: u8 = 0b0000_0111;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peeked {
    /// At the sender and at the receiver.
    pub(super) touched: Option<(Touched, Touched)>,
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
    let both = |touched| Some((touched, touched));
    match protocol {
        Some(&TCP) => {
            let flags = frame.get(payload + 13).copied().unwrap_or(0);
            let sender = Touched::CONNECTIONS;
            // A SYN also fills a listener's queue.
            let receiver = if flags & SYN != 0 { sender.and(Touched::LISTENERS) } else { sender };
            Peeked { touched: Some((sender, receiver)), changes_state: flags & FIN_SYN_RST != 0 }
        }
        Some(&UDP) => Peeked { touched: both(Touched::DATAGRAMS), changes_state: false },
        _ => Peeked { touched: both(Touched::ALL), changes_state: false },
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
        for (flags, changes) in
            [(2, true), (0x12, true), (0x10, false), (0x18, false), (0x11, true), (4, true)]
        {
            assert_eq!(peek(&tcp(flags)).changes_state, changes);
        }
        let with_listeners = Touched::CONNECTIONS.and(Touched::LISTENERS);
        assert_eq!(peek(&tcp(2)).touched, Some((Touched::CONNECTIONS, with_listeners)));
        assert_eq!(peek(&tcp(0x10)).touched, Some((Touched::CONNECTIONS, Touched::CONNECTIONS)));
    }

    #[test]
    fn short_and_foreign_frames_touch_nothing() {
        assert_eq!(peek(&[]).touched, None);
        assert_eq!(peek(&[0; 60]).touched, None);
        let mut six = vec![0; 54];
        six[12..14].copy_from_slice(&IPV6.to_be_bytes());
        six[20] = UDP;
        assert_eq!(peek(&six).touched, Some((Touched::DATAGRAMS, Touched::DATAGRAMS)));
    }
}
