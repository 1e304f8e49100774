//! A host: a thread with a network of its own.

pub(crate) mod interface;
pub(crate) mod network;
pub(crate) mod routes;
pub(crate) mod thread;

use crate::setup::Setup;
use crate::task::{Task, panic_error};
use api::trace::HostId;
use futures::FutureExt as _;
use futures::future::{AbortHandle, Abortable};
use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use thread::{Job, Jobs};

/// One host of a LAN. Clones are the same host.
#[derive(Clone, Debug)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

/// What does not change about a host. Addresses are those on its first segment.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) id: HostId,
    pub(crate) ipv4: Ipv4Addr,
    pub(crate) second_ipv4: Option<Ipv4Addr>,
    pub(crate) ipv6: Ipv6Addr,
    pub(crate) broadcast: Ipv4Addr,
    pub(crate) mac: [u8; 6],
    pub(crate) interface: &'static str,
    pub(crate) jobs: Jobs,
    pub(crate) setup: Arc<Setup>,
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

    /// `10.0.s.n` on its first segment, `127.…` in tier `loopback`.
    #[must_use]
    pub fn ipv4(&self) -> Ipv4Addr {
        self.inner.ipv4
    }

    /// `10.0.s.(100 + n)`, if it was made by [`crate::Lan::host_with_two_addresses`]; also in `127.…`.
    #[must_use]
    pub fn second_ipv4(&self) -> Option<Ipv4Addr> {
        self.inner.second_ipv4
    }

    /// `fd00:0:0:s::n` on its first segment, `::1` in tier `loopback`. Not usable if the line's MTU is
    /// below the 1280 bytes that IPv6 demands (RFC 8200 section 5).
    #[must_use]
    pub fn ipv6(&self) -> Ipv6Addr {
        self.inner.ipv6
    }

    /// Broadcast address of its first segment.
    #[must_use]
    pub fn broadcast(&self) -> Ipv4Addr {
        self.inner.broadcast
    }

    /// `02:00:00:00:ss:nn`; all zero in tier `loopback`.
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
        let (abort, registration) = AbortHandle::new_pair();
        let (result, task) = Task::new(Some(abort));
        self.submit(result, |result| {
            Box::new(move || {
                tokio::task::spawn_local(async move {
                    let work = Abortable::new(async move { f().await }, registration);
                    let outcome = match AssertUnwindSafe(work).catch_unwind().await {
                        Ok(Ok(value)) => Ok(value),
                        Ok(Err(_aborted)) => Err(anyhow::anyhow!("任务已被中止")),
                        Err(panic) => Err(panic_error(panic.as_ref())),
                    };
                    // Nobody awaits a detached task.
                    let _ = result.send(outcome);
                });
            })
        });
        task
    }

    /// Runs blocking code on a new thread of the host; threads it starts belong to the host too.
    pub fn spawn_blocking<F, T>(&self, f: F) -> Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (result, task) = Task::new(None);
        let name = self.inner.name.clone();
        self.submit(result, |result| {
            Box::new(move || {
                // From the host's thread, so that it inherits the namespace and the host's mark.
                let (hand_over, taken) = std::sync::mpsc::sync_channel(1);
                let _ = hand_over.send(result);
                let body = move || {
                    let outcome =
                        catch_unwind(AssertUnwindSafe(f)).map_err(|panic| panic_error(panic.as_ref()));
                    if let Ok(result) = taken.recv() {
                        let _ = result.send(outcome);
                    }
                };
                // On failure the result's sender goes with the closure and the task says so.
                if let Err(error) = std::thread::Builder::new().name(name).spawn(body) {
                    tracing::warn!(target: "lan::host", %error, "no further thread");
                }
            })
        });
        task
    }

    fn submit<T>(
        &self,
        result: tokio::sync::oneshot::Sender<anyhow::Result<T>>,
        job: impl FnOnce(tokio::sync::oneshot::Sender<anyhow::Result<T>>) -> Job,
    ) {
        self.inner.setup.announce();
        match self.inner.jobs.try_reserve() {
            Ok(place) => place.send(job(result)),
            Err(_) => {
                let _ = result.send(Err(anyhow::anyhow!(
                    "主机 {} 不接受新的任务：它已停止，或排队的任务太多",
                    self.inner.name
                )));
            }
        }
    }
}
