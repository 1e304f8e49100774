//! `--loss 10`, `--delay server:50`: the lines of a run on the command line.

use std::collections::BTreeMap;

use api::lab::LabInfo;
use api::line::{Impairments, Line};

/// A value for the lines of every host, or `host:value` for one; both directions. May be given several times.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Lines {
    /// 丢包率，百分比
    #[arg(long, value_name = "[HOST:]PERCENT")]
    loss: Vec<String>,
    /// 单向延迟，毫秒
    #[arg(long, value_name = "[HOST:]MS")]
    delay: Vec<String>,
    /// 延迟抖动，毫秒
    #[arg(long, value_name = "[HOST:]MS")]
    jitter: Vec<String>,
    /// 乱序率，百分比
    #[arg(long, value_name = "[HOST:]PERCENT")]
    reorder: Vec<String>,
    /// 重复率，百分比
    #[arg(long, value_name = "[HOST:]PERCENT")]
    duplicate: Vec<String>,
    /// 比特错误率（按帧），百分比
    #[arg(long, value_name = "[HOST:]PERCENT")]
    corrupt: Vec<String>,
    /// 速率，kbit/s；0 表示不限
    #[arg(long, value_name = "[HOST:]KBIT")]
    rate: Vec<String>,
    /// 限速时的队列长度，字节
    #[arg(long, value_name = "[HOST:]BYTES")]
    queue: Vec<String>,
    /// 最大 IP 包长，字节
    #[arg(long, value_name = "[HOST:]BYTES")]
    mtu: Vec<String>,
}

impl Lines {
    /// The lab's own lines with these changes. Bounds are checked afterwards.
    ///
    /// # Errors
    /// A sentence: no such host, or not a number.
    pub(super) fn apply(&self, info: &LabInfo) -> Result<BTreeMap<String, Line>, String> {
        let mut lines = info.lines.clone();
        let mut each = |flag: &str, values: &[String], set: &dyn Fn(&mut Impairments, &str) -> bool| {
            for text in values {
                change(info, &mut lines, flag, text, set)?;
            }
            Ok::<_, String>(())
        };
        each("loss", &self.loss, &|line, text| put(&mut line.loss_percent, text))?;
        each("delay", &self.delay, &|line, text| put(&mut line.delay_ms, text))?;
        each("jitter", &self.jitter, &|line, text| put(&mut line.jitter_ms, text))?;
        each("reorder", &self.reorder, &|line, text| put(&mut line.reorder_percent, text))?;
        each("duplicate", &self.duplicate, &|line, text| put(&mut line.duplicate_percent, text))?;
        each("corrupt", &self.corrupt, &|line, text| put(&mut line.corrupt_percent, text))?;
        each("rate", &self.rate, &|line, text| put(&mut line.rate_kbit, text))?;
        each("queue", &self.queue, &|line, text| put(&mut line.queue_bytes, text))?;
        each("mtu", &self.mtu, &|line, text| put(&mut line.mtu, text))?;
        Ok(lines)
    }
}

/// False if the text is not a value of the place's type.
fn put<T: std::str::FromStr>(place: &mut T, text: &str) -> bool {
    text.parse().map(|value| *place = value).is_ok()
}

fn change(
    info: &LabInfo,
    lines: &mut BTreeMap<String, Line>,
    flag: &str,
    text: &str,
    set: &dyn Fn(&mut Impairments, &str) -> bool,
) -> Result<(), String> {
    let (hosts, value) = match text.split_once(':') {
        Some((host, value)) => {
            crate::request::check_host(info, host)
                .map_err(|message| format!("--{flag} {text}：{message}"))?;
            (vec![host.to_owned()], value)
        }
        None => (info.hosts.clone(), text),
    };
    for host in hosts {
        let line = lines.entry(host).or_default();
        for direction in [&mut line.up, &mut line.down] {
            if !set(direction, value) {
                return Err(format!("--{flag} {text}：“{value}”不是有效的数"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        lines: Lines,
    }

    fn apply(args: &[&str]) -> Result<BTreeMap<String, Line>, String> {
        let info = LabInfo {
            slug: "x".into(),
            title: String::new(),
            summary: String::new(),
            hosts: vec!["client".into(), "server".into()],
            params: Vec::new(),
            input: None,
            needs_isolated: false,
            file: String::new(),
            lines: BTreeMap::new(),
            hints: api::lab::Hints::default(),
        };
        Cli::parse_from([&["x"], args].concat()).lines.apply(&info)
    }

    #[test]
    fn one_value_for_all_or_for_one_host() {
        let lines = apply(&["--loss", "20", "--delay", "server:50", "--delay", "client:0.5"]).unwrap();
        assert_eq!((lines["client"].up.loss_percent, lines["server"].down.loss_percent), (20.0, 20.0));
        assert_eq!((lines["client"].down.delay_ms, lines["server"].up.delay_ms), (0.5, 50.0));
    }

    #[test]
    fn mistakes_are_one_sentence() {
        assert!(apply(&["--loss", "router:1"]).unwrap_err().contains("router"));
        assert!(apply(&["--mtu", "many"]).unwrap_err().contains("many"));
    }
}
