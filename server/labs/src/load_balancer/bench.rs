//! 看着它分配，报告结果。

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lan::{Host, Lan, Task};
use tokio::sync::RwLock;
use tokio::time::{sleep, timeout};

use super::backend::Site;
use super::{Balancer, Outcome, next_with_atomic, next_with_lock};

/// 多久画一个点。
const SAMPLING: Duration = Duration::from_millis(20);

pub(super) struct Watch<'a> {
    pub(super) lan: &'a Lan,
    pub(super) gateway: &'a Host,
    pub(super) sites: &'a [Site],
}

/// 一次停掉的前后。
pub(super) struct PowerCycle {
    pub(super) removed: Duration,
    pub(super) sent_in_vain: usize,
    pub(super) restored: Duration,
}

impl Watch<'_> {
    pub(super) fn tell(&self, label: &str, value: f64, unit: &str) {
        self.lan.measured(Some(self.gateway), label, value, unit);
    }

    /// 请求到来的时候，隔一会儿记下每台在途的和分到的。
    pub(super) async fn during(
        &self,
        balancer: &Balancer,
        offering: Task<Vec<Outcome>>,
    ) -> anyhow::Result<Vec<Outcome>> {
        let watching = async {
            loop {
                self.sample(balancer);
                sleep(SAMPLING).await;
            }
        };
        let outcomes = tokio::select! {
            outcomes = offering => outcomes,
            () = watching => unreachable!("它没有结尾"),
        };
        self.sample(balancer);
        outcomes
    }

    fn sample(&self, balancer: &Balancer) {
        for (backend, site) in balancer.backends.iter().zip(self.sites) {
            let host = Some(&site.host);
            self.lan.sampled(host, "在途的请求", backend.in_flight.load(Relaxed) as f64, "个");
            self.lan.sampled(host, "分到的请求", backend.taken.load(Relaxed) as f64, "次");
        }
    }

    /// 各分到多少，有多公平。
    pub(super) fn distribution(&self, balancer: &Balancer) {
        let taken: Vec<f64> =
            balancer.backends.iter().map(|backend| backend.taken.load(Relaxed) as f64).collect();
        for (site, taken) in self.sites.iter().zip(&taken) {
            self.lan.measured(Some(&site.host), "分到的请求", *taken, "个");
        }
        self.tell("公平指数", fairness(&taken), "");
    }

    pub(super) fn latencies(&self, outcomes: &[Outcome]) {
        let mut served: Vec<f64> = outcomes
            .iter()
            .filter(|outcome| outcome.backend.is_some())
            .map(|outcome| outcome.latency.as_secs_f64() * 1e3)
            .collect();
        served.sort_by(f64::total_cmp);
        self.tell("延迟 p50", quantile(&served, 0.50), "ms");
        self.tell("延迟 p99", quantile(&served, 0.99), "ms");
    }

    /// 让第 `index` 台停掉 `off` 那么久，量一量均衡器多久发觉。
    pub(super) async fn power_cycle(
        &self,
        index: usize,
        balancer: &Balancer,
        off: Duration,
    ) -> anyhow::Result<PowerCycle> {
        let (site, backend) = (&self.sites[index], &balancer.backends[index]);
        let until = |removed: bool| async move {
            let started = Instant::now();
            let changed = async {
                while backend.removed.load(Relaxed) != removed {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_secs(10), changed).await.context("健康检查没有发觉")?;
            anyhow::Ok(started.elapsed())
        };
        sleep(off).await;
        let (before, died) = (backend.taken.load(Relaxed), Instant::now());
        site.power_off();
        let removed = until(true).await?;
        let sent_in_vain = backend.taken.load(Relaxed) - before;
        sleep(off.saturating_sub(died.elapsed())).await;
        site.power_on();
        Ok(PowerCycle { removed, sent_in_vain, restored: until(false).await? })
    }
}

/// Jain 的公平指数：完全平均是 1，全给一台是台数分之一。
fn fairness(shares: &[f64]) -> f64 {
    let (sum, squares) =
        shares.iter().fold((0.0, 0.0), |(sum, squares), share| (sum + share, squares + share * share));
    sum * sum / (shares.len() as f64 * squares)
}

/// 排好序的样本里，有这么大比例的不超过它（最近秩）。
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// 最里面的那个原因。
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// 每个线程挑这么多次。
const PICKS: u32 = 2_000;
const ROUNDS: usize = 7;

/// 几个线程同时挑，每次花多少纳秒。
pub(super) struct Counters {
    pub(super) threads: usize,
    pub(super) locked: f64,
    pub(super) atomic: f64,
}

/// 用锁和用原子变量轮流量 [`ROUNDS`] 轮，取中位数：一轮很短，被别的程序打断一次就不算数了。
pub(super) fn counters(threads: usize) -> anyhow::Result<Counters> {
    let (lock, atomic) = (RwLock::new(0), AtomicUsize::new(0));
    let (mut locked, mut free) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        locked.push(together(threads, || {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            runtime.block_on(async {
                for _ in 0..PICKS {
                    std::hint::black_box(next_with_lock(&lock, 3).await);
                }
            });
            Ok(())
        })?);
        free.push(together(threads, || {
            for _ in 0..PICKS {
                std::hint::black_box(next_with_atomic(&atomic, 3));
            }
            Ok(())
        })?);
    }
    locked.sort_by(f64::total_cmp);
    free.sort_by(f64::total_cmp);
    Ok(Counters { threads, locked: quantile(&locked, 0.5), atomic: quantile(&free, 0.5) })
}

/// 每次的平均纳秒数，由最慢的那个线程说了算。
fn together(threads: usize, work: impl Fn() -> anyhow::Result<()> + Sync) -> anyhow::Result<f64> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let timed = || {
            start.wait();
            let started = Instant::now();
            work().map(|()| started.elapsed())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(timed)).collect();
        let mut slowest = Duration::ZERO;
        for worker in workers {
            slowest = slowest.max(worker.join().map_err(|_| anyhow::anyhow!("挑选的线程异常结束"))??);
        }
        Ok(slowest.as_nanos() as f64 / f64::from(PICKS))
    })
}
