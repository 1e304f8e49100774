//! Trying tier `isolated` in a child process.
//!
//! The caller may have other threads, so the child of `fork` may only make system calls
//! (`signal-safety(7)`): no allocation, no locks. All bytes it needs are made before.

use super::link::{self, Cable};
use super::message::Message;
use nix::errno::Errno;
use std::ffi::CStr;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What is tried, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Namespaces = 1,
    Identity = 2,
    Loopback = 3,
    Packet = 4,
    Veth = 5,
    Hosts = 6,
}

impl Step {
    pub(crate) const ALL: [Self; 6] =
        [Self::Namespaces, Self::Identity, Self::Loopback, Self::Packet, Self::Veth, Self::Hosts];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| *step as u8 == number)
    }
}

/// Everything the child needs.
pub(crate) struct Trial {
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
    loopback_up: Vec<u8>,
    veth: Vec<u8>,
    read_end: OwnedFd,
    write_end: OwnedFd,
}

/// A step, and what the kernel said.
type Refusal = (Step, Errno);

impl Trial {
    pub(crate) fn prepare() -> io::Result<Self> {
        let (read_end, write_end) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let acknowledged = |mut message: Message| {
            message.acknowledge();
            message.finish(1)
        };
        let cable = Cable {
            hub: ("p0", 10),
            host: ("p1", 11),
            mac: [2, 0, 0, 0, 0, 1],
            mtu: 1500,
            hub_mtu: 1500,
            namespace: None,
        };
        Ok(Self {
            uid_map: format!("0 {} 1", nix::unistd::getuid()).into_bytes(),
            gid_map: format!("0 {} 1", nix::unistd::getgid()).into_bytes(),
            loopback_up: acknowledged(link::loopback_up()),
            veth: acknowledged(cable.create()),
            read_end,
            write_end,
        })
    }

    /// # Errors
    /// No child process could be made, or it died without a word.
    pub(crate) fn run(self) -> io::Result<Result<(), Refusal>> {
        // SAFETY: the child calls `attempt` and `_exit` only, which make system calls on memory that was
        // allocated before.
        let child = Errno::result(unsafe { libc::fork() })?;
        if child == 0 {
            let answer = match self.attempt() {
                Ok(()) => [0; 5],
                Err((step, errno)) => {
                    let [a, b, c, d] = (errno as i32).to_ne_bytes();
                    [step as u8, a, b, c, d]
                }
            };
            // SAFETY: `answer` is five bytes long.
            unsafe {
                libc::write(self.write_end.as_raw_fd(), answer.as_ptr().cast(), answer.len());
                libc::_exit(0);
            }
        }
        drop(self.write_end);
        let mut answer = [0; 5];
        let read = std::fs::File::from(self.read_end).read_exact(&mut answer);
        let mut status = 0;
        // SAFETY: `status` is an int that outlives the call; `child` is our own child.
        while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 && Errno::last() == Errno::EINTR {}
        read?;
        let [step, errno @ ..] = answer;
        Ok(match Step::from_number(step) {
            Some(step) => Err((step, Errno::from_raw(i32::from_ne_bytes(errno)))),
            None => Ok(()),
        })
    }

    /// In the child: system calls only.
    fn attempt(&self) -> Result<(), Refusal> {
        // SAFETY: takes no pointers.
        if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) } == 0 {
            // SAFETY: takes no pointers.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) };
            put(c"/proc/self/setgroups", b"deny")
                .and_then(|()| put(c"/proc/self/uid_map", &self.uid_map))
                .and_then(|()| put(c"/proc/self/gid_map", &self.gid_map))
                .map_err(|errno| (Step::Identity, errno))?;
        } else {
            let refused = Errno::last();
            // SAFETY: takes no pointers.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                return Err((Step::Namespaces, refused));
            }
        }
        request(&self.loopback_up).map_err(|errno| (Step::Loopback, errno))?;
        open_socket(libc::AF_PACKET, libc::SOCK_RAW, 0).map_err(|errno| (Step::Packet, errno))?;
        request(&self.veth).map_err(|errno| (Step::Veth, errno))?;
        // SAFETY: takes no pointers.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            return Err((Step::Hosts, Errno::last()));
        }
        request(&self.loopback_up).map_err(|errno| (Step::Hosts, errno))
    }
}

/// Descriptors are left open: the child is about to end.
fn open_socket(family: i32, kind: i32, protocol: i32) -> Result<RawFd, Errno> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })
}

fn put(path: &CStr, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: `path` ends with a zero, `bytes` has the given length, both outlive the calls.
    unsafe {
        let fd = Errno::result(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        Errno::result(libc::write(fd, bytes.as_ptr().cast(), bytes.len()))?;
    }
    Ok(())
}

/// Sends one message and reads its acknowledgement.
fn request(message: &[u8]) -> Result<(), Errno> {
    let fd = open_socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    let mut answer = [0u8; 1024];
    // SAFETY: both buffers have the given lengths and outlive the calls.
    let length = unsafe {
        Errno::result(libc::send(fd, message.as_ptr().cast(), message.len(), 0))?;
        Errno::result(libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0))?
    };
    let code = super::message::u32_at(&answer[..length.cast_unsigned()], super::message::HEADER);
    match code.map_or(-libc::EIO, u32::cast_signed) {
        0 => Ok(()),
        code => Err(Errno::from_raw(-code)),
    }
}
