//! 每一幕做什么、报告什么。

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lan::{Host, Lan};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions};

use super::server::Orders;
use super::{Check, Harm, Pool};

/// 服务器一次数得清的两件事，和做事的主机。
pub(super) struct Bench<'a> {
    pub(super) lan: &'a Lan,
    pub(super) client: &'a Host,
    pub(super) address: SocketAddr,
    pub(super) orders: &'a Arc<Orders>,
}

impl Bench<'_> {
    fn tell(&self, label: &str, value: f64, unit: &str) {
        self.lan.measured(Some(self.client), label, value, unit);
    }

    /// 在客户端做 `work`，报告用时，以及服务器在这期间接受了几条连接。
    pub(super) async fn measured<F>(&self, work: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>> + 'static,
    {
        let (before, started) = (self.orders.accepted(), Instant::now());
        self.client.spawn(work).await?.context("查询没有完成")?;
        self.tell("用时", started.elapsed().as_secs_f64() * 1e3, "ms");
        self.tell("握手与登录", f64::from(self.orders.accepted() - before), "次");
        Ok(())
    }

    pub(super) async fn exhausted(&self, pool: &Pool, patience: Duration) -> anyhow::Result<()> {
        let (given, held) = (pool.clone(), pool.status().max_size);
        let (gave_up, handed_over) = self
            .client
            .spawn(move || super::exhaust(given, held, patience))
            .await?
            .context("池的表现与预想不同")?;
        self.tell("没有人归还，等了", gave_up.as_secs_f64() * 1e3, "ms");
        self.tell("有人归还，等了", handed_over.as_secs_f64() * 1e3, "ms");
        Ok(())
    }

    /// 三种坏掉的办法，各用一个只有一条连接的池。
    pub(super) async fn trials(&self, check: Check) -> anyhow::Result<()> {
        let before = self.orders.accepted();
        for (label, harm) in [
            ("服务器关了闲置的连接：查询成功", Harm::Closed),
            ("服务器卡住了旧的连接：查询成功", Harm::Stuck),
            ("上一个查询超时：答的是自己的问题", Harm::GaveUp),
        ] {
            let orders = Arc::clone(self.orders);
            let pool = super::pool(self.address, check, 1)?;
            let right = self.client.spawn(move || super::trial(pool, harm, orders)).await?.context(label)?;
            self.tell(label, f64::from(u8::from(right)), "次");
        }
        self.tell("握手与登录", f64::from(self.orders.accepted() - before), "次");
        Ok(())
    }
}

/// sqlx 那一幕。数据库在这个进程的内存里，没有网络，自然也没有帧。
pub(super) async fn sqlite(lan: &Lan, client: &Host, queries: u32) -> anyhow::Result<()> {
    let report = client.spawn(move || async move {
        let options: SqliteConnectOptions = super::IN_MEMORY.parse()?;
        let report = super::compare::<Sqlite>(options, queries, Arc::default()).await?;
        anyhow::Ok(report)
    });
    let report = report.await?.context("SQLite 没有完成")?;
    let tell = |label, value, unit| lan.measured(Some(client), label, value, unit);
    tell("用时", report.pooled.as_secs_f64() * 1e3, "ms");
    tell("没有池的用时", report.alone.as_secs_f64() * 1e3, "ms");
    tell("池打开的连接", f64::from(report.opened), "条");
    tell("没有人归还，等了", report.gave_up.as_secs_f64() * 1e3, "ms");
    Ok(())
}
