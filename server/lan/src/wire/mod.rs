//! The wire observer: a learning Ethernet switch in user space that impairs and records every frame.

mod lane;
mod peek;
mod random;
mod switch;
mod table;
mod thread;

pub(crate) use switch::NewPort;
pub(crate) use thread::{Command, Hub, Wire};
