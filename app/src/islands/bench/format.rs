//! Numbers as a reader wants them. Integers only: floating-point formatting would weigh more than the views.

use api::trace::{Fate, SocketState};

/// A length of time with the unit that suits it: `640 ns`, `12.3 µs`, `4.567 ms`, `1.234 s`, `2 min 05 s`.
pub(crate) fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => decimal(ns, 1_000, 1, "µs"),
        1_000_000..1_000_000_000 => decimal(ns, 1_000_000, 3, "ms"),
        1_000_000_000..60_000_000_000 => decimal(ns, 1_000_000_000, 3, "s"),
        _ => {
            let seconds = ns / 1_000_000_000;
            format!("{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

/// About three digits, for places without room: `640ns`, `12µs`, `4.5ms`, `120ms`, `1.2s`.
pub(crate) fn brief(ns: u64) -> String {
    let (unit, name) = match ns {
        0..1_000 => return format!("{ns}ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let tenths = ns.saturating_add(unit / 20) / (unit / 10);
    if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    } else {
        format!("{}{name}", (tenths + 5) / 10)
    }
}

/// A moment of the run in milliseconds, for columns: `12.345`.
pub(crate) fn millis(ns: u64) -> String {
    let us = ns.saturating_add(500) / 1_000;
    format!("{}.{:03}", us / 1_000, us % 1_000)
}

/// A moment of the run with its unit: `12.345 ms`.
pub(crate) fn moment(ns: u64) -> String {
    format!("{} ms", millis(ns))
}

/// `512 B`, `1.5 kB`, `3.0 MB` (decimal, as on the wire).
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => decimal(count, 1_000, 1, "kB"),
        _ => decimal(count, 1_000_000, 1, "MB"),
    }
}

/// Microseconds as milliseconds: `0.042 ms`.
pub(crate) fn micros(us: u32) -> String {
    format!("{}.{:03} ms", us / 1_000, us % 1_000)
}

fn decimal(value: u64, unit: u64, digits: u32, name: &str) -> String {
    let ten = 10_u64.pow(digits);
    // Truncated, not rounded: 999.96 µs must not read 1000.0 µs.
    let scaled = value / (unit / ten);
    format!("{}.{:0width$} {name}", scaled / ten, scaled % ten, width = digits as usize)
}

/// A sign and a word for what became of a frame; colour comes on top of these, never instead.
pub(crate) fn fate(fate: Fate) -> (&'static str, &'static str) {
    match fate {
        Fate::Delivered => ("✓", "送达"),
        Fate::Lost => ("✕", "丢失"),
        Fate::QueueFull => ("▤", "队列已满"),
        Fate::TooBig => ("⊘", "超过 MTU"),
        Fate::Refused => ("⊣", "网卡未收"),
        Fate::StillTravelling => ("…", "仍在途中"),
    }
}

/// Of a frame whose trace is complete and says nothing of what became of it.
pub(crate) const UNRECORDED: &str = "没有送达记录";

/// The name of a state as the trace writes it.
pub(crate) fn state(state: SocketState) -> &'static str {
    match state {
        SocketState::Established => "ESTABLISHED",
        SocketState::SynSent => "SYN_SENT",
        SocketState::SynReceived => "SYN_RECEIVED",
        SocketState::FinWait1 => "FIN_WAIT1",
        SocketState::FinWait2 => "FIN_WAIT2",
        SocketState::TimeWait => "TIME_WAIT",
        SocketState::Close => "CLOSE",
        SocketState::CloseWait => "CLOSE_WAIT",
        SocketState::LastAck => "LAST_ACK",
        SocketState::Listen => "LISTEN",
        SocketState::Closing => "CLOSING",
    }
}

/// Width of a text in the 12-pixel interface font, in pixels; errs on the wide side.
pub(crate) fn text_width(text: &str) -> i32 {
    text.chars().map(char_width).sum()
}

/// Cuts a text to `width` pixels of the 12-pixel interface font.
pub(crate) fn fit(text: &str, width: i32) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut left = width - char_width('…');
    let kept = text.chars().take_while(|c| {
        left -= char_width(*c);
        left >= 0
    });
    let mut cut: String = kept.collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

fn char_width(c: char) -> i32 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | 'I' | '(' | ')' | '[' | ']' => 4,
        'A'..='Z' | 'm' | 'w' | '@' | '%' => 9,
        '\u{0}'..='\u{2e7f}' => 7,
        _ => 12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_pick_their_unit() {
        assert_eq!(duration(0), "0 ns");
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(12_345), "12.3 µs");
        assert_eq!(duration(999_999), "999.9 µs");
        assert_eq!(duration(12_345_678), "12.345 ms");
        assert_eq!(duration(1_234_567_890), "1.234 s");
        assert_eq!(duration(125_000_000_000), "2 min 05 s");
    }

    #[test]
    fn brief_keeps_three_digits_at_most() {
        assert_eq!(brief(999), "999ns");
        assert_eq!(brief(12_345), "12µs");
        assert_eq!(brief(4_540_000), "4.5ms");
        assert_eq!(brief(5_000_000), "5ms");
        assert_eq!(brief(120_400_000), "120ms");
        assert_eq!(brief(1_249_000_000), "1.2s");
    }

    #[test]
    fn moments_are_milliseconds() {
        assert_eq!(moment(12_345_600), "12.346 ms");
        assert_eq!(moment(0), "0.000 ms");
        assert_eq!(millis(u64::MAX), "18446744073709.551");
    }

    #[test]
    fn amounts() {
        assert_eq!(bytes(74), "74 B");
        assert_eq!(bytes(1_514), "1.5 kB");
        assert_eq!(bytes(1_048_576), "1.0 MB");
        assert_eq!(micros(20_042), "20.042 ms");
    }

    #[test]
    fn texts_are_cut_by_pixels() {
        assert_eq!(fit("SYN", 100), "SYN");
        let cut = fit("服务器收到一条很长很长的消息", 80);
        assert!(cut.ends_with('…') && text_width(&cut) <= 80, "{cut}");
    }
}
