//! One page a file, rendered on the server.

pub mod chapter;
pub mod glossary;
pub mod home;
pub mod lab;
pub mod labs;
pub mod not_found;
pub mod progress;
pub mod quiz;
pub mod trace;
