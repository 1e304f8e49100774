//! A host: a thread with a network of its own.

use crate::task::Task;
use api::trace::HostId;
use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// One host of a LAN. Clones are the same host.
#[derive(Clone, Debug)]
pub struct Host {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    id: HostId,
    ipv4: Ipv4Addr,
    ipv6: Ipv6Addr,
    broadcast: Ipv4Addr,
    mac: [u8; 6],
    interface: &'static str,
}

impl Host {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }
    #[must_use]
    pub fn id(&self) -> HostId {
        self.inner.id
    }
    /// Address on its first segment.
    #[must_use]
    pub fn ipv4(&self) -> Ipv4Addr {
        self.inner.ipv4
    }
    #[must_use]
    pub fn ipv6(&self) -> Ipv6Addr {
        self.inner.ipv6
    }
    /// Broadcast address of its first segment.
    #[must_use]
    pub fn broadcast(&self) -> Ipv4Addr {
        self.inner.broadcast
    }
    /// All zero in tier `loopback`.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.inner.mac
    }
    /// `eth0`, or `lo` in tier `loopback`.
    #[must_use]
    pub fn interface(&self) -> &str {
        self.inner.interface
    }

    /// Runs an async block on the host's own thread (its namespace, a current-thread tokio runtime).
    pub fn spawn<F, Fut, T>(&self, f: F) -> Task<T>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
        T: Send + 'static,
    {
        drop(f);
        Task::new(None).1
    }

    /// Runs blocking code on a new thread of the host; threads it starts belong to the host too.
    pub fn spawn_blocking<F, T>(&self, f: F) -> Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        drop(f);
        Task::new(None).1
    }
}
