//! `wirebook run`: the same runner, limits and trace as on the site.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use api::run::{Congestion, FromRun, Limits, Outcome, RunSpec, Tier, ToRun};
use api::trace::Trace;

use super::{complain, lines, misuse, params, reader_left, remark, text};
use crate::catalog::{self, Lab};
use crate::request::{self, Wish};
use crate::serve::start_runner;
use crate::store;

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// 实验的名称，见 wirebook labs
    lab: String,
    /// 参数，可重复
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    lines: lines::Lines,
    /// 随机种子：相同的种子丢失相同的帧
    #[arg(long)]
    seed: Option<u64>,
    /// 拥塞控制算法
    #[arg(long, value_enum, default_value_t = Algorithm::Cubic)]
    congestion: Algorithm,
    /// 运行开始后输入的一行文字，可重复（只用于接受输入的实验）
    #[arg(long, value_name = "TEXT")]
    input: Vec<String>,
    /// 把整条轨迹以 JSON 输出
    #[arg(long)]
    json: bool,
    /// 把所有帧写入文件，可用 Wireshark 打开
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// 指定网络层级（默认：这台机器允许的最好层级）
    #[arg(long, value_enum, env = "WIREBOOK_TIER")]
    tier: Option<TierName>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Algorithm {
    Cubic,
    Reno,
    Bbr,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum TierName {
    Isolated,
    Loopback,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(tier) = args.tier {
        let name = match tier {
            TierName::Isolated => "isolated",
            TierName::Loopback => "loopback",
        };
        // SAFETY: no other thread exists yet that could read the environment; the runner inherits it.
        unsafe { std::env::set_var("WIREBOOK_TIER", name) };
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(execute(args))
}

async fn execute(args: Args) -> anyhow::Result<ExitCode> {
    let Some(lab) = catalog::find(&args.lab) else {
        let known: Vec<&str> = catalog::all().iter().map(|lab| lab.info.slug.as_str()).collect();
        return Ok(misuse(&format!("没有名为 {} 的实验，有：{}", args.lab, known.join("、"))));
    };
    let wish = match wish(&args, lab) {
        Ok(wish) => wish,
        Err(message) => return Ok(misuse(&message)),
    };
    if !args.input.is_empty() && lab.info.input.is_none() {
        return Ok(misuse(&format!("实验 {} 不接受输入，请去掉 --input", args.lab)));
    }
    let runner = start_runner().await?;
    let report = runner.tier();
    let (spec, lab) = match request::check(wish, &report) {
        Ok(checked) => checked,
        Err(error) => return Ok(misuse(&format!("{}：{}", error.field, error.message))),
    };
    let limits = Limits { wall_ms: lab.entry.wall_ms(), ..Limits::default() };
    if !args.json && report.tier == Tier::Loopback {
        remark(&format!("以环回层级运行，看不到帧。{}；要看帧：{}", report.reason, report.cure));
    }
    let printer = text::Printer::new(&lab.info.hints);
    let trace = follow(&args, &runner, spec, limits, printer).await?;
    if args.json {
        let mut out = std::io::stdout().lock();
        let done = serde_json::to_writer(&mut out, &trace).map_err(std::io::Error::from);
        done.and_then(|()| writeln!(out)).map_err(reader_left)?;
    }
    if let Some(path) = &args.pcap {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        lan::pcapng::write(&trace, &mut file)?;
        file.flush()?;
    }
    Ok(conclude(&trace.outcome))
}

fn wish(args: &Args, lab: &Lab) -> Result<Wish, String> {
    Ok(Wish {
        lab: args.lab.clone(),
        params: params::parse(&lab.info, &args.settings)?,
        lines: Some(args.lines.apply(&lab.info)?),
        seed: args.seed,
        congestion: match args.congestion {
            Algorithm::Cubic => Congestion::Cubic,
            Algorithm::Reno => Congestion::Reno,
            Algorithm::Bbr => Congestion::Bbr,
        },
    })
}

/// Runs to the end, printing what happens unless the whole trace is asked for. Ctrl-C stops the run in good order.
async fn follow(
    args: &Args,
    runner: &runner::Runner,
    spec: RunSpec,
    limits: Limits,
    mut printer: text::Printer,
) -> anyhow::Result<Trace> {
    let started_at_ms = crate::runs::now_ms();
    let mut run = runner.run(spec.clone(), limits).await?;
    let control = run.control();
    for text in &args.input {
        control.send(ToRun::Input { text: text.clone() }).await?;
    }
    let (mut hosts, mut events) = (Vec::new(), Vec::new());
    let mut interrupted = false;
    let (outcome, left_out) = loop {
        let message = tokio::select! {
            message = run.next() => message,
            _ = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = true;
                control.send(ToRun::Stop).await?;
                continue;
            }
        };
        match message {
            Some(FromRun::Host { info }) => {
                printer.host(&info);
                hosts.push(info);
            }
            Some(FromRun::Events { events: batch }) => {
                if !args.json {
                    printer.print(&batch).map_err(reader_left)?;
                }
                events.extend(batch);
            }
            Some(FromRun::Refused { field, message }) => complain(&format!("{field}：{message}")),
            // The end repeats it.
            Some(FromRun::LeftOut { .. }) => {}
            Some(FromRun::Finished { outcome, left_out }) => break (outcome, left_out),
            None => anyhow::bail!("运行没有说明它是怎样结束的"),
        }
    };
    let collected = (hosts, events, outcome, left_out);
    Ok(runner::trace(store::new_id(), spec, runner.tier().tier, started_at_ms, collected))
}

/// The exit status tells how the run ended; anything but success is also said.
fn conclude(outcome: &Outcome) -> ExitCode {
    let (status, message) = match outcome {
        Outcome::Completed => return ExitCode::SUCCESS,
        Outcome::Failed { message } => (1, message),
        Outcome::LimitReached { message, .. } => (3, message),
        Outcome::Broken { message } => (4, message),
        Outcome::Stopped { message } => (130, message),
    };
    complain(message);
    ExitCode::from(status)
}
