//! A trace as lines of text: time, host, what happened.

use std::collections::HashMap;
use std::io::Write as _;

use api::trace::{Body, Code, Delivery, Event, Fate, Frame, HostId, HostInfo, Kernel, Level, Lifecycle};
use app::number;

/// Prints events as they come.
pub(super) struct Printer {
    hosts: Vec<String>,
    /// What each frame is, until it has arrived.
    frames: HashMap<u32, String>,
    dissector: dissect::Dissector,
}

impl Printer {
    /// For a lab that says this about its bytes.
    pub(super) fn new(lab: &api::lab::Hints) -> Self {
        let hints = dissect::Hints { ports: lab.ports.clone(), descriptors: lab.descriptors.clone() };
        let dissector = dissect::Dissector::new(hints, dissect::all());
        Self { hosts: Vec::new(), frames: HashMap::new(), dissector }
    }

    pub(super) fn host(&mut self, info: &HostInfo) {
        self.hosts.push(info.name.clone());
    }

    pub(super) fn print(&mut self, events: &[Event]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        for event in events {
            if let Some((who, what)) = self.line(event) {
                // Microseconds are enough to read; nanoseconds are in the JSON.
                let micros = event.time / 1000;
                writeln!(out, "{:>6}.{:03} ms  {who:<10} {what}", micros / 1000, micros % 1000)?;
            }
        }
        out.flush()
    }

    fn line(&mut self, event: &Event) -> Option<(String, String)> {
        match &event.body {
            Body::Code(code) => Some((self.of(code.host), code_line(code)?)),
            Body::Frame(frame) => {
                let what = self.frame(event.time, frame);
                Some((self.name(frame.from), format!("▶ {what}")))
            }
            Body::Delivery(delivery) => self.delivery(delivery),
            Body::Kernel(kernel) => Some((self.name(kernel.host), kernel_line(kernel))),
            Body::Lifecycle(lifecycle) => self.lifecycle(lifecycle),
            Body::Message(message) => {
                Some((self.name(message.from), format!("▶ {}：{}", self.name(message.to), message.text)))
            }
            Body::Secret(_) => None,
            Body::Signal(signal) => {
                let byte = signal.byte.map(|byte| format!(" 0x{byte:02x}")).unwrap_or_default();
                Some((signal.wire.clone(), format!("∿ {} 个电平{byte}", signal.levels.len())))
            }
        }
    }

    fn frame(&mut self, time: u64, frame: &Frame) -> String {
        let what = if frame.bytes.is_empty() {
            format!("{} 字节（内容未保存）", frame.length)
        } else {
            let dissection =
                self.dissector.push(frame.frame.saturating_add(1), time, &frame.bytes).dissection;
            format!("{} {}", dissection.protocol, dissection.summary)
        };
        self.frames.insert(frame.frame, what.clone());
        what
    }

    /// Only what is not a matter of course.
    fn delivery(&mut self, delivery: &Delivery) -> Option<(String, String)> {
        let what = self.frames.get(&delivery.frame).cloned().unwrap_or_default();
        let to = delivery.to.map_or_else(|| "交换机".to_owned(), |host| self.name(host));
        let fate = match delivery.fate {
            Fate::Delivered if delivery.duplicate => "重复到达",
            Fate::Delivered if delivery.flipped_bit.is_some() => "到达，但有一位出错",
            Fate::Delivered if delivery.reordered => "越过前面的帧先到",
            Fate::Delivered => return None,
            Fate::Lost => "✗ 丢失",
            Fate::QueueFull => "✗ 队列已满，丢弃",
            Fate::TooBig => "✗ 超过 MTU，丢弃",
            Fate::Refused => "✗ 网卡没有接收",
            Fate::StillTravelling => "运行结束时仍在途中",
        };
        Some((to, format!("{fate}：{what}")))
    }

    fn lifecycle(&self, lifecycle: &Lifecycle) -> Option<(String, String)> {
        let (who, what) = match lifecycle {
            Lifecycle::Started { setup_us } => {
                (String::new(), format!("网络就绪，用时 {:.1} ms", f64::from(*setup_us) / 1000.0))
            }
            Lifecycle::Input { text } => (String::new(), format!("⌨ {text}")),
            Lifecycle::LineChanged { host, .. } => (self.name(*host), "线路设置已改变".into()),
            Lifecycle::Measured { host, label, value, unit } => (
                host.map_or_else(String::new, |host| self.name(host)),
                format!("= {label}：{} {unit}", number::readable(*value)),
            ),
            Lifecycle::Sampled { host, series, value, unit } => (
                host.map_or_else(String::new, |host| self.name(host)),
                format!("∙ {series}：{} {unit}", number::readable(*value)),
            ),
            Lifecycle::Section { title } => (String::new(), format!("—— {title} ——")),
            Lifecycle::Returned => (String::new(), "实验代码已返回".into()),
        };
        Some((who, what))
    }

    fn of(&self, host: Option<HostId>) -> String {
        host.map_or_else(|| "-".to_owned(), |host| self.name(host))
    }

    fn name(&self, host: HostId) -> String {
        self.hosts.get(usize::from(host)).cloned().unwrap_or_else(|| format!("#{host}"))
    }
}

/// The lab's own events, and warnings of its crates.
fn code_line(code: &Code) -> Option<String> {
    if !code.own && code.level < Level::Warn {
        return None;
    }
    let mut line = match (&code.file, code.line) {
        (Some(file), Some(number)) => {
            let name = file.rsplit('/').next().unwrap_or(file);
            format!("{name}:{number}  {}", code.message)
        }
        _ => code.message.clone(),
    };
    for (name, value) in &code.fields {
        line.push_str(&format!(" {name}={value}"));
    }
    Some(line)
}

fn kernel_line(kernel: &Kernel) -> String {
    let transport = match kernel.transport {
        api::trace::Transport::Tcp => "TCP",
        api::trace::Transport::Udp => "UDP",
    };
    let state = match kernel.state {
        Some(state) => serde_json::to_value(state)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default(),
        None => "（已消失）".into(),
    };
    let mut line = format!("◇ {transport} {} ↔ {}  {state}", kernel.local, kernel.remote);
    if kernel.receive_queue > 0 || kernel.send_queue > 0 {
        line.push_str(&format!("  收队列 {} 发队列 {}", kernel.receive_queue, kernel.send_queue));
    }
    if let Some(tcp) = &kernel.tcp {
        line.push_str(&format!("  cwnd {} rtt {} µs", tcp.cwnd, tcp.rtt_us));
        if tcp.total_retransmissions > 0 {
            line.push_str(&format!(" 重传 {}", tcp.total_retransmissions));
        }
    }
    line
}
