//! From what the lab's code returned to the [`Outcome`] the reader sees.

use api::run::{Limit, Limits, Outcome};
use std::any::Any;
use std::io;

use super::panics;

/// `returned`: what `catch_unwind` gave.
pub(super) fn of(returned: Result<anyhow::Result<()>, Box<dyn Any + Send>>, limits: &Limits) -> Outcome {
    match returned {
        Ok(Ok(())) => Outcome::Completed,
        Ok(Err(error)) if panics::out_of_descriptors() || is_out_of_descriptors(&error) => {
            descriptors(limits)
        }
        Err(_) if panics::out_of_descriptors() => descriptors(limits),
        Ok(Err(error)) => Outcome::Failed { message: format!("实验代码返回了错误：{error:#}") },
        Err(payload) => Outcome::Failed { message: panics::sentence(&*payload) },
    }
}

fn is_out_of_descriptors(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.raw_os_error() == Some(libc::EMFILE))
}

fn descriptors(limits: &Limits) -> Outcome {
    let message = format!("同时打开的文件描述符（套接字也算）达到 {} 个的上限", limits.descriptors);
    Outcome::LimitReached { limit: Limit::Descriptors, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn descriptors_are_recognised_below_context() {
        let error = || io::Error::from_raw_os_error(libc::EMFILE);
        let wrapped = Err::<(), _>(error()).context("监听失败").context("server");
        let outcome = of(Ok(wrapped), &Limits::default());
        assert!(matches!(outcome, Outcome::LimitReached { limit: Limit::Descriptors, .. }), "{outcome:?}");
        let other = of(Ok(Err(io::Error::from_raw_os_error(libc::ENFILE).into())), &Limits::default());
        assert!(matches!(other, Outcome::Failed { .. }));
        assert_eq!(of(Ok(Ok(())), &Limits::default()), Outcome::Completed);
    }

    #[test]
    fn a_panic_says_what_it_said() {
        let outcome = of(Err(Box::new("boom")), &Limits::default());
        assert!(matches!(outcome, Outcome::Failed { message } if message.contains("boom")));
    }
}
