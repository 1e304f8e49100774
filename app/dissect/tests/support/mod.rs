//! Comparison of this crate with Wireshark's `tshark`, shared by tests and by `examples/compare.rs`.

// Each program that includes this uses a part of it.
#![allow(dead_code, unreachable_pub)]

pub mod build;
pub mod capture;
pub mod compare;
pub mod corpus;
pub mod judgements;
pub mod pdml;
pub mod random;
