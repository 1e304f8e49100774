//! What the kernel is asked for, one subject a file. Everything here acts on the calling thread's
//! network namespace unless it is given a socket, which stays in the namespace it was opened in.

pub(crate) mod ethtool;
pub(crate) mod group;
pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod namespace;
pub(crate) mod netlink;
pub(crate) mod packet;
pub(crate) mod sysctl;
pub(crate) mod trial;
