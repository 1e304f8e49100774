//! What opens encrypted bytes: the secrets of a key log, the key schedule of TLS 1.3 below them, and the ciphers.

mod cipher;
mod secrets;

pub(crate) use cipher::{Suite, Traffic};
pub(crate) use secrets::{Epoch, Secrets};
