//! sqlx 的池，对着一个真的数据库：设了 `DATABASE_URL` 就是那个 Postgres，没有设就是内存里的 SQLite。
//!
//! ```sh
//! cargo run -p labs --example sql_pool
//! DATABASE_URL=postgres://localhost/postgres cargo run -p labs --example sql_pool
//! ```

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::env;
use std::str::FromStr as _;
use std::sync::Arc;

use anyhow::Context as _;
use labs::conn_pool;
use sqlx::postgres::{PgConnectOptions, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions};

/// 查询几次。
const QUERIES: u32 = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Ok(url) = env::var("DATABASE_URL") else {
        println!("没有 DATABASE_URL，用内存里的 SQLite");
        let connect = SqliteConnectOptions::from_str(conn_pool::IN_MEMORY)?;
        print(conn_pool::compare::<Sqlite>(connect, QUERIES, Arc::default()).await?);
        return Ok(());
    };
    let connect = PgConnectOptions::from_str(&url).context("DATABASE_URL 不是 Postgres 的网址")?;
    println!("DATABASE_URL 指向 Postgres，数据库 {}", connect.get_database().unwrap_or("（默认）"));
    print(conn_pool::compare::<Postgres>(connect.clone(), QUERIES, Arc::default()).await?);
    for test in [true, false] {
        let outcome = if conn_pool::survives(connect.clone(), test).await? { "成功" } else { "失败" };
        println!("闲着的连接被断开，test_before_acquire({test})：下一次查询{outcome}");
    }
    Ok(())
}

fn print(report: conn_pool::Report) {
    println!("{QUERIES} 次查询，每次新开一条连接：{:?}", report.alone);
    println!("{QUERIES} 次查询，用池：{:?}，打开了 {} 条连接", report.pooled, report.opened);
    println!("池里的 {} 条都借走了，再借一条：等了 {:?} 才放弃", conn_pool::MOST, report.gave_up);
}
