//! Small facts about runs and labs in words.

use api::lab::{Param, ParamKind};
use api::run::{Outcome, Tier};
use api::trace::Fate;
use book::{Chapter, PartId};

/// How a run ended.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed => "正常结束".into(),
        Outcome::Failed { message } => format!("程序报告了错误：{message}"),
        Outcome::Stopped { message } => format!("被停止：{message}"),
        Outcome::LimitReached { message, .. } => format!("到了上限：{message}"),
        Outcome::Broken { message } => format!("实验台出了故障：{message}"),
    }
}

/// What became of a frame.
pub(crate) fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Delivered => "送达",
        Fate::Lost => "丢失",
        Fate::QueueFull => "队列已满，丢弃",
        Fate::TooBig => "超过 MTU，丢弃",
        Fate::Refused => "接收方没有收下",
        Fate::StillTravelling => "运行结束时还在路上",
    }
}

pub(crate) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Isolated => "隔离网络（每台主机一个网络命名空间）",
        Tier::Loopback => "本机环回（只有代码和内核两侧的观察）",
    }
}

/// The values a parameter may have.
pub(crate) fn range(param: &Param) -> String {
    match &param.kind {
        ParamKind::Integer { min, max } => format!("整数，{min}–{max}"),
        ParamKind::Number { min, max } => format!("数，{min}–{max}"),
        ParamKind::Text { min_length: 0, max_length, .. } => format!("文字，最多 {max_length} 个字符"),
        ParamKind::Text { min_length, max_length, .. } => format!("文字，{min_length}–{max_length} 个字符"),
        ParamKind::Flag => "开或关".into(),
        ParamKind::Choice { options } => {
            options.iter().map(|(value, label)| format!("{value}（{label}）")).collect::<Vec<_>>().join("、")
        }
    }
}

/// A parameter's value as it is typed after `--set name=`.
pub(crate) fn value(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Where a chapter stands and what it is called: `指南 2 · TCP 编程`.
pub(crate) fn chapter(chapter: &Chapter) -> String {
    let part = match chapter.part {
        PartId::Guide => "指南",
        PartId::Reference => "参考",
    };
    format!("{part} {} · {}", chapter.number, chapter.title)
}

/// `2026-11-21 06:14`, in universal time.
pub(crate) fn date(ms_since_epoch: u64) -> String {
    i64::try_from(ms_since_epoch)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map(|time| time.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

/// Milliseconds with three decimals.
pub(crate) fn ms(ns: u64) -> String {
    let us = (ns + 500) / 1_000;
    format!("{}.{:03}", us / 1_000, us % 1_000)
}
