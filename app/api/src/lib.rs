//! Types that cross between browser, server, runner and disk.
//!
//! Everything here is plain data with serde derives: no I/O, no clock, no `usize`.
//! * [`trace`] — what a run recorded (the file format and the heart of the product)
//! * [`line`] — the impairments of a host's cable
//! * [`lab`] — what a lab is called and which parameters it takes
//! * [`run`] — what is asked of the runner and how a run ended
//! * [`live`] — the messages of the `/live` WebSocket
//! * [`peer`] — the messages of the sockets whose other end is the reader's own browser
//! * [`quiz`] — the questions of the book and the answers to them

pub mod lab;
pub mod line;
pub mod live;
pub mod peer;
pub mod quiz;
pub mod run;
pub mod trace;
