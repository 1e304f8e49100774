//! What this machine permits.

use crate::sys::trial::{Step, Trial};
use api::run::{Tier, TierReport};
use nix::errno::Errno;
use std::path::Path;

/// Asks for this tier without trying.
const VARIABLE: &str = "WIREBOOK_TIER";

/// Tries, in a throw-away child process, all that tier `isolated` needs: namespaces, an interface that
/// comes up, a packet socket and a veth pair. `WIREBOOK_TIER=loopback` skips the trial.
///
/// May be called from a process with several threads: between `fork` and `_exit` the child makes system
/// calls only.
#[must_use]
pub fn probe() -> TierReport {
    if std::env::var(VARIABLE).is_ok_and(|tier| tier == "loopback") {
        return loopback(
            format!("环境变量 {VARIABLE}=loopback 要求只用环回网络"),
            format!("unset {VARIABLE}"),
        );
    }
    match Trial::prepare().and_then(Trial::run) {
        Ok(Ok(())) => TierReport { tier: Tier::Isolated, reason: String::new(), cure: String::new() },
        Ok(Err((step, errno))) => {
            loopback(format!("{}：{}", sentence(step), explain(errno)), cure(step, errno))
        }
        Err(error) => loopback(format!("无法启动试验用的子进程：{error}"), String::new()),
    }
}

fn loopback(reason: String, cure: String) -> TierReport {
    TierReport { tier: Tier::Loopback, reason, cure }
}

fn sentence(step: Step) -> &'static str {
    match step {
        Step::Namespaces => "这台机器不允许创建用户命名空间和网络命名空间",
        Step::Identity => "用户命名空间创建了，却不能写入 uid_map",
        Step::Loopback => "网络命名空间创建了，却不能启用其中的 lo 接口",
        Step::Packet => "命名空间里不能打开 AF_PACKET 套接字",
        Step::Veth => "命名空间里不能创建 veth 虚拟网卡",
        Step::Hosts => "命名空间里不能再创建网络命名空间",
    }
}

fn explain(errno: Errno) -> String {
    let meaning = match errno {
        Errno::EPERM | Errno::EACCES => "没有权限",
        Errno::ENOSPC => "数量已到上限",
        Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT => "内核不支持",
        other => other.desc(),
    };
    format!("{meaning}（{errno:?}）")
}

/// The most likely cure, judged by what the machine says about itself.
fn cure(step: Step, errno: Errno) -> String {
    let says =
        |file: &str, value: &str| std::fs::read_to_string(file).is_ok_and(|content| content.trim() == value);
    let in_container = ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
    let cure = match (step, errno) {
        (Step::Veth, Errno::EOPNOTSUPP) => "sudo modprobe veth",
        (Step::Packet, Errno::EAFNOSUPPORT) => "sudo modprobe af_packet",
        (_, Errno::ENOSPC) => "sudo sysctl -w user.max_user_namespaces=1024 user.max_net_namespaces=1024",
        (_, Errno::EPERM | Errno::EACCES)
            if says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") =>
        {
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        }
        (_, Errno::EPERM) if says("/proc/sys/kernel/unprivileged_userns_clone", "0") => {
            "sudo sysctl -w kernel.unprivileged_userns_clone=1"
        }
        (_, Errno::EPERM | Errno::EACCES) if in_container => {
            "启动容器时加上 --cap-add SYS_ADMIN --cap-add NET_ADMIN（或 --security-opt seccomp=unconfined）"
        }
        (Step::Namespaces, Errno::EINVAL | Errno::ENOSYS) => {
            "换用打开了 CONFIG_USER_NS 和 CONFIG_NET_NS 的内核"
        }
        _ => "",
    };
    cure.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_why() {
        for step in Step::ALL {
            for errno in [Errno::EPERM, Errno::ENOSPC, Errno::EINVAL, Errno::EMFILE] {
                assert!(!sentence(step).is_empty() && explain(errno).contains(&format!("{errno:?}")));
            }
        }
        assert_eq!(cure(Step::Veth, Errno::EOPNOTSUPP), "sudo modprobe veth");
        assert!(cure(Step::Namespaces, Errno::ENOSPC).contains("max_user_namespaces"));
    }

    #[test]
    fn the_trial_works_with_other_threads_and_leaves_no_child() {
        let others: Vec<_> = (0..4).map(|_| std::thread::spawn(probe)).collect();
        let reports: Vec<_> = others.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(reports.windows(2).all(|pair| pair[0] == pair[1]), "{reports:?}");
        assert!(reports[0].tier == Tier::Isolated || !reports[0].reason.is_empty());
    }
}
