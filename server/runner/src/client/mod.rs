//! The client: what the web server and the command line use.

mod collect;
mod ending;
mod keeper;
mod lines;
mod registry;
mod run;

use api::run::{Limits, RunSpec, TierReport, ToRun};
use nix::errno::Errno;
use nix::sys::socket::MsgFlags;
use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

use crate::protocol::ToRunner;
use crate::seqpacket;
use keeper::Keeper;
use registry::{Connection, Phase, Registry};

pub use collect::{Collected, collect, trace};
pub use run::{Run, RunControl};

/// How long a new run waits for a runner that is being restarted.
const RESTART: Duration = Duration::from_secs(5);

/// How long the first runner may take to be ready.
const FIRST_START: Duration = Duration::from_secs(10);

/// Why a run was not started or did not take a message. For the reader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("运行器还没有就绪，请稍后再试")]
    Unavailable,
    #[error("没能建立与运行的连接：{0}")]
    Connection(String),
    #[error("实验还没有读完之前的消息，请稍候再发")]
    Busy,
    #[error("运行已经结束")]
    Ended,
}

/// Starts runs. Clones are the same runner; the last one to go ends the runner's process and all its runs.
#[derive(Clone, Debug)]
pub struct Runner {
    keeper: Arc<Keeper>,
}

impl Runner {
    /// Starts the runner's process, `exe` with `args`, which is to call [`crate::serve`], and keeps it running.
    ///
    /// # Errors
    /// It could not be started, or was not ready within ten seconds.
    pub async fn start(exe: PathBuf, args: Vec<OsString>) -> anyhow::Result<Self> {
        let runner = Self { keeper: Arc::new(Keeper::start(exe, args)?) };
        let mut phases = runner.registry().phases();
        let first = phases.wait_for(|phase| !matches!(phase, Phase::Starting));
        match tokio::time::timeout(FIRST_START, first).await {
            Ok(Ok(phase)) => {
                if let Phase::Down(reason) = &*phase {
                    anyhow::bail!("the runner does not start: {reason}");
                }
            }
            _ => anyhow::bail!("the runner was not ready within {} s", FIRST_START.as_secs()),
        }
        Ok(runner)
    }

    /// What the machine permits, as the current runner found it.
    #[must_use]
    pub fn tier(&self) -> TierReport {
        self.registry().tier()
    }

    /// The process number of the current runner; `None` while it is being restarted.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.registry().connection().map(|connection| connection.process)
    }

    /// Starts a run. Waits for the runner if it is being restarted.
    ///
    /// # Errors
    /// [`RunError::Unavailable`] if the runner was not ready within five seconds.
    pub async fn run(&self, spec: RunSpec, limits: Limits) -> Result<Run, RunError> {
        let deadline = Instant::now() + RESTART;
        loop {
            let connection = self.connection(deadline).await?;
            let (near, far) = UnixStream::pair().map_err(|error| RunError::Connection(error.to_string()))?;
            let (id, subnet, ending) = self.registry().enlist(&connection);
            let request = ToRunner::Run { id, limits };
            match seqpacket::send(
                connection.control.as_fd(),
                &request,
                Some(far.as_fd()),
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(()) => {
                    let handle = registry::Handle { id, connection: Arc::clone(&connection) };
                    let tier = connection.tier.tier;
                    return Run::new(
                        near,
                        handle,
                        ending,
                        ToRun::Start { spec, limits, tier, subnet },
                        limits,
                    )
                    .map_err(|error| RunError::Connection(error.to_string()));
                }
                Err(error) => {
                    self.registry().strike(id);
                    // The runner has a full queue, or has just died and its keeper does not know yet.
                    if !matches!(error, Errno::EAGAIN | Errno::EPIPE | Errno::ECONNRESET) {
                        return Err(RunError::Connection(error.to_string()));
                    }
                }
            }
            if Instant::now() >= deadline {
                return Err(RunError::Unavailable);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn connection(&self, deadline: Instant) -> Result<Arc<Connection>, RunError> {
        let mut phases = self.registry().phases();
        let ready = phases.wait_for(|phase| matches!(phase, Phase::Ready(_)));
        match timeout_at(deadline, ready).await {
            Ok(Ok(phase)) => match &*phase {
                Phase::Ready(connection) => Ok(Arc::clone(connection)),
                _ => Err(RunError::Unavailable),
            },
            _ => Err(RunError::Unavailable),
        }
    }

    fn registry(&self) -> &Registry {
        self.keeper.registry()
    }
}
