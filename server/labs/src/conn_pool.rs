//! 连接池：省下的握手、池空了要等多久、死掉的连接由谁发现；再看 sqlx 自带的池。（指南 8.2）

mod bench;
mod server;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use deadpool::managed::{
    self, BuildError, Metrics, Object, PoolError, RecycleError, RecycleResult, TimeoutType,
};
use futures::future::try_join_all;
use garde::Validate;
use lan::Lan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Database, Error, Executor, PgPool, raw_sql};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tracing::{info, warn};

use self::bench::Bench;
use self::server::Orders;
use crate::Lab;

const PORT: u16 = 6543;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConnPool {
    /// 一共查询几次
    /// 由几个任务平分，先不用池做一遍，再用池做一遍。
    #[garde(range(min = 1, max = 24))]
    queries: u32,
    /// 几个任务
    /// 它们同时查询，各查各的。
    #[garde(range(min = 1, max = 8))]
    workers: u32,
    /// 池的大小
    /// 最多同时有几条连接。比任务少的时候，就有人要等。
    #[garde(range(min = 1, max = 8))]
    pool_size: u32,
    /// 池空了，愿意等多久（毫秒）
    /// 超过这么久还没有人归还，就放弃。
    #[garde(range(min = 20, max = 1000))]
    wait_ms: u32,
}

impl Default for ConnPool {
    fn default() -> Self {
        Self { queries: 8, workers: 4, pool_size: 2, wait_ms: 100 }
    }
}

/// 一次查询，从借到还，最多多久。
const PATIENCE: Duration = Duration::from_millis(150);
/// 故意慢的查询：服务器要办这么久，客户端只等一半。
const SLOW: Duration = Duration::from_millis(80);

impl Lab for ConnPool {
    const SLUG: &'static str = "conn-pool";
    const TITLE: &'static str = "连接池";
    const SUMMARY: &'static str = "一个要先登录的服务器：有池和没有池各握手几次，池空了会怎样，而检查做得马虎的池，会把死掉的连接和别人的回答交给你。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let orders = Arc::new(Orders::default());
        let serving = Arc::clone(&orders);
        let task = server
            .spawn(move || server::serve(listener, serving, SLOW, |number| info!("接受第 {number} 条连接")));
        let bench = Bench { lan: &lan, client: &client, address, orders: &orders };

        lan.section("不用池");
        let shares = self.shares();
        bench.measured(move || all_alone(address, shares)).await?;
        lan.section("用池");
        let pool = pool(address, Check::Look, self.pool_size)?;
        let (shares, shared) = (self.shares(), pool.clone());
        bench.measured(move || all_pooled(shared, shares)).await?;

        lan.section("池空了");
        bench.exhausted(&pool, Duration::from_millis(self.wait_ms.into())).await?;
        drop(pool);

        for check in [Check::Nothing, Check::Look, Check::Ask] {
            lan.section(check.title());
            bench.trials(check).await?;
        }
        lan.settle(Duration::from_millis(50), Duration::from_secs(3)).await;
        task.abort();

        lan.section("sqlx 的池，SQLite 在内存里");
        bench::sqlite(&lan, &client, self.queries).await
    }
}

impl ConnPool {
    /// 每个任务查询几次；除不尽的摊给前面几个。
    fn shares(&self) -> Vec<u32> {
        let (each, more) = (self.queries / self.workers, self.queries % self.workers);
        (0..self.workers).map(|worker| each + u32::from(worker < more)).collect()
    }
}

/// 连接在池里的时候，或者在别人手里的时候，出了什么事。
#[derive(Clone, Copy, Debug)]
enum Harm {
    Closed,
    Stuck,
    GaveUp,
}

/// 返回最后一次查询是否得到了自己的答案。
async fn trial(pool: Pool, harm: Harm, orders: Arc<Orders>) -> anyhow::Result<bool> {
    query(&pool, "get 1").await.context("第一次查询就没有成功")?;
    match harm {
        Harm::Closed => orders.close_all(),
        Harm::Stuck => orders.freeze_all(),
        // 期限到了，`query` 这个 future 被丢弃，连接照样回到池里。
        Harm::GaveUp => drop(timeout(SLOW / 2, query(&pool, "slow 1")).await),
    }
    if !matches!(harm, Harm::GaveUp) {
        tokio::time::sleep(IDLE + Duration::from_millis(30)).await; // 池里闲了一阵
    }
    Ok(match timeout(PATIENCE, query(&pool, "get 2")).await {
        Ok(Ok(answer)) => {
            info!("问 get 2，得到 {answer}");
            answer == "value 2"
        }
        Ok(Err(error)) => {
            warn!("查询失败：{error}");
            false
        }
        Err(_) => {
            warn!("{PATIENCE:?} 之内没有回答");
            false
        }
    })
}

// ANCHOR: connection
/// 一条登录过的连接。
struct Connection {
    stream: BufReader<TcpStream>,
    /// 问题发出去了，回答还没有读完。
    waiting: bool,
}

impl Connection {
    /// 连接并登录：TCP 握手一个往返，等题目一个，等“可以”又一个，然后才轮到第一个问题。
    async fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream: BufReader::new(stream), waiting: false };
        let challenge = connection.line().await?;
        connection.ask(&format!("login {challenge}")).await?;
        Ok(connection)
    }

    /// 一问一答。
    async fn ask(&mut self, question: &str) -> io::Result<String> {
        self.waiting = true; // 从这里到下面那一行，future 随时可能被丢弃
        self.stream.write_all(format!("{question}\n").as_bytes()).await?;
        let answer = self.line().await?;
        self.waiting = false;
        Ok(answer)
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().into())
    }
}
// ANCHOR_END: connection

// ANCHOR: manager
/// 告诉池：怎样建立一条连接，怎样判断一条旧的还能不能用。
struct Manager {
    server: SocketAddr,
    check: Check,
}

/// 闲了这么久的连接，借出之前值得问一声。
const IDLE: Duration = Duration::from_millis(30);

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = io::Error;

    async fn create(&self) -> io::Result<Connection> {
        Connection::open(self.server).await
    }

    /// 在*借出*之前调用，不是在归还的时候。返回 Err，池就丢掉这一条，另找一条或者新建。
    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<io::Error> {
        if self.check == Check::Nothing {
            return Ok(()); // 看起来无害，其实是说：“什么样的连接都行”
        }
        // 不花时间的检查。第一，对话停在半截的，不能再用。
        if connection.waiting || !connection.stream.buffer().is_empty() {
            return Err(RecycleError::message("上一问的回答还没有读完"));
        }
        // 第二，现在本该没有任何东西可读。读得到结尾，是对方关了；读得到字节，是多出来的回答。
        let peeked = SockRef::from(connection.stream.get_ref()).peek(&mut [std::mem::MaybeUninit::uninit()]);
        match peeked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
            Ok(0) => return Err(RecycleError::message("对方已经关闭")),
            Ok(_) => return Err(RecycleError::message("有没人要的字节")),
        }
        // 花一个往返的检查：对方的内核还在，不等于对方的程序还在。
        if self.check == Check::Ask && metrics.last_used() > IDLE && connection.ask("ping").await? != "pong" {
            return Err(RecycleError::message("答非所问"));
        }
        Ok(())
    }
}
// ANCHOR_END: manager

/// 借出之前查什么。
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    Look,
    Ask,
}

impl Check {
    fn title(self) -> &'static str {
        match self {
            Self::Nothing => "recycle 什么也不查",
            Self::Look => "recycle 看一眼套接字",
            Self::Ask => "recycle 看一眼，再问一声",
        }
    }
}

type Pool = managed::Pool<Manager>;

// ANCHOR: pool
/// 三个期限都要设：默认是没有，池空了就永远等下去。
fn pool(server: SocketAddr, check: Check, size: u32) -> Result<Pool, BuildError> {
    let config = managed::PoolConfig {
        max_size: size as usize,
        timeouts: managed::Timeouts {
            wait: Some(Duration::from_secs(1)),       // 等别人归还
            create: Some(Duration::from_secs(1)),     // 等新的连接建好
            recycle: Some(Duration::from_millis(50)), // 等检查的结果
        },
        ..managed::PoolConfig::default()
    };
    Pool::builder(Manager { server, check }).config(config).runtime(deadpool::Runtime::Tokio1).build()
}

/// 借一条，用完自动归还：`Object` 一丢弃，连接就回到池里，不管它当时是什么状态。
async fn query(pool: &Pool, question: &str) -> Result<String, PoolError<io::Error>> {
    let mut connection: Object<Manager> = pool.get().await?;
    Ok(connection.ask(question).await?)
}
// ANCHOR_END: pool

// ANCHOR: alone
/// 没有池：每一问都要先连接、登录。
async fn ask_alone(server: SocketAddr, count: u32) -> io::Result<()> {
    for number in 0..count {
        let mut connection = Connection::open(server).await?;
        let answer = connection.ask(&format!("get {number}")).await?;
        info!("{answer}");
    }
    Ok(())
}
// ANCHOR_END: alone

async fn all_alone(server: SocketAddr, shares: Vec<u32>) -> anyhow::Result<()> {
    try_join_all(shares.into_iter().map(|count| ask_alone(server, count))).await?;
    Ok(())
}

async fn all_pooled(pool: Pool, shares: Vec<u32>) -> anyhow::Result<()> {
    try_join_all(shares.into_iter().map(|count| ask_pooled(&pool, count))).await?;
    Ok(())
}

async fn ask_pooled(pool: &Pool, count: u32) -> Result<(), PoolError<io::Error>> {
    for number in 0..count {
        let answer = query(pool, &format!("get {number}")).await?;
        info!("{answer}");
    }
    Ok(())
}

// ANCHOR: exhausted
/// 借走全部 `held` 条，再借一条：先是没有人归还，然后有人归还。返回两次各等了多久。
async fn exhaust(pool: Pool, held: usize, patience: Duration) -> anyhow::Result<(Duration, Duration)> {
    let mut lent = Vec::with_capacity(held);
    while lent.len() < held {
        lent.push(pool.get().await?);
    }
    let hurried = managed::Timeouts { wait: Some(patience), ..pool.timeouts() };
    let started = Instant::now();
    let refused = pool.timeout_get(&hurried).await;
    let gave_up = started.elapsed();
    anyhow::ensure!(matches!(refused, Err(PoolError::Timeout(TimeoutType::Wait))), "池空了也借到了");
    warn!("等了 {gave_up:?}，没有等到：{} 条都在别人手里", pool.status().size);

    let started = Instant::now();
    let giving_back = async {
        tokio::time::sleep(patience / 4).await;
        lent.pop(); // 丢弃就是归还
    };
    let (borrowed, ()) = tokio::join!(pool.timeout_get(&hurried), giving_back);
    drop(borrowed?);
    Ok((gave_up, started.elapsed()))
}
// ANCHOR_END: exhausted

// 从这里往下是 sqlx 的池：同样的代码，对 SQLite 和 Postgres 都成立。
// `cargo run -p labs --example sql_pool` 用的也是它们，按 DATABASE_URL 选择数据库。

/// 内存里的 SQLite。同一个池的连接看到的是同一个库；最后一条连接关闭，库也就没有了。
pub const IN_MEMORY: &str = "sqlite::memory:";

/// 池最多有几条连接。
pub const MOST: u32 = 3;

// ANCHOR: sql-options
/// 一个池要想清楚的几个数。`opened` 数一数它打开过多少条连接。
pub fn sql_options<DB: Database>(opened: Arc<AtomicU32>) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(MOST) // 数据库受得了多少，除以有多少个进程来连
        .min_connections(1) // 闲时也留一条，第一个请求不必等登录
        .acquire_timeout(Duration::from_millis(200)) // 默认 30 秒：请求早就没有人等了
        .idle_timeout(Duration::from_secs(60)) // 要比中途的防火墙、代理忘记连接的时间短
        .max_lifetime(Duration::from_secs(1800)) // 让连接慢慢换新，跟上数据库的切换
        .test_before_acquire(true) // 借出之前 ping 一次；默认就是这样
        .after_connect(move |_, _| {
            opened.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(()) })
        })
}
// ANCHOR_END: sql-options

/// 两种做法的结果。
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// 每次查询都新开一条连接，一共用时。
    pub alone: Duration,
    /// 用池，一共用时。
    pub pooled: Duration,
    /// 池打开过的连接。
    pub opened: u32,
    /// 池空了，等了多久才放弃。
    pub gave_up: Duration,
}

/// 查询 `queries` 次，先不用池，再用池；最后把池借空。
///
/// # Errors
/// 数据库的错误，或者池借空之后居然还借得到。
pub async fn compare<DB: Database>(
    connect: <DB::Connection as sqlx::Connection>::Options,
    queries: u32,
    opened: Arc<AtomicU32>,
) -> Result<Report, Error>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let started = Instant::now();
    for _ in 0..queries {
        let mut connection = DB::Connection::connect_with(&connect).await?;
        connection.execute(raw_sql("SELECT 1")).await?;
        connection.close().await?;
    }
    let alone = started.elapsed();

    let pool = sql_options::<DB>(Arc::clone(&opened)).connect_with(connect).await?;
    let started = Instant::now();
    for _ in 0..queries {
        let mut connection = pool.acquire().await?;
        (&mut *connection).execute(raw_sql("SELECT 1")).await?;
    } // 丢弃就是归还
    let pooled = started.elapsed();

    let gave_up = exhaust_sql(&pool).await?;
    pool.close().await;
    Ok(Report { alone, pooled, opened: opened.load(Ordering::Relaxed), gave_up })
}

// ANCHOR: sql-exhausted
/// 借走全部连接，再借一条。返回等了多久才放弃。
///
/// # Errors
/// 借得到反而是错的。
pub async fn exhaust_sql<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<Duration, Error> {
    let mut lent = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        lent.push(pool.acquire().await?);
    }
    let started = Instant::now();
    match pool.acquire().await {
        Err(Error::PoolTimedOut) => Ok(started.elapsed()),
        Err(error) => Err(error),
        Ok(_) => Err(Error::Protocol("池空了也借到了".into())),
    }
}
// ANCHOR_END: sql-exhausted

// ANCHOR: sql-killed
/// 数据库的管理员断开了池里那条闲着的连接。下一次查询成功了吗？
///
/// # Errors
/// 与死掉的连接无关的错误。
pub async fn survives(connect: PgConnectOptions, test_before_acquire: bool) -> Result<bool, Error> {
    let pool: PgPool = sql_options(Arc::default())
        .max_connections(1)
        .test_before_acquire(test_before_acquire)
        .connect_with(connect.clone())
        .await?;
    let process: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await?;

    let mut administrator = connect.connect().await?;
    let terminated: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
        .bind(process)
        .fetch_one(&mut administrator)
        .await?;
    administrator.close().await?;
    if !terminated {
        return Err(Error::Protocol("没有断开它".into()));
    }
    tokio::time::sleep(Duration::from_millis(100)).await; // 让告别的话走到我们这里

    let answer = sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(&pool).await;
    pool.close().await;
    Ok(answer.is_ok())
}
// ANCHOR_END: sql-killed
