//! 怎样量：同样的数据，每一轮把各种办法都做一遍，取中位数。

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::ops::AddAssign;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};

/// 一种办法，和它的名字。
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// 把 [`Load`] 送进一个套接字。
    Send(&'static str, fn(&Load, &mut TcpStream, &mut Tally) -> io::Result<()>),
    /// 把一个套接字里来的，送进另一个套接字，直到流的结尾。
    Relay(&'static str, fn(&Load, TcpStream, TcpStream, &mut Tally) -> io::Result<()>),
}

/// 要送的东西：一个文件，和它在内存里的样子。
pub(super) struct Load {
    path: PathBuf,
    /// 文件的内容，重复 `repeat` 遍。
    pub(super) data: Vec<u8>,
    repeat: usize,
    /// 一次系统调用最多经手的字节数。
    pub(super) chunk: usize,
}

/// 太短的文件，打开和倒带的时间会占去太多；太长的没有必要。
const LENGTHS: std::ops::RangeInclusive<u64> = (256 << 10)..=(8 << 20);

impl Load {
    /// 至少 `bytes` 字节。文件是本进程用到的动态库里最大的一个：它一定在页缓存里，而且人人可读。
    pub(super) fn new(bytes: usize, chunk: usize) -> anyhow::Result<Self> {
        let maps = fs::read_to_string("/proc/self/maps").context("读不到 /proc/self/maps")?;
        let length = |path: &PathBuf| {
            // 真的打开它：看得见，不等于读得到。
            let length = File::open(path).and_then(|file| file.metadata()).ok()?.len();
            LENGTHS.contains(&length).then_some(length)
        };
        let path = maps
            .lines()
            .filter_map(|line| line.find('/').map(|start| PathBuf::from(&line[start..])))
            .filter_map(|path| length(&path).map(|length| (length, path)))
            .max()
            .context("找不到大小合适又可以读的文件")?
            .1;
        let content = fs::read(&path).context("读不到文件")?;
        let repeat = bytes.div_ceil(content.len());
        Ok(Self { path, data: content.repeat(repeat), repeat, chunk })
    }

    /// 把文件从头到尾交给 `send`，重复若干遍。
    pub(super) fn each_file(&self, mut send: impl FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        for _ in 0..self.repeat {
            file.rewind()?;
            send(&mut file)?;
        }
        Ok(())
    }
}

/// 搬运的线程记的账。
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// 系统调用。
    pub(super) calls: u64,
    /// 搬过的字节：读、写、复制，各算各的。
    copied: u64,
    /// `MSG_ZEROCOPY` 的完成通知。
    pub(super) notices: u64,
    /// 通知说还是拷贝了的字节；也算在 `copied` 里。
    pub(super) confessed: u64,
    /// 通知说没有拷贝的字节。
    pub(super) spared: u64,
}

impl Tally {
    /// 一次系统调用，内核在它和程序之间拷贝了 `bytes` 字节。
    pub(super) fn copied(&mut self, bytes: usize) {
        self.calls += 1;
        self.copied += bytes as u64;
    }

    /// 一次系统调用，没有经过程序的内存。
    pub(super) fn moved(&mut self) {
        self.calls += 1;
    }

    /// 程序自己复制了 `bytes` 字节。
    pub(super) fn duplicated(&mut self, bytes: usize) {
        self.copied += bytes as u64;
    }

    /// 一条完成通知。
    pub(super) fn notified(&mut self, bytes: usize, copied: bool) {
        self.notices += 1;
        let bytes = bytes as u64;
        if copied {
            self.copied += bytes;
            self.confessed += bytes;
        } else {
            self.spared += bytes;
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.copied += other.copied;
        self.notices += other.notices;
        self.confessed += other.confessed;
        self.spared += other.spared;
    }
}

/// 一种办法的结果，各轮的中位数。
pub(super) struct Summary {
    pub(super) title: &'static str,
    pub(super) mib_per_second: f64,
    /// 做这件事的那个线程。
    pub(super) own_cpu_ms: f64,
    /// 连同对端的线程。
    pub(super) cpu_ms: f64,
    /// 与同一轮里第一种办法之比。
    pub(super) own_cpu_ratio: f64,
    pub(super) cpu_ratio: f64,
    pub(super) copies: f64,
    /// 最后一轮的账。
    pub(super) tally: Tally,
}

/// 一次传送。
struct Sample {
    wall: Duration,
    own_cpu: Duration,
    cpu: Duration,
    tally: Tally,
}

/// 热身一轮（顺便核对内容），再量 `rounds` 轮；单数轮倒着做，好让机器的快慢变化均摊。
pub(super) fn measure(
    address: Ipv4Addr,
    load: &Load,
    ways: &[Way],
    rounds: u32,
) -> anyhow::Result<Vec<Summary>> {
    for way in ways {
        transfer(address, load, *way, true)?;
    }
    let mut samples: Vec<Vec<Sample>> = ways.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let forwards = 0..ways.len();
        let order: Vec<usize> = if round % 2 == 0 { forwards.collect() } else { forwards.rev().collect() };
        for way in order {
            samples[way].push(transfer(address, load, ways[way], false)?);
        }
    }
    let base = &samples[0];
    Ok(ways.iter().zip(&samples).map(|(way, own)| summarise(*way, load, own, base)).collect())
}

fn summarise(way: Way, load: &Load, samples: &[Sample], base: &[Sample]) -> Summary {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let each = |value: &dyn Fn(&Sample) -> f64| median(samples.iter().map(value).collect());
    let against = |value: &dyn Fn(&Sample) -> f64| {
        median(samples.iter().zip(base).map(|(own, base)| value(own) / value(base)).collect())
    };
    let (Way::Send(title, _) | Way::Relay(title, _)) = way;
    let bytes = load.data.len() as f64;
    Summary {
        title,
        mib_per_second: each(&|sample| bytes / f64::from(1 << 20) / sample.wall.as_secs_f64()),
        own_cpu_ms: each(&|sample| ms(sample.own_cpu)),
        cpu_ms: each(&|sample| ms(sample.cpu)),
        own_cpu_ratio: against(&|sample| ms(sample.own_cpu)),
        cpu_ratio: against(&|sample| ms(sample.cpu)),
        copies: each(&|sample| sample.tally.copied as f64 / bytes),
        tally: samples.last().map(|sample| sample.tally).unwrap_or_default(),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// 在主机自己的环回接口上传送一次。`check`：收到的内容逐字节核对。
fn transfer(address: Ipv4Addr, load: &Load, way: Way, check: bool) -> anyhow::Result<Sample> {
    let sink = TcpListener::bind((address, 0))?;
    let destination = sink.local_addr()?;
    let expected = check.then_some(&load.data[..]);
    let started = Instant::now();
    let (own_cpu, source_cpu, received, sink_cpu, tally) = thread::scope(|scope| {
        let draining = scope.spawn(|| drain(&sink, expected));
        let mut tally = Tally::default();
        let (own_cpu, source_cpu) = match way {
            Way::Send(_, send) => {
                let mut socket = TcpStream::connect(destination)?;
                let own = cpu_of(|| send(load, &mut socket, &mut tally))?;
                (own, Duration::ZERO)
            }
            Way::Relay(_, relay) => {
                let front = TcpListener::bind((address, 0))?;
                let entrance = front.local_addr()?;
                let pouring = scope.spawn(move || pour(entrance, load));
                let from = front.accept()?.0;
                let to = TcpStream::connect(destination)?;
                let own = cpu_of(|| relay(load, from, to, &mut tally))?;
                (own, joined(pouring)?)
            }
        };
        let (received, sink_cpu) = joined(draining)?;
        anyhow::Ok((own_cpu, source_cpu, received, sink_cpu, tally))
    })?;
    anyhow::ensure!(received == load.data.len(), "少了字节：{received}");
    Ok(Sample { wall: started.elapsed(), own_cpu, cpu: own_cpu + source_cpu + sink_cpu, tally })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, io::Result<T>>) -> anyhow::Result<T> {
    Ok(thread.join().map_err(|_| anyhow::anyhow!("传送的线程异常结束"))??)
}

/// 中继的上游：把内存里的数据写进去。返回用掉的 CPU。
fn pour(entrance: std::net::SocketAddr, load: &Load) -> io::Result<Duration> {
    let mut socket = TcpStream::connect(entrance)?;
    cpu_of(|| {
        socket.write_all(&load.data)?;
        socket.shutdown(Shutdown::Write)
    })
}

/// 接下一条连接，读到结尾。返回读到的字节数和用掉的 CPU。
pub(super) fn drain(listener: &TcpListener, expected: Option<&[u8]>) -> io::Result<(usize, Duration)> {
    let (mut socket, _) = listener.accept()?;
    let mut buffer = vec![0; 256 << 10];
    let mut total = 0;
    let cpu = cpu_of(|| {
        loop {
            let n = socket.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            if let Some(expected) = expected
                && expected.get(total..total + n) != Some(&buffer[..n])
            {
                return Err(io::Error::other("收到的内容与发出的不同"));
            }
            total += n;
        }
    })?;
    Ok((total, cpu))
}

/// 在一个线程的 tokio 上运行。
pub(super) fn on_tokio<F: Future<Output = io::Result<()>>>(
    from: TcpStream,
    to: TcpStream,
    relay: impl FnOnce(tokio::net::TcpStream, tokio::net::TcpStream) -> F,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        from.set_nonblocking(true)?;
        to.set_nonblocking(true)?;
        relay(tokio::net::TcpStream::from_std(from)?, tokio::net::TcpStream::from_std(to)?).await
    })
}

/// 这个线程做 `work` 用掉的 CPU，内核态的也在内。
fn cpu_of(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let now = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let before = now()?;
    work()?;
    Ok(now()?.saturating_sub(before))
}
