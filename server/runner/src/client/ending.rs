//! What the reader is told when a run's process could not say itself how it ended.

use api::run::{Limit, Limits, Outcome};

use crate::protocol::Ending;

/// `None`: the runner died, and its runs with it.
pub(super) fn outcome(ending: Option<&Ending>, limits: &Limits) -> Outcome {
    match ending {
        None => broken("运行器意外退出，这次运行因此中断；运行器会自动重启，请重新运行"),
        Some(Ending::NotStarted) => broken("系统暂时无法创建新的进程，请稍后重新运行"),
        Some(Ending::Killed) => {
            Outcome::Stopped { message: "运行没有及时停下，已强制终止".into() }
        }
        Some(Ending::Limit { limit }) => {
            Outcome::LimitReached { limit: *limit, message: limit_sentence(*limit, limits) }
        }
        Some(Ending::Signalled { signal }) => signalled(*signal),
        Some(Ending::Exited { code }) => {
            failed(format!("实验代码没有返回就结束了进程（退出码 {code}），之后的事件没有记录下来"))
        }
    }
}

/// A run that does not keep to the protocol.
pub(super) fn nonsense() -> Outcome {
    broken("运行发来了无法理解的数据，已终止")
}

fn limit_sentence(limit: Limit, limits: &Limits) -> String {
    match limit {
        Limit::WallClock => {
            format!("运行超过 {} 秒，已终止", f64::from(limits.wall_ms) / 1000.0)
        }
        Limit::Memory => format!("占用的内存超过 {} MiB，已终止", limits.memory_bytes >> 20),
        Limit::Threads => format!("线程超过 {} 个，已终止", limits.threads),
        Limit::Descriptors => format!("打开的文件描述符超过 {} 个，已终止", limits.descriptors),
    }
}

fn signalled(signal: i32) -> Outcome {
    match signal {
        libc::SIGABRT => failed(
            "实验进程调用 abort 中止了自己（SIGABRT）：可能是 std::process::abort、\
             panic 途中再次 panic、栈溢出或申请不到内存"
                .into(),
        ),
        libc::SIGSEGV | libc::SIGBUS => {
            failed(format!("实验进程访问了无效的内存地址（{}），已崩溃", name(signal)))
        }
        libc::SIGKILL => broken("实验进程被系统强制结束（SIGKILL），可能是这台机器内存不足"),
        _ => failed(format!("实验进程被信号终止（{}）", name(signal))),
    }
}

fn name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| signal.to_string(), |signal| signal.to_string())
}

fn failed(message: String) -> Outcome {
    Outcome::Failed { message }
}

fn broken(message: &str) -> Outcome {
    Outcome::Broken { message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let limits = Limits { wall_ms: 30_000, ..Limits::default() };
        let of = |ending| outcome(Some(&ending), &limits);
        assert_eq!(
            of(Ending::Limit { limit: Limit::WallClock }),
            Outcome::LimitReached {
                limit: Limit::WallClock, message: "运行超过 30 秒，已终止".into()
            }
        );
        assert!(matches!(of(Ending::Signalled { signal: libc::SIGABRT }), Outcome::Failed { .. }));
        assert!(matches!(of(Ending::Signalled { signal: 63 }), Outcome::Failed { .. }));
        assert!(matches!(of(Ending::Signalled { signal: libc::SIGKILL }), Outcome::Broken { .. }));
        assert!(matches!(of(Ending::Exited { code: 3 }), Outcome::Failed { .. }));
        assert!(matches!(of(Ending::Killed), Outcome::Stopped { .. }));
        assert!(matches!(outcome(None, &limits), Outcome::Broken { .. }));
    }
}
