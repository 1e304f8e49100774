//! A run reaches its own LAN and nothing else.

use lan::Lan;
use libtest_mimic::Trial;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::in_modes;
use crate::setup::{
    ALL, EVERY, ISOLATED, ISOLATED_NOBODY, LOCKED_ROOT, LOOPBACK, Mode, RUNTIME, limits, measure, run, shared,
};
use api::run::{Outcome, Tier};

pub(crate) fn trials() -> Vec<Trial> {
    [
        in_modes("forbidden_system_calls", &EVERY, forbidden_system_calls),
        in_modes("fork_and_exec_by_std", &ALL, fork_and_exec_by_std),
        in_modes(
            "reaches_nothing_outside",
            &[ISOLATED, ISOLATED_NOBODY, LOCKED_ROOT],
            reaches_nothing_outside,
        ),
        in_modes("loopback_reaches_this_machine", &[LOOPBACK], loopback_reaches_this_machine),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A system call with all arguments given; 0 or its errno.
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {{
        // SAFETY: every call below either is refused, or is harmless with these arguments.
        let result = unsafe { libc::syscall($number $(, $argument)*) };
        Errno::result(result).err().map_or(0, |errno| errno as i32)
    }};
}

/// Labels: the expected error (or `ok`), then the attempt.
pub(crate) fn attempt_all(lan: &mut Lan) -> anyhow::Result<()> {
    let isolated = lan.tier() == Tier::Isolated;
    let host = lan.host("server")?;
    for (label, errno) in attempts(isolated) {
        lan.measured(Some(&host), label, errno.into(), "");
    }
    Ok(())
}

fn attempts(isolated: bool) -> Vec<(&'static str, i32)> {
    const NULL: usize = 0;
    let supervisor = nix::unistd::getppid().as_raw();
    let own = nix::unistd::getpid().as_raw();
    let mut pair = [0_i32; 2];
    let new_limit = [10_u64, 10];
    // SAFETY: a child that only leaves, if it comes into being.
    let cloned = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, NULL, NULL, NULL, NULL) };
    if cloned == 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    }
    let namespace = std::thread::spawn(|| call!(libc::SYS_unshare, libc::CLONE_NEWNET)).join().unwrap_or(-1);
    vec![
        ("EPERM clone of a process", Errno::result(cloned).err().map_or(0, |errno| errno as i32)),
        ("ENOSYS clone3", call!(libc::SYS_clone3, NULL, 0_usize)),
        ("EPERM execve", call!(libc::SYS_execve, c"/bin/true".as_ptr(), NULL, NULL)),
        ("EPERM execveat", call!(libc::SYS_execveat, -1, c"/bin/true".as_ptr(), NULL, NULL, 0)),
        ("EPERM unshare user", call!(libc::SYS_unshare, libc::CLONE_NEWUSER)),
        ("EPERM unshare mounts", call!(libc::SYS_unshare, libc::CLONE_NEWNS)),
        ("EPERM unshare both", call!(libc::SYS_unshare, libc::CLONE_NEWNET | libc::CLONE_NEWNS)),
        ("EPERM setns user", call!(libc::SYS_setns, -1, libc::CLONE_NEWUSER)),
        ("EPERM setns any", call!(libc::SYS_setns, -1, 0)),
        ("EPERM mount", call!(libc::SYS_mount, NULL, c"/".as_ptr(), NULL, libc::MS_REC, NULL)),
        ("EPERM chroot", call!(libc::SYS_chroot, c"/".as_ptr())),
        ("EPERM ptrace", call!(libc::SYS_ptrace, libc::PTRACE_SEIZE, supervisor, NULL, NULL)),
        ("EPERM process_vm_readv", call!(libc::SYS_process_vm_readv, supervisor, NULL, 0, NULL, 0, 0)),
        ("EPERM kill", call!(libc::SYS_kill, supervisor, 0)),
        ("EPERM kill of all", call!(libc::SYS_kill, -1, 0)),
        ("EPERM tgkill", call!(libc::SYS_tgkill, supervisor, supervisor, 0)),
        ("EPERM tkill", call!(libc::SYS_tkill, supervisor, 0)),
        ("EPERM pidfd_open", call!(libc::SYS_pidfd_open, supervisor, 0)),
        ("EPERM unix socket", call!(libc::SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM, 0)),
        ("EPERM vsock", call!(libc::SYS_socket, libc::AF_VSOCK, libc::SOCK_STREAM, 0)),
        (
            "EPERM pair of datagram sockets",
            call!(
                libc::SYS_socketpair,
                libc::AF_UNIX,
                libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
                0,
                pair.as_mut_ptr()
            ),
        ),
        ("EPERM bpf", call!(libc::SYS_bpf, 0, NULL, 0)),
        ("EPERM keyctl", call!(libc::SYS_keyctl, 0, 0, 0)),
        ("EPERM userfaultfd", call!(libc::SYS_userfaultfd, 0)),
        ("EPERM perf_event_open", call!(libc::SYS_perf_event_open, NULL, 0, 0, 0, 0)),
        ("EPERM open_by_handle_at", call!(libc::SYS_open_by_handle_at, -1, NULL, 0)),
        ("EPERM memfd_create", call!(libc::SYS_memfd_create, c"x".as_ptr(), 0)),
        ("EPERM kexec_load", call!(libc::SYS_kexec_load, 0, 0, NULL, 0)),
        ("EPERM set a limit", call!(libc::SYS_prlimit64, 0, libc::RLIMIT_NOFILE, new_limit.as_ptr(), NULL)),
        ("ENOSYS io_uring_setup", call!(libc::SYS_io_uring_setup, 1, NULL)),
        ("ENOSYS newer than known", call!(463_i64, -1, NULL, 0, NULL, NULL, 0)),
        ("ENOSYS foreign ABI", call!(0x4000_0000_i64 | libc::SYS_getpid)),
        ("ok signal to itself", call!(libc::SYS_kill, own, 0)),
        ("ok internet socket", call!(libc::SYS_socket, libc::AF_INET, libc::SOCK_DGRAM, 0)),
        ("ok netlink", call!(libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)),
        (
            "ok pair of stream sockets",
            call!(libc::SYS_socketpair, libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr()),
        ),
        (if isolated { "ok unshare network" } else { "EPERM unshare network" }, namespace),
    ]
}

fn forbidden_system_calls(mode: Mode) {
    let measured = measure(mode, "forbidden", "");
    assert_eq!(measured.len(), 37);
    for (label, errno) in measured {
        let expected = match label.split(' ').next() {
            Some("ok") => 0,
            Some("EPERM") => libc::EPERM,
            Some("ENOSYS") => libc::ENOSYS,
            _ => unreachable!("{label}"),
        };
        assert_eq!(errno, f64::from(expected), "{label}");
    }
}

/// What the standard library does is refused as well, as an error the lab can handle.
fn fork_and_exec_by_std(mode: Mode) {
    let runner = shared(mode);
    for deed in ["fork", "exec"] {
        let outcome =
            RUNTIME.block_on(async { runner::collect(run(&runner, deed, 0, limits()).await).await.2 });
        assert!(matches!(outcome, Outcome::Failed { .. }), "{deed}: {outcome:?}");
    }
}

/// Tries every address in `targets` (`tcp 127.0.0.1:80,udp …`) from the lab's own thread and from a host.
pub(crate) async fn reach(lan: &mut Lan, targets: &str) -> anyhow::Result<()> {
    let host = lan.host("client")?;
    for target in targets.split(',') {
        let here = try_to_reach(target)?;
        lan.measured(None, &format!("{target} from the lab"), here.into(), "");
        let target = target.to_owned();
        let label = format!("{target} from a host");
        let there = host.spawn_blocking(move || try_to_reach(&target)).await??;
        lan.measured(Some(&host), &label, there.into(), "");
    }
    Ok(())
}

/// 0 if something answered or at least took it; else the errno, -1 for silence.
fn try_to_reach(target: &str) -> anyhow::Result<i32> {
    let (transport, address) = target.split_once(' ').unwrap_or(("tcp", target));
    let address: SocketAddr = address.parse()?;
    let attempt = if transport == "tcp" {
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).map(drop)
    } else {
        let any: SocketAddr =
            if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        UdpSocket::bind(any)
            .and_then(|socket| socket.send_to(b"\0\0\x01\0\0\x01\0\0\0\0\0\0\0\0\x01\0\x01", address))
            .map(drop)
    };
    Ok(attempt.err().map_or(0, |error| error.raw_os_error().unwrap_or(-1)))
}

/// Every address of this machine, its name servers, and one far away; with a real server behind the first ones.
fn targets(tcp: &TcpListener, udp: &UdpSocket) -> String {
    let ports = [("tcp", tcp.local_addr().unwrap().port()), ("udp", udp.local_addr().unwrap().port())];
    let mut own: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into()];
    for interface in getifaddrs().unwrap() {
        if let Some(address) = interface
            .address
            .and_then(|address| address.as_sockaddr_in().map(nix::sys::socket::SockaddrIn::ip))
        {
            own.push(address.into());
        }
    }
    own.sort_unstable();
    own.dedup();
    let mut targets: Vec<String> = Vec::new();
    for address in own {
        targets
            .extend(ports.map(|(transport, port)| format!("{transport} {}", SocketAddr::new(address, port))));
    }
    let resolv_conf = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers =
        resolv_conf.lines().filter_map(|line| line.strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok());
    for server in servers.chain([Ipv4Addr::new(8, 8, 8, 8).into()]) {
        targets
            .extend(["tcp", "udp"].map(|transport| format!("{transport} {}", SocketAddr::new(server, 53))));
    }
    targets.join(",")
}

fn servers() -> (TcpListener, UdpSocket) {
    let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    udp.set_nonblocking(true).unwrap();
    (tcp, udp)
}

fn reaches_nothing_outside(mode: Mode) {
    let (tcp, udp) = servers();
    let measured = measure(mode, "reach", &targets(&tcp, &udp));
    assert!(measured.len() >= 8, "{measured:?}");
    for (label, errno) in &measured {
        // A host has a loopback interface of its own, which takes a datagram and gives it to nobody.
        if label.starts_with("udp 127.") {
            continue;
        }
        let unreachable =
            [libc::ENETUNREACH, libc::EHOSTUNREACH, libc::ECONNREFUSED, libc::EADDRNOTAVAIL, libc::EACCES];
        assert!(unreachable.map(f64::from).contains(errno), "{label}: {errno}");
    }
    assert!(tcp.accept().is_err(), "somebody connected");
    assert!(udp.recv(&mut [0; 64]).is_err(), "somebody sent a datagram");
}

/// The page says that this tier isolates nothing. If this fails, the test above proves nothing either.
fn loopback_reaches_this_machine(mode: Mode) {
    let (tcp, udp) = servers();
    let address = |socket: SocketAddr| SocketAddr::from(([127, 0, 0, 1], socket.port()));
    let targets =
        format!("tcp {},udp {}", address(tcp.local_addr().unwrap()), address(udp.local_addr().unwrap()));
    let measured = measure(mode, "reach", &targets);
    assert!(measured.values().all(|errno| *errno == 0.0), "{measured:?}");
    assert!(tcp.accept().is_ok());
    assert!(udp.recv(&mut [0; 64]).is_ok());
}
