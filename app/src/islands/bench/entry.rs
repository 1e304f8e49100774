//! Events as lines of the log.

use super::format;
use super::model::{Model, host_of};
use crate::number;
use api::trace::{Body, Event, HostId, Level, Lifecycle, Transport};

/// What the log says about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u32,
    pub(crate) time: u64,
    pub(crate) kind: Kind,
    pub(crate) host: Option<HostId>,
    /// Who says it: a module for code, otherwise empty.
    pub(crate) target: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Code(Level),
    Kernel,
    Run,
    Section,
}

impl Kind {
    /// A word for the column, and the end of a class name.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Code(Level::Trace) => ("TRACE", "trace"),
            Self::Code(Level::Debug) => ("DEBUG", "debug"),
            Self::Code(Level::Info) => ("INFO", "info"),
            Self::Code(Level::Warn) => ("WARN", "warn"),
            Self::Code(Level::Error) => ("ERROR", "error"),
            Self::Kernel => ("内核", "kernel"),
            Self::Run => ("运行", "run"),
            Self::Section => ("部分", "section"),
        }
    }
}

/// Does an event have a line in the log?
pub(crate) fn is_logged(event: &Event, crates: bool, kernel: bool) -> bool {
    match &event.body {
        Body::Code(code) => code.own || crates,
        Body::Kernel(_) => kernel,
        // A chart shows them.
        Body::Lifecycle(Lifecycle::Sampled { .. }) => false,
        Body::Lifecycle(_) => true,
        Body::Frame(_) | Body::Delivery(_) | Body::Signal(_) | Body::Message(_) | Body::Secret(_) => false,
    }
}

/// Puts an event into words.
pub(crate) fn entry(event: &Event, model: &Model) -> Entry {
    let mut entry = Entry {
        seq: event.seq,
        time: event.time,
        kind: Kind::Run,
        host: host_of(event),
        target: String::new(),
        message: String::new(),
        fields: Vec::new(),
    };
    match &event.body {
        Body::Code(code) => {
            entry.kind = Kind::Code(code.level);
            entry.target.clone_from(&code.target);
            entry.message.clone_from(&code.message);
            entry.fields.clone_from(&code.fields);
        }
        Body::Kernel(kernel) => {
            let transport = match kernel.transport {
                Transport::Tcp => "TCP",
                Transport::Udp => "UDP",
            };
            let state = kernel.state.map_or("已消失", format::state);
            entry.kind = Kind::Kernel;
            entry.message = format!("{transport} {} → {} {state}", kernel.local, kernel.remote);
            entry.fields = vec![
                ("接收队列".into(), kernel.receive_queue.to_string()),
                ("发送队列".into(), kernel.send_queue.to_string()),
            ];
            if let Some(tcp) = &kernel.tcp {
                entry.fields.push(("cwnd".into(), tcp.cwnd.to_string()));
                entry.fields.push(("rtt".into(), format::micros(tcp.rtt_us)));
            }
        }
        Body::Lifecycle(lifecycle) => {
            if matches!(lifecycle, Lifecycle::Section { .. }) {
                entry.kind = Kind::Section;
            }
            entry.message = lifecycle_words(lifecycle, model);
        }
        Body::Frame(_) | Body::Delivery(_) | Body::Signal(_) | Body::Message(_) | Body::Secret(_) => {}
    }
    entry
}

fn lifecycle_words(lifecycle: &Lifecycle, model: &Model) -> String {
    match lifecycle {
        Lifecycle::Started { setup_us } => {
            format!("网络就绪（用时 {}），实验代码开始运行", format::micros(*setup_us))
        }
        Lifecycle::Input { text } => format!("读者输入：{text}"),
        Lifecycle::LineChanged { host, .. } => format!("读者改变了 {} 的线路", model.host_name(*host)),
        Lifecycle::Measured { label, value, unit, .. } => {
            format!("测得 {label}：{} {unit}", number::readable(*value))
        }
        Lifecycle::Sampled { series, value, unit, .. } => {
            format!("{series}：{} {unit}", number::readable(*value))
        }
        Lifecycle::Section { title } => title.clone(),
        Lifecycle::Returned => "实验代码已返回".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: Body) -> Event {
        Event { seq: 7, time: 1_000, body }
    }

    #[test]
    fn measurements_and_sections_are_worded() {
        let measured =
            Lifecycle::Measured { host: None, label: "吞吐".into(), value: 12.5, unit: "Mbit/s".into() };
        let words = entry(&event(Body::Lifecycle(measured)), &Model::default());
        assert_eq!((words.message.as_str(), words.kind, words.seq), ("测得 吞吐：12.5 Mbit/s", Kind::Run, 7));
        let section = Lifecycle::Section { title: "TCP".into() };
        assert_eq!(entry(&event(Body::Lifecycle(section)), &Model::default()).kind, Kind::Section);
    }

    #[test]
    fn switches_decide_what_is_logged() {
        let code = |own| {
            event(Body::Code(api::trace::Code {
                host: None,
                level: Level::Info,
                target: "h2".into(),
                file: None,
                line: None,
                message: String::new(),
                fields: Vec::new(),
                own,
            }))
        };
        assert!(is_logged(&code(true), false, false));
        assert!(!is_logged(&code(false), false, true));
        assert!(is_logged(&code(false), true, false));
        assert!(is_logged(&event(Body::Lifecycle(Lifecycle::Returned)), false, false));
        let point =
            Lifecycle::Sampled { host: None, series: "队列".into(), value: 1.0, unit: "个".into() };
        assert!(!is_logged(&event(Body::Lifecycle(point)), true, true));
    }
}
