//! 服务器：先登录，再一问一答。它也听从实验的吩咐，把连接弄坏。

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// 连接从 1 起编号；吩咐总是说“编号不超过这个的”。
#[derive(Default)]
pub(super) struct Orders {
    accepted: AtomicU32,
    close: watch::Sender<u32>,
    freeze: watch::Sender<u32>,
}

impl Orders {
    /// 到现在为止接受了几条连接。
    pub(super) fn accepted(&self) -> u32 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// 关闭现有的连接，好比服务器清理闲置太久的。
    pub(super) fn close_all(&self) {
        self.close.send_replace(self.accepted());
    }

    /// 现有的连接从此没有人回答，但也不关闭，好比处理它们的线程卡死了。
    pub(super) fn freeze_all(&self) {
        self.freeze.send_replace(self.accepted());
    }
}

/// 接受连接，直到被中止。
pub(super) async fn serve(listener: TcpListener, orders: Arc<Orders>, slow: Duration, told: impl Fn(u32)) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(10)).await; // 描述符用完了：马上再试只会空转
                    continue;
                };
                let number = orders.accepted.fetch_add(1, Ordering::Relaxed) + 1;
                told(number);
                let orders = Arc::clone(&orders);
                connections.spawn(async move {
                    let mut closing = orders.close.subscribe();
                    // 对方走了，或者被吩咐关闭：都是这条连接的结尾。
                    tokio::select! {
                        _ = talk(stream, number, &orders, slow) => {}
                        _ = closing.wait_for(|upto| number <= *upto) => {}
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn talk(stream: TcpStream, number: u32, orders: &Orders, slow: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.write_all(format!("{number:04x}\n").as_bytes()).await?;
    let mut line = String::new();
    let mut trusted = false;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if number <= *orders.freeze.borrow() {
            continue;
        }
        let answer = match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
            ("login", proof) if proof == format!("{number:04x}") => {
                trusted = true;
                "ready".to_owned()
            }
            ("ping", _) if trusted => "pong".to_owned(),
            ("get", key) if trusted => format!("value {key}"),
            ("slow", key) if trusted => {
                tokio::time::sleep(slow).await;
                format!("value {key}")
            }
            _ => return Ok(()), // 没有登录，或者听不懂
        };
        stream.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}
