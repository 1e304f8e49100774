//! The wire observer: a learning Ethernet switch in user space that impairs and records every frame.

mod flight;
mod lane;
mod peek;
mod port;
mod random;
mod switch;
mod table;
mod thread;

pub(crate) use port::NewPort;
pub(crate) use thread::{Command, Hub, Wire};
