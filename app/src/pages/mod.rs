//! One page a file, rendered on the server.

pub mod home;
pub mod not_found;
