//! A Unix socket that keeps the bounds of packets and can carry a file descriptor with each.

use anyhow::Context as _;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg,
    sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use crate::protocol::MAX_PACKET;

/// What [`receive`] found.
#[derive(Debug)]
pub(crate) enum Received<T> {
    Packet(T, Option<OwnedFd>),
    /// Nothing there yet (non-blocking only).
    Nothing,
    /// The peer is gone.
    Closed,
}

/// Both ends, close-on-exec and blocking.
pub(crate) fn pair() -> anyhow::Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).context("socketpair")
}

/// Sends `message` as one packet, `passed` along with it.
///
/// # Errors
/// `EAGAIN` if `flags` has `MSG_DONTWAIT` and the peer is slow; `EPIPE`, `ECONNRESET` if it is gone;
/// `EMSGSIZE` if the packet is larger than [`MAX_PACKET`].
pub(crate) fn send<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    passed: Option<BorrowedFd<'_>>,
    flags: MsgFlags,
) -> Result<(), Errno> {
    let bytes = serde_json::to_vec(message).map_err(|_| Errno::EINVAL)?;
    if bytes.len() > MAX_PACKET {
        return Err(Errno::EMSGSIZE);
    }
    let fds: Vec<_> = passed.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let control = if fds.is_empty() { &rights[..0] } else { &rights[..] };
    loop {
        let flags = flags | MsgFlags::MSG_NOSIGNAL;
        match sendmsg::<UnixAddr>(socket.as_raw_fd(), &[IoSlice::new(&bytes)], control, flags, None) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        }
    }
}

/// Receives one packet. Waits for it unless `flags` has `MSG_DONTWAIT`.
///
/// # Errors
/// The packet is not a `T`, or the socket failed.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    flags: MsgFlags,
) -> anyhow::Result<Received<T>> {
    let mut bytes = [0; MAX_PACKET];
    let mut space = cmsg_space!([i32; 1]);
    let (length, passed) = loop {
        let mut buffers = [IoSliceMut::new(&mut bytes)];
        let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut buffers, Some(&mut space), flags) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Ok(Received::Nothing),
            Err(Errno::ECONNRESET) => return Ok(Received::Closed),
            Err(error) => return Err(error).context("recvmsg"),
            Ok(message) => {
                let mut passed = None;
                for control in message.cmsgs().context("control message")? {
                    if let ControlMessageOwned::ScmRights(fds) = control {
                        for fd in fds {
                            // SAFETY: the kernel just made this descriptor for us; nobody else knows it.
                            passed = Some(unsafe { OwnedFd::from_raw_fd(fd) });
                        }
                    }
                }
                break (message.bytes, passed);
            }
        }
    };
    if length == 0 {
        return Ok(Received::Closed);
    }
    let message = serde_json::from_slice(&bytes[..length]).context("malformed packet")?;
    Ok(Received::Packet(message, passed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ToRunner;
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_packet_carries_a_descriptor() {
        let (here, there) = pair().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        let sent = ToRunner::Kill { id: 7 };
        send(here.as_fd(), &sent, Some(far.as_fd()), MsgFlags::empty()).unwrap();
        drop(far);
        let Received::Packet(got, Some(passed)) =
            receive::<ToRunner>(there.as_fd(), MsgFlags::empty()).unwrap()
        else {
            panic!("no packet with a descriptor");
        };
        assert_eq!(got, sent);
        UnixStream::from(passed).write_all(b"x").unwrap();
        let mut text = String::new();
        near.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
    }

    #[test]
    fn the_end_and_an_empty_queue_differ() {
        let (here, there) = pair().unwrap();
        assert!(matches!(
            receive::<ToRunner>(there.as_fd(), MsgFlags::MSG_DONTWAIT).unwrap(),
            Received::Nothing
        ));
        drop(here);
        assert!(matches!(receive::<ToRunner>(there.as_fd(), MsgFlags::empty()).unwrap(), Received::Closed));
        let gone = send(there.as_fd(), &ToRunner::Kill { id: 1 }, None, MsgFlags::empty());
        assert_eq!(gone, Err(Errno::EPIPE));
    }
}
