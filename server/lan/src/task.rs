//! Work running on a host.

use futures::future::AbortHandle;
use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// The result of work given to a [`crate::Host`], when it is there.
///
/// A panic becomes an error with its message. Dropping a task lets the work go on.
#[must_use = "a task that nobody awaits loses its error"]
#[derive(Debug)]
pub struct Task<T> {
    result: oneshot::Receiver<anyhow::Result<T>>,
    abort: Option<AbortHandle>,
}

impl<T> Task<T> {
    /// A task and the place where its result goes. `abort` ends asynchronous work.
    pub(crate) fn new(abort: Option<AbortHandle>) -> (oneshot::Sender<anyhow::Result<T>>, Self) {
        let (sender, result) = oneshot::channel();
        (sender, Self { result, abort })
    }

    /// Ends an asynchronous task at its next `await`; blocking code cannot be ended from outside.
    pub fn abort(&self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }
}

impl<T> Future for Task<T> {
    type Output = anyhow::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result)
            .poll(context)
            .map(|result| result.unwrap_or_else(|_| Err(anyhow::anyhow!("任务没有完成：主机已经停止"))))
    }
}

/// What a panic said.
pub(crate) fn panic_error(payload: &(dyn Any + Send)) -> anyhow::Error {
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "（没有说明）".into());
    anyhow::anyhow!("代码 panic：{message}")
}
