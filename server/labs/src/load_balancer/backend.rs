//! 后端：一个 HTTP 服务器，同时只办几个请求，其余的排队。

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lan::{Host, Task};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// 一台后端的性格。
#[derive(Clone, Copy, Debug)]
pub(super) struct Nature {
    pub(super) name: &'static str,
    /// 同时办几个。
    pub(super) workers: usize,
    /// 每个办多久。
    pub(super) service: Duration,
}

/// 一台后端和它的主机。
pub(super) struct Site {
    pub(super) host: Host,
    pub(super) nature: Nature,
    pub(super) address: SocketAddr,
    /// 生病的后端对什么都立刻回答 503。
    pub(super) sick: Arc<AtomicBool>,
    task: Mutex<Option<Task<()>>>,
}

impl Site {
    pub(super) async fn open(host: Host, nature: Nature) -> anyhow::Result<Self> {
        let address = SocketAddr::from((host.ipv4(), super::PORT));
        let site = Self { host, nature, address, sick: Arc::default(), task: Mutex::default() };
        site.power_on();
        site.answers().await?;
        Ok(site)
    }

    /// 它的监听套接字和所有连接一起消失。
    pub(super) fn power_off(&self) {
        if let Some(task) = self.slot().take() {
            task.abort();
        }
    }

    pub(super) fn power_on(&self) {
        *self.slot() = Some(super::start(&self.host, self.nature, self.address, Arc::clone(&self.sick)));
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Task<()>>> {
        self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// 等到端口上有人：从它自己的主机上连，不经过线路。
    async fn answers(&self) -> anyhow::Result<()> {
        let address = self.address;
        let knocking = self.host.spawn(move || async move {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        tokio::time::timeout(Duration::from_secs(5), knocking).await?
    }
}

/// 直到被中止。`JoinSet` 随之丢弃，手里的连接全部断掉，好比程序崩溃：主机的内核还在，会以 RST 回答。
pub(super) async fn serve(address: SocketAddr, nature: Nature, sick: Arc<AtomicBool>) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let desk = Arc::new(Semaphore::new(nature.workers));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(10)).await; // 描述符用完了：马上再试只会空转
                    continue;
                };
                stream.set_nodelay(true).ok(); // 对方已经走了，也不关别的连接的事
                let (desk, sick) = (Arc::clone(&desk), Arc::clone(&sick));
                let service = service_fn(move |request| answer(request, nature, Arc::clone(&desk), sick.load(Relaxed)));
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    nature: Nature,
    desk: Arc<Semaphore>,
    sick: bool,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::from(nature.name));
    if sick {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    } else if request.uri().path() == "/work" {
        let _place = desk.acquire().await;
        tokio::time::sleep(nature.service).await;
    }
    Ok(response)
}
