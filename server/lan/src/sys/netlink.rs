//! Netlink sockets (`netlink(7)`).

use super::message::{Message, messages, u32_at};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// A netlink socket in the namespace it was opened in, usable from any thread.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
}

impl Socket {
    /// For links, addresses and routes.
    pub(crate) fn route() -> io::Result<Self> {
        Self::open(SockProtocol::NetlinkRoute, SockFlag::SOCK_CLOEXEC, 0)
    }

    /// For questions about sockets.
    pub(crate) fn sock_diag() -> io::Result<Self> {
        Self::open(SockProtocol::NetlinkSockDiag, SockFlag::SOCK_CLOEXEC, 0)
    }

    /// For the kernel's notes about sockets that end; `groups` is a bit mask. Never blocks.
    pub(crate) fn sock_diag_groups(groups: u32) -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        Self::open(SockProtocol::NetlinkSockDiag, flags, groups)
    }

    fn open(protocol: SockProtocol, flags: SockFlag, groups: u32) -> io::Result<Self> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        Ok(Self { fd })
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(crate) fn send(&self, message: &[u8]) -> io::Result<()> {
        send(self.fd.as_raw_fd(), message, MsgFlags::empty())?;
        Ok(())
    }

    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.fd.as_raw_fd(), buffer, MsgFlags::empty())?)
    }

    /// Sends requests in one system call and waits for the acknowledgement of each.
    ///
    /// # Errors
    /// The first refusal, with the position of the refused request.
    pub(crate) fn request(&self, requests: Vec<Message>) -> Result<(), Refused> {
        let expected = requests.len();
        let mut bytes = Vec::with_capacity(256 * expected);
        for (position, mut message) in requests.into_iter().enumerate() {
            message.acknowledge();
            bytes.extend_from_slice(&message.finish(position as u32));
        }
        let fail = |position, error: io::Error| Refused { position, error };
        self.send(&bytes).map_err(|error| fail(0, error))?;
        let mut buffer = [0; 8192];
        let mut acknowledged = 0;
        let mut refused = None;
        while acknowledged < expected {
            let length = self.receive(&mut buffer).map_err(|error| fail(acknowledged, error))?;
            messages(&buffer[..length], |message| {
                if i32::from(message.kind) == libc::NLMSG_ERROR {
                    let code = u32_at(message.payload, 0).map_or(0, u32::cast_signed);
                    if code != 0 && refused.is_none() {
                        let error = Errno::from_raw(-code).into();
                        refused = Some(Refused { position: acknowledged, error });
                    }
                    acknowledged += 1;
                }
            });
        }
        refused.map_or(Ok(()), Err)
    }
}

/// The kernel refused one of several requests.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) position: usize,
    pub(crate) error: io::Error,
}
