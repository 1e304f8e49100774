//! Switching off what network cards do for the kernel (`ethtool(8)`, ioctl `SIOCETHTOOL`).
//!
//! With offloads on, frames on a veth are up to 64 kB long and their checksums are unfinished: nothing
//! like frames on a real cable.

use nix::errno::Errno;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Transmit checksumming, TCP segmentation, generic segmentation, generic receive (`linux/ethtool.h`).
const SWITCHES: [u32; 4] = [0x17, 0x1f, 0x24, 0x2c];
const GET_LINK: u32 = 0x0a;
const SIOCETHTOOL: libc::c_ulong = 0x8946;

/// `struct ethtool_value`
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Switches all offloads of `interface` off, in the namespace of `socket`.
pub(crate) fn offloads_off(socket: impl AsFd, interface: &str) -> io::Result<()> {
    for command in SWITCHES {
        request(&socket, interface, command)?;
    }
    Ok(())
}

/// Waits until the kernel has told itself that the link is up, which it otherwise does a little later.
pub(crate) fn settle_link(socket: impl AsFd, interface: &str) -> io::Result<()> {
    request(&socket, interface, GET_LINK)
}

fn request(socket: &impl AsFd, interface: &str, command: u32) -> io::Result<()> {
    let mut value = Value { command, data: 0 };
    // SAFETY: `ifreq` is plain data for which all zeros is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the kernel reads `request` and the `Value` it points to, and may write the latter; both
    // outlive the call.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
    Errno::result(result)?;
    Ok(())
}
