//! What the wire did to a frame, as a sentence.

use api::trace::{Delivery, Fate, HostInfo};

/// Absent if the frame simply arrived everywhere it should.
pub(super) fn comment(hosts: &[HostInfo], fates: &[&Delivery]) -> Option<String> {
    let sentences: Vec<String> = fates.iter().filter_map(|delivery| sentence(hosts, delivery)).collect();
    (!sentences.is_empty()).then(|| sentences.join("；"))
}

fn sentence(hosts: &[HostInfo], delivery: &Delivery) -> Option<String> {
    let place = match delivery.to.and_then(|to| hosts.get(usize::from(to))) {
        Some(host) => format!("去往 {} 的途中", host.name),
        None => "在发送方的线路上".into(),
    };
    let what = match delivery.fate {
        Fate::Delivered => return delivered(delivery, &place),
        Fate::Lost => "丢失",
        Fate::QueueFull => "因队列已满被丢弃",
        Fate::TooBig => "超过线路的 MTU，被丢弃",
        Fate::Refused => "被接收方的网卡拒收",
        Fate::StillTravelling => "，运行结束时尚未到达",
    };
    Some(format!("{place}{what}"))
}

fn delivered(delivery: &Delivery, place: &str) -> Option<String> {
    let mut events = Vec::new();
    if let Some(bit) = delivery.flipped_bit {
        events.push(format!("第 {} 字节的一个比特出错", bit / 8));
    }
    if delivery.reordered {
        events.push("超过了先发出的帧".into());
    }
    if delivery.duplicate {
        events.push("被重复投递".into());
    }
    (!events.is_empty()).then(|| format!("{place}{}", events.join("、")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(to: Option<u8>, fate: Fate) -> Delivery {
        Delivery { frame: 0, to, fate, reordered: false, duplicate: false, flipped_bit: None }
    }

    #[test]
    fn says_what_happened_and_nothing_otherwise() {
        let hosts = [HostInfo { name: "server".into(), interfaces: Vec::new() }];
        assert_eq!(comment(&hosts, &[&delivery(Some(0), Fate::Delivered)]), None);
        assert_eq!(comment(&hosts, &[]), None);
        let lost = comment(&hosts, &[&delivery(None, Fate::Lost)]);
        assert_eq!(lost.as_deref(), Some("在发送方的线路上丢失"));
        let damaged =
            Delivery { flipped_bit: Some(170), duplicate: true, ..delivery(Some(0), Fate::Delivered) };
        let both = comment(&hosts, &[&delivery(Some(0), Fate::QueueFull), &damaged]);
        assert_eq!(
            both.as_deref(),
            Some(
                "去往 server 的途中因队列已满被丢弃；去往 server 的途中第 21 字节的一个比特出错、被重复投递"
            )
        );
    }
}
