//! Looking at the sockets of one namespace.

use super::KernelObserver;
use super::inet_diag::{DESTROY_GROUPS, Part, dump, ended};
use super::sockets::{LAST_WORDS_NS, Sockets};
use crate::activity::Touched;
use crate::host::interface::SECOND;
use crate::recorder::lock;
use crate::sys::netlink::Socket;
use api::trace::HostId;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Up to this many sockets, the switch may wait for a look.
const SMALL: usize = 64;

/// Whose sockets a namespace holds.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All of them are this host's.
    Host(HostId),
    /// Only those on `127.a.b.n` are the run's; `n − 1` is the host, or `n − 1 −` [`SECOND`].
    Subnet { prefix: [u8; 3], hosts: u8 },
}

impl Scope {
    pub(super) fn is_host(&self, host: HostId) -> bool {
        matches!(self, Self::Host(own) if *own == host)
    }

    /// The host that has a socket with this local address.
    fn host(&self, local: SocketAddr) -> Option<HostId> {
        match (self, local.ip()) {
            (Self::Host(host), _) => Some(*host),
            (Self::Subnet { prefix, hosts }, IpAddr::V4(ip)) => {
                let [a, b, c, n] = ip.octets();
                let number = if n > SECOND { n - SECOND } else { n };
                ([a, b, c] == *prefix && (1..=*hosts).contains(&number)).then(|| number - 1)
            }
            (Self::Subnet { .. }, IpAddr::V6(_)) => None,
        }
    }
}

/// The sockets of one namespace, and how to ask for them.
#[derive(Debug)]
pub(crate) struct Watch {
    scope: Scope,
    questions: Socket,
    /// Brings the last words of sockets that end, where the kernel permits.
    ended: Option<Socket>,
    sockets: Mutex<Sockets>,
}

impl Watch {
    /// Watches the calling thread's namespace.
    pub(crate) fn here(scope: Scope) -> io::Result<Self> {
        let ended = Socket::sock_diag_groups(DESTROY_GROUPS).ok();
        let sockets = Mutex::new(Sockets::new(ended.is_some()));
        Ok(Self { scope, questions: Socket::sock_diag()?, ended, sockets })
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(super) fn ended_socket(&self) -> Option<&Socket> {
        self.ended.as_ref()
    }

    pub(super) fn look(&self, observer: &KernelObserver, touched: Touched) {
        self.look_with(observer, touched, &mut lock(&self.sockets));
    }

    /// False without a look if there are many sockets.
    pub(super) fn look_if_small(&self, observer: &KernelObserver, touched: Touched) -> bool {
        let mut sockets = lock(&self.sockets);
        let small = sockets.count() <= SMALL;
        if small {
            self.look_with(observer, touched, &mut sockets);
        }
        small
    }

    /// Records every difference, however small, after the last words of what has just ended.
    pub(super) fn look_finally(&self, observer: &KernelObserver) {
        self.look(observer, Touched::ALL);
        let end = Instant::now() + Duration::from_nanos(LAST_WORDS_NS);
        while lock(&self.sockets).waits() && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(200));
            self.note_ended(observer);
        }
        let mut sockets = lock(&self.sockets);
        sockets.hold_nothing_back();
        self.look_with(observer, Touched::ALL, &mut sockets);
    }

    /// Takes in last words without asking for everything.
    pub(super) fn note_ended(&self, observer: &KernelObserver) {
        if let Some(socket) = &self.ended {
            let mut sockets = lock(&self.sockets);
            let ended = ended(socket);
            if !ended.is_empty() {
                let number = || observer.next_socket();
                sockets.ended(observer.recorder.elapsed_ns(), self.own(ended), number);
                Self::record(observer, &mut sockets);
            }
        }
    }

    fn look_with(&self, observer: &KernelObserver, touched: Touched, sockets: &mut Sockets) {
        for (part, kind) in [
            (Part::Listeners, Touched::LISTENERS),
            (Part::Connections, Touched::CONNECTIONS),
            (Part::Datagrams, Touched::DATAGRAMS),
        ] {
            if !touched.contains(kind) {
                continue;
            }
            let time = observer.recorder.elapsed_ns();
            // A question that fails (out of memory) is asked again soon.
            if let Ok(seen) = dump(&self.questions, part) {
                if let Some(socket) = &self.ended {
                    sockets.ended(time, self.own(ended(socket)), || observer.next_socket());
                }
                sockets.seen(time, part, self.own(seen), || observer.next_socket());
            }
        }
        Self::record(observer, sockets);
    }

    fn own(&self, seen: Vec<super::inet_diag::Seen>) -> Vec<(HostId, super::inet_diag::Seen)> {
        seen.into_iter().filter_map(|seen| Some((self.scope.host(seen.local)?, seen))).collect()
    }

    fn record(observer: &KernelObserver, sockets: &mut Sockets) {
        for (time, kernel) in sockets.take_changes() {
            observer.recorder.kernel(time, kernel);
        }
    }
}
