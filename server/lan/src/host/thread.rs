//! The thread of a host: brings up its network, then runs what it is given.

use super::network::{Built, Plan};
use api::trace::HostId;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

pub(crate) type Job = Box<dyn FnOnce() + Send>;
pub(crate) type Jobs = mpsc::Sender<Job>;

/// Jobs that may wait for the host's thread.
const JOBS: usize = 1024;

/// A running host thread.
#[derive(Debug)]
pub(crate) struct HostThread {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Starts a host. With a `plan` it gets a namespace and cables, without one it lives on the machine's
/// loopback.
///
/// # Errors
/// No thread, or the network could not be brought up.
pub(crate) fn start(
    name: &str,
    id: HostId,
    plan: Option<Plan>,
) -> anyhow::Result<(HostThread, Jobs, Option<Built>)> {
    let (jobs, work) = mpsc::channel(JOBS);
    let (stop, stopped) = oneshot::channel();
    let (ready, built) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
        let built = plan.map(Plan::build).transpose();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match (built, runtime) {
            (Ok(built), Ok(runtime)) => {
                crate::mark::set(id);
                if ready.send(Ok(built)).is_ok() {
                    run(runtime, work, stopped);
                }
            }
            (Err(error), _) => drop(ready.send(Err(error))),
            (_, Err(error)) => drop(ready.send(Err(error.into()))),
        }
    })?;
    let built = built.recv().map_err(|_| anyhow::anyhow!("主机 {name} 的线程没有启动"))?;
    match built {
        Ok(built) => Ok((HostThread { stop, thread }, jobs, built)),
        Err(error) => {
            let _ = thread.join();
            Err(error.context(format!("无法建立主机 {name} 的网络")))
        }
    }
}

fn run(runtime: tokio::runtime::Runtime, mut work: mpsc::Receiver<Job>, mut stopped: oneshot::Receiver<()>) {
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                job = work.recv() => match job {
                    Some(job) => job(),
                    None => break,
                },
            }
        }
    });
    drop(tasks);
    // Blocking code that is still running cannot be waited for.
    runtime.shutdown_background();
}

impl HostThread {
    /// Ends the thread; its asynchronous tasks are dropped and their sockets closed.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}
