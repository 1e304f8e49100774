//! 零拷贝：同样的字节，用几种办法送进套接字，数一数 CPU 把它们搬了几遍。（指南 8.1）

mod bench;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use garde::Validate;
use lan::{Host, Lan};
use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, splice};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::sendfile::sendfile;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, send, setsockopt};
use nix::unistd::pipe;
use nix::{setsockopt_impl, sockopt_impl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tracing::info;

use self::bench::{Load, Summary, Tally, Way};
use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ZeroCopy {
    /// 每次传送多少（MiB）
    /// 走主机自己的环回接口。交换机看不到那里，所以这些传送不在帧的列表里。
    #[garde(range(min = 4, max = 64))]
    mebibytes: u32,
    /// 一次搬多少（KiB）
    /// 缓冲区的大小，也是一次系统调用最多经手的字节数。
    #[garde(range(min = 4, max = 256))]
    chunk_kib: u32,
    /// 轮数
    /// 每一轮把各种办法都做一遍，最后取中位数；第一轮之前还有一轮热身，不计。
    #[garde(range(min = 3, max = 15))]
    rounds: u32,
    /// 在局域网上再发多少（KiB）
    /// 用 MSG_ZEROCOPY 发给另一台主机，看内核怎样回话。
    #[garde(range(min = 16, max = 256))]
    lan_kib: u32,
}

impl Default for ZeroCopy {
    fn default() -> Self {
        Self { mebibytes: 16, chunk_kib: 64, rounds: 5, lan_kib: 64 }
    }
}

/// 文件到套接字，第一种是比较的基准。
const FILES: &[Way] = &[
    Way::Send("拷贝循环", |load, socket, tally| {
        load.each_file(|file| copy_loop(file, socket, load.chunk, tally))
    }),
    Way::Send("sendfile", |load, socket, tally| {
        load.each_file(|file| with_sendfile(file, socket, load.chunk, tally))
    }),
    Way::Send("从内存写", |load, socket, tally| from_memory(&load.data, socket, load.chunk, tally)),
    Way::Send("MSG_ZEROCOPY", |load, socket, tally| {
        from_memory_without_copy(&load.data, socket, load.chunk, tally)
    }),
];

/// 套接字到套接字，第一种是比较的基准。
const RELAYS: &[Way] = &[
    Way::Relay("拷贝循环", |load, from, to, tally| relay_loop(from, to, load.chunk, tally)),
    Way::Relay("splice", |load, from, to, tally| relay_splice(from, to, load.chunk, tally)),
    Way::Relay("两个任务，复制一份", |load, from, to, tally| {
        bench::on_tokio(from, to, |from, to| relay_pieces(from, to, load.chunk, duplicate, tally))
    }),
    Way::Relay("两个任务，split + freeze", |load, from, to, tally| {
        bench::on_tokio(from, to, |from, to| relay_pieces(from, to, load.chunk, detach, tally))
    }),
];

impl Lab for ZeroCopy {
    const SLUG: &'static str = "zero-copy";
    const TITLE: &'static str = "零拷贝";
    const SUMMARY: &'static str = "同样的字节，八种办法送进套接字：CPU 把每个字节搬了几遍、花了多少时间。内核没有省下拷贝的时候，也照实记下。";
    const HOSTS: &'static [&'static str] = &["sender", "receiver"];
    const PARALLEL: bool = true;

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let sender = lan.host("sender")?;
        let receiver = lan.host("receiver")?;
        let (bytes, chunk) = ((self.mebibytes as usize) << 20, (self.chunk_kib as usize) << 10);
        let load = Arc::new(sender.spawn_blocking(move || Load::new(bytes, chunk)).await??);
        let (address, rounds) = (sender.ipv4(), self.rounds);

        for (what, ways) in [("文件到套接字", FILES), ("套接字到套接字", RELAYS)] {
            let load = Arc::clone(&load);
            let measuring = sender.spawn_blocking(move || {
                info!("{what}：{} 种办法，每次 {} 字节，轮流做 {rounds} 轮", ways.len(), load.data.len());
                bench::measure(address, &load, ways, rounds)
            });
            for summary in measuring.await?.context("传送没有完成")? {
                lan.section(&format!("{what}：{}", summary.title));
                report(&lan, &sender, &summary);
            }
        }

        lan.section("出了主机：MSG_ZEROCOPY 发往另一台主机");
        let address = receiver.ipv4();
        let listener = receiver.spawn_blocking(move || TcpListener::bind((address, 0))).await??;
        let destination = listener.local_addr()?;
        let receiving = receiver.spawn_blocking(move || bench::drain(&listener, None));
        let length = (self.lan_kib as usize) << 10;
        let sending = sender.spawn_blocking(move || {
            let mut tally = Tally::default();
            let socket = TcpStream::connect(destination)?;
            from_memory_without_copy(&load.data[..length.min(load.data.len())], &socket, chunk, &mut tally)?;
            info!("{} 次发送，得到 {} 条通知", tally.calls, tally.notices);
            io::Result::Ok(tally)
        });
        let tally = sending.await??;
        let (received, _) = receiving.await??;
        lan.measured(Some(&receiver), "收到", received as f64, "B");
        report_notices(&lan, &sender, &tally);
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

fn report(lan: &Lan, host: &Host, summary: &Summary) {
    let tell = |label, value, unit| lan.measured(Some(host), label, value, unit);
    tell("吞吐", summary.mib_per_second, "MiB/s");
    tell("搬运的线程用的 CPU", summary.own_cpu_ms, "ms");
    tell("所有线程用的 CPU", summary.cpu_ms, "ms");
    tell("搬运的线程的 CPU，是拷贝循环的", summary.own_cpu_ratio, "倍");
    tell("所有线程的 CPU，是拷贝循环的", summary.cpu_ratio, "倍");
    tell("每个字节被搬了", summary.copies, "遍");
    if summary.tally.notices > 0 {
        report_notices(lan, host, &summary.tally);
    }
}

/// 内核对 MSG_ZEROCOPY 的回话。
fn report_notices(lan: &Lan, host: &Host, tally: &Tally) {
    lan.measured(Some(host), "完成通知", tally.notices as f64, "条");
    lan.measured(Some(host), "通知说：还是拷贝了", tally.confessed as f64, "B");
    lan.measured(Some(host), "通知说：没有拷贝", tally.spared as f64, "B");
}

// ANCHOR: copy
/// 读进来，写出去：每个字节被搬两遍，一遍从页缓存到 `buffer`，一遍从 `buffer` 到套接字。
fn copy_loop(file: &mut File, socket: &mut TcpStream, chunk: usize, tally: &mut Tally) -> io::Result<()> {
    let mut buffer = vec![0; chunk];
    loop {
        let n = file.read(&mut buffer)?;
        tally.copied(n);
        if n == 0 {
            return Ok(());
        }
        socket.write_all(&buffer[..n])?;
        tally.copied(n);
    }
}
// ANCHOR_END: copy

// ANCHOR: sendfile
/// 只说“从这个文件到那个套接字”：套接字的发送队列里放的是页缓存里那些页的引用。
fn with_sendfile(file: &File, socket: &TcpStream, chunk: usize, tally: &mut Tally) -> io::Result<()> {
    // 没有给位置，就从文件当前的位置读起，并把它往后移。
    while sendfile(socket, file, None, chunk)? > 0 {
        tally.moved();
    }
    Ok(())
}
// ANCHOR_END: sendfile

/// 数据已经在自己的内存里：每个字节只搬一遍，从 `data` 到套接字。
fn from_memory(data: &[u8], socket: &mut TcpStream, chunk: usize, tally: &mut Tally) -> io::Result<()> {
    for piece in data.chunks(chunk) {
        socket.write_all(piece)?;
        tally.copied(piece.len());
    }
    Ok(())
}

// nix 还没有收录这个选项。
sockopt_impl!(ZeroCopyOption, SetOnly, libc::SOL_SOCKET, libc::SO_ZEROCOPY, bool);

// ANCHOR: zerocopy
/// 请内核直接发送 `data` 所在的页。返回以前，内核已经不再需要它们。
fn from_memory_without_copy(
    data: &[u8],
    socket: &TcpStream,
    chunk: usize,
    tally: &mut Tally,
) -> io::Result<()> {
    // 不先打开这个选项，MSG_ZEROCOPY 会被悄悄忽略。
    setsockopt(socket, ZeroCopyOption, &true)?;
    let zerocopy = MsgFlags::from_bits_retain(libc::MSG_ZEROCOPY);
    let mut waiting = Notices::default();
    for piece in data.chunks(chunk) {
        let mut rest = piece;
        while !rest.is_empty() {
            match send(socket.as_raw_fd(), rest, zerocopy) {
                Ok(n) => {
                    tally.moved();
                    waiting.sent.push_back(n);
                    rest = &rest[n..];
                }
                // 锁住的页到了上限（RLIMIT_MEMLOCK）：先等内核用完一些；一块就超过上限，只好照普通的办法发。
                Err(Errno::ENOBUFS) if !waiting.sent.is_empty() => waiting.take(socket, tally)?,
                Err(Errno::ENOBUFS) => {
                    let n = send(socket.as_raw_fd(), rest, MsgFlags::empty())?;
                    tally.copied(n);
                    rest = &rest[n..];
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    // 没有等到通知，`data` 就不能改动，也不能释放：内核可能正要发送它，或者重传它。
    while !waiting.sent.is_empty() {
        waiting.take(socket, tally)?;
    }
    Ok(())
}
// ANCHOR_END: zerocopy

/// 还没有等到通知的那些发送。
#[derive(Default)]
struct Notices {
    /// 每次发送的字节数。内核按 0、1、2……给它们编号，TCP 的通知按顺序到来。
    sent: VecDeque<usize>,
}

impl Notices {
    // ANCHOR: notices
    /// 等一条完成通知：编号从 `ee_info` 到 `ee_data` 的发送，内核都用完了（linux/errqueue.h）。
    fn take(&mut self, socket: &TcpStream, tally: &mut Tally) -> io::Result<()> {
        // 通知排在套接字的错误队列里，来了就是 POLLERR，不必另外声明要等它。
        poll(&mut [PollFd::new(socket.as_fd(), PollFlags::empty())], PollTimeout::NONE)?;
        let mut space = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in);
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut [], Some(&mut space), MsgFlags::MSG_ERRQUEUE)?;
        for control in message.cmsgs()? {
            let ControlMessageOwned::Ipv4RecvErr(notice, _) = control else { continue };
            if notice.ee_origin != SO_EE_ORIGIN_ZEROCOPY {
                return Err(io::Error::from_raw_os_error(notice.ee_errno.cast_signed()));
            }
            let sends = notice.ee_data.wrapping_sub(notice.ee_info) as usize + 1;
            let bytes = self.sent.drain(..sends.min(self.sent.len())).sum();
            // 这一位说的是：你要求不拷贝，但我还是拷贝了。
            let copied = notice.ee_code & SO_EE_CODE_ZEROCOPY_COPIED != 0;
            tally.notified(bytes, copied);
        }
        Ok(())
    }
    // ANCHOR_END: notices
}

/// 见 linux/errqueue.h。
const SO_EE_ORIGIN_ZEROCOPY: u8 = 5;
const SO_EE_CODE_ZEROCOPY_COPIED: u8 = 1;

/// 中继最朴素的写法：也是每个字节搬两遍。
fn relay_loop(mut from: TcpStream, mut to: TcpStream, chunk: usize, tally: &mut Tally) -> io::Result<()> {
    let mut buffer = vec![0; chunk];
    loop {
        let n = from.read(&mut buffer)?;
        tally.copied(n);
        if n == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..n])?;
        tally.copied(n);
    }
}

// ANCHOR: splice
/// 字节不进入这个程序：管道里放的是页的引用，不是页里的内容。
fn relay_splice(from: TcpStream, to: TcpStream, chunk: usize, tally: &mut Tally) -> io::Result<()> {
    // splice 的两端必须有一端是管道。
    let (out_of_pipe, into_pipe) = pipe()?;
    let flags = SpliceFFlags::SPLICE_F_MOVE;
    loop {
        let mut held = splice(&from, None, &into_pipe, None, chunk, flags)?;
        tally.moved();
        if held == 0 {
            return Ok(());
        }
        // 把管道倒空再接着装，否则两次 splice 会互相等待。
        while held > 0 {
            held -= splice(&out_of_pipe, None, &to, None, held, flags)?;
            tally.moved();
        }
    }
}
// ANCHOR_END: splice

// ANCHOR: pieces
/// 一个任务读，一个任务写：读到的字节要有自己的主人，才能交给另一个任务。
async fn relay_pieces(
    mut from: tokio::net::TcpStream,
    mut to: tokio::net::TcpStream,
    chunk: usize,
    hand_over: fn(&mut BytesMut) -> Bytes,
    tally: &mut Tally,
) -> io::Result<()> {
    let (pieces, mut ready) = mpsc::channel(4);
    let reading = async move {
        let mut buffer = BytesMut::new();
        let mut tally = Tally::default();
        loop {
            buffer.reserve(chunk);
            // 内核把字节*拷贝*到 buffer 里：read_buf 省下的只是先填一遍零。
            let n = from.read_buf(&mut buffer).await?;
            tally.copied(n);
            if n == 0 {
                return io::Result::Ok(tally);
            }
            let before = buffer.as_ptr();
            let piece = hand_over(&mut buffer);
            if piece.as_ptr() != before {
                tally.duplicated(n); // 换了地方，就是又搬了一遍
            }
            if pieces.send(piece).await.is_err() {
                return Ok(tally);
            }
        }
    };
    let writing = async move {
        let mut tally = Tally::default();
        while let Some(piece) = ready.recv().await {
            to.write_all(&piece).await?;
            tally.copied(piece.len());
        }
        Ok(tally)
    };
    let (read, written) = tokio::try_join!(reading, writing)?;
    *tally += read;
    *tally += written;
    Ok(())
}

/// 复制一份交出去，自己的缓冲区留着再用。
fn duplicate(buffer: &mut BytesMut) -> Bytes {
    let piece = Bytes::copy_from_slice(buffer);
    buffer.clear();
    piece
}

/// 把读到的这一段切下来，连同内存一起交出去：只动指针和引用计数。
fn detach(buffer: &mut BytesMut) -> Bytes {
    buffer.split().freeze()
}
// ANCHOR_END: pieces
