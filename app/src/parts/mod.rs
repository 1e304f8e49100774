//! Static pieces that pages are made of.

pub mod addr_examples;
pub mod bench;
pub mod contents;
pub mod correction;
pub mod facts;
pub mod header;
pub mod listing;
pub mod mark;
pub mod page;
pub mod peer;
pub mod problems;
pub mod quiz;
pub mod recording;
pub mod segments;
pub mod sequence;
pub mod turn;
