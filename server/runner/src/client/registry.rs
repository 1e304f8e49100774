//! What the client knows: the runner there is, and the runs it has been given.

use api::run::{Tier, TierReport};
use nix::sys::socket::MsgFlags;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

use crate::protocol::{Ending, RunId, ToRunner};
use crate::seqpacket;

/// A runner that is ready.
#[derive(Debug)]
pub(super) struct Connection {
    /// Counts runners from 0.
    pub(super) generation: u64,
    pub(super) process: u32,
    pub(super) control: OwnedFd,
    pub(super) tier: TierReport,
}

#[derive(Clone, Debug)]
pub(super) enum Phase {
    Starting,
    Ready(Arc<Connection>),
    /// It died or could not be started; the next attempt follows.
    Down(String),
}

#[derive(Debug)]
pub(super) struct Registry {
    phase: watch::Sender<Phase>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: RunId,
    next_subnet: u16,
    runs: HashMap<RunId, Enlisted>,
    tier: TierReport,
}

#[derive(Debug)]
struct Enlisted {
    generation: u64,
    subnet: u16,
    ending: oneshot::Sender<Ending>,
}

/// Subnets of tier `loopback` are `127.(1+hi).(lo)`: as many as fit below 127.255.
const SUBNETS: u16 = 253 << 8;

impl Registry {
    pub(super) fn new() -> Self {
        // Another client on this machine should not begin with the same addresses.
        let next_subnet = u16::try_from(RandomState::new().hash_one(0) % u64::from(SUBNETS)).unwrap_or(0);
        let tier = TierReport { tier: Tier::Loopback, reason: String::new(), cure: String::new() };
        let state = State { next: 0, next_subnet, runs: HashMap::new(), tier };
        Self { phase: watch::Sender::new(Phase::Starting), state: Mutex::new(state) }
    }

    pub(super) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(super) fn connection(&self) -> Option<Arc<Connection>> {
        match &*self.phase.borrow() {
            Phase::Ready(connection) => Some(Arc::clone(connection)),
            Phase::Starting | Phase::Down(_) => None,
        }
    }

    pub(super) fn tier(&self) -> TierReport {
        self.state().tier.clone()
    }

    pub(super) fn ready(&self, connection: Connection) {
        self.state().tier = connection.tier.clone();
        self.phase.send_replace(Phase::Ready(Arc::new(connection)));
    }

    /// The runner is gone, and with it (`PR_SET_PDEATHSIG`) all its runs.
    pub(super) fn down(&self, generation: u64, reason: String) {
        self.phase.send_replace(Phase::Down(reason));
        // Dropping the sender tells the run that nobody will ever know more.
        self.state().runs.retain(|_, run| run.generation != generation);
    }

    /// A number, a subnet and the place where the ending will be told, for a run about to be asked for.
    pub(super) fn enlist(&self, connection: &Connection) -> (RunId, u16, oneshot::Receiver<Ending>) {
        let mut state = self.state();
        let (sender, ending) = oneshot::channel();
        let id = state.next;
        state.next += 1;
        let mut subnet = state.next_subnet;
        // There are more subnets than a machine can have runs.
        while state.runs.values().any(|run| run.subnet == subnet) {
            subnet = (subnet + 1) % SUBNETS;
        }
        state.next_subnet = (subnet + 1) % SUBNETS;
        state.runs.insert(id, Enlisted { generation: connection.generation, subnet, ending: sender });
        (id, subnet, ending)
    }

    /// It was not asked for after all.
    pub(super) fn strike(&self, id: RunId) {
        self.state().runs.remove(&id);
    }

    /// Its process is gone.
    pub(super) fn ended(&self, id: RunId, ending: Ending) {
        if let Some(run) = self.state().runs.remove(&id) {
            // Nobody listens if the run was dropped.
            let _ = run.ending.send(ending);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run, as its runner knows it.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) id: RunId,
    pub(super) connection: Arc<Connection>,
}

impl Handle {
    /// End it now. Best effort: a run whose client is gone also ends by the end of its socket.
    pub(super) fn kill(&self) {
        self.tell(&ToRunner::Kill { id: self.id });
    }

    /// It has been asked to stop: end it if it does not.
    pub(super) fn stop(&self, grace_ms: u32) {
        self.tell(&ToRunner::Stop { id: self.id, grace_ms });
    }

    fn tell(&self, message: &ToRunner) {
        let _ = seqpacket::send(self.connection.control.as_fd(), message, None, MsgFlags::MSG_DONTWAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_side_by_side_have_subnets_of_their_own() {
        let registry = Registry::new();
        let (control, _there) = seqpacket::pair().unwrap();
        let connection = Connection { generation: 0, process: 0, control, tier: registry.tier() };
        let enlisted: Vec<_> = (0..300).map(|_| registry.enlist(&connection)).collect();
        let mut subnets: Vec<_> = enlisted.iter().map(|(_, subnet, _)| *subnet).collect();
        subnets.sort_unstable();
        subnets.dedup();
        assert_eq!(subnets.len(), 300);
        assert!(subnets.iter().all(|subnet| *subnet < SUBNETS));
    }

    #[test]
    fn only_runs_of_the_dead_runner_are_told() {
        let registry = Registry::new();
        let (control, _there) = seqpacket::pair().unwrap();
        let mut connection = Connection { generation: 0, process: 0, control, tier: registry.tier() };
        let (_, _, mut old) = registry.enlist(&connection);
        connection.generation = 1;
        let (id, _, mut new) = registry.enlist(&connection);
        registry.down(0, "killed".into());
        assert_eq!(old.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(new.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        registry.ended(id, Ending::Killed);
        assert_eq!(new.try_recv(), Ok(Ending::Killed));
    }
}
