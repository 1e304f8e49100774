//! The judgements on one segment.

/// What the order of segments says about this one. Wireshark's names in brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Sent before and not acknowledged (`tcp.analysis.retransmission`; also set for fast and spurious ones).
    pub retransmission: bool,
    /// Retransmitted because of duplicate acknowledgments, before the timer (`…fast_retransmission`).
    pub fast_retransmission: bool,
    /// Retransmitted although the receiver had acknowledged it (`…spurious_retransmission`).
    pub spurious_retransmission: bool,
    /// Overtaken by a later segment (`…out_of_order`).
    pub out_of_order: bool,
    /// Bytes before this segment were never seen (`…lost_segment`).
    pub previous_lost: bool,
    /// Acknowledges bytes that were never seen (`…ack_lost_segment`).
    pub acked_unseen: bool,
    /// Repeats the same acknowledgment for the how-manieth time; 0 if not (`…duplicate_ack_num`).
    pub duplicate_ack: u32,
    /// Asks whether the peer is still there (`…keep_alive`), and the answer.
    pub keep_alive: bool,
    pub keep_alive_ack: bool,
    /// The receiver has no room (`…zero_window`), is asked whether it has some again, and says no.
    pub zero_window: bool,
    pub zero_window_probe: bool,
    pub zero_window_probe_ack: bool,
    /// Nothing but a new window (`…window_update`).
    pub window_update: bool,
    /// The sender used up the window (`…window_full`).
    pub window_full: bool,
    /// A new connection between addresses and ports that had one before (`…reused_ports`).
    pub ports_reused: bool,
}

impl Analysis {
    /// Short Chinese names of all that holds.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let kind = if self.fast_retransmission {
            "快速重传"
        } else if self.spurious_retransmission {
            "不必要的重传"
        } else {
            "重传"
        };
        let flags = [
            (self.ports_reused, "端口复用"),
            (self.retransmission, kind),
            (self.out_of_order, "乱序"),
            (self.previous_lost, "之前有缺失"),
            (self.acked_unseen, "确认了未见的数据"),
            (self.keep_alive, "保活探测"),
            (self.keep_alive_ack, "保活应答"),
            (self.zero_window, "零窗口"),
            (self.zero_window_probe, "零窗口探测"),
            (self.zero_window_probe_ack, "零窗口探测应答"),
            (self.window_update, "窗口更新"),
            (self.window_full, "窗口已满"),
        ];
        let mut labels: Vec<_> =
            flags.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect();
        if self.duplicate_ack > 0 {
            labels.push(format!("重复确认 #{}", self.duplicate_ack));
        }
        labels
    }
}
