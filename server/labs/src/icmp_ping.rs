//! 自己动手写 ping：用 pnet 组装 ICMP 回显请求，从原始套接字发出。（参考 1.3）

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use std::{io, process, thread};

use api::line::{Impairments, Line};
use garde::Validate;
use lan::Lan;
use pnet::packet::Packet;
use pnet::packet::icmp::destination_unreachable::{DestinationUnreachablePacket, IcmpCodes};
use pnet::packet::icmp::echo_reply::EchoReplyPacket;
use pnet::packet::icmp::echo_request::{EchoRequestPacket, MutableEchoRequestPacket};
use pnet::packet::icmp::{self, IcmpPacket, IcmpTypes};
use pnet::packet::ip::IpNextHeaderProtocols;
use pnet::packet::ipv4::Ipv4Packet;
use pnet::transport::TransportChannelType::Layer4;
use pnet::transport::TransportProtocol::Ipv4;
use pnet::transport::{TransportReceiver, icmp_packet_iter, transport_channel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IcmpPing {
    /// 目标
    /// 在线的主机、没有人用的地址，或者自己（127.0.0.1）。
    #[garde(skip)]
    target: Target,
    /// 请求个数
    /// 每个请求的序号加 1，从 1 开始。
    #[garde(range(min = 1, max = 20))]
    count: u16,
    /// 数据长度（字节）
    /// 不含 8 字节的 ICMP 首部；超过 1472 就要分片。
    #[garde(range(min = 0, max = 4000))]
    size: u16,
    /// 生存时间（TTL）
    /// 每过一台路由器减 1；同一网段上没有路由器，1 就够了。
    #[garde(range(min = 1, max = 255))]
    ttl: u8,
    /// 每个请求最多等多久（毫秒）
    /// 没有人用的地址要等 ARP 重试完（约 3 秒）才会得到“主机不可达”。
    #[garde(range(min = 50, max = 4000))]
    timeout_ms: u32,
    /// 两次请求的间隔（毫秒）
    /// 收到应答以后，等这么久再发下一个。
    #[garde(range(min = 0, max = 1000))]
    interval_ms: u32,
}

/// 要 ping 谁。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Target {
    /// 在线的主机 server
    Server,
    /// 没有人用的地址
    Nobody,
    /// 自己（127.0.0.1）
    Myself,
}

impl Default for IcmpPing {
    fn default() -> Self {
        Self { target: Target::Server, count: 4, size: 32, ttl: 64, timeout_ms: 1000, interval_ms: 200 }
    }
}

impl Lab for IcmpPing {
    const SLUG: &'static str = "icmp-ping";
    const TITLE: &'static str = "自己写的 ping";
    const SUMMARY: &'static str =
        "ARP 先问出 MAC，回显请求才上路：序号、往返时间、丢失后的超时，以及没有人用的地址。";
    const HOSTS: &'static [&'static str] = &["client", "server"];
    const NEEDS_ISOLATED: bool = true;

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 10.0, jitter_ms: 4.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let client = lan.host("client")?;
        let server = lan.host("server")?;
        let [a, b, c, _] = server.ipv4().octets();
        let target = match self.target {
            Target::Server => server.ipv4(),
            Target::Nobody => Ipv4Addr::new(a, b, c, 99),
            Target::Myself => Ipv4Addr::LOCALHOST,
        };
        let results = client.spawn_blocking(move || ping(target, &self)).await??;
        for (sequence, result) in (1..).zip(&results) {
            if let Answer::Reply(time) = result {
                let label = format!("序号 {sequence} 的往返时间");
                lan.measured(Some(&client), &label, time.as_secs_f64() * 1e3, "ms");
            }
        }
        let count =
            |wanted: fn(&Answer) -> bool| results.iter().filter(|answer| wanted(answer)).count() as f64;
        lan.measured(Some(&client), "收到应答", count(|answer| matches!(answer, Answer::Reply(_))), "个");
        lan.measured(Some(&client), "超时", count(|answer| matches!(answer, Answer::Timeout)), "个");
        lan.measured(
            Some(&client),
            "主机不可达",
            count(|answer| matches!(answer, Answer::Unreachable)),
            "个",
        );
        lan.settle(Duration::from_millis(100), Duration::from_secs(4)).await;
        Ok(())
    }
}

// ANCHOR: build
/// 组装一个回显请求（RFC 792）：类型 8、代码 0、校验和、标识符、序号，然后是数据。
fn echo_request(identifier: u16, sequence: u16, size: usize) -> Option<EchoRequestPacket<'static>> {
    let buffer = vec![0; EchoRequestPacket::minimum_packet_size() + size];
    let mut packet = MutableEchoRequestPacket::owned(buffer)?;
    packet.set_icmp_type(IcmpTypes::EchoRequest);
    packet.set_identifier(identifier);
    packet.set_sequence_number(sequence);
    let data: Vec<u8> = (b'a'..=b'w').cycle().take(size).collect();
    packet.set_payload(&data);
    // 校验和覆盖首部和数据，所以必须最后算：先算校验和、再填数据，对方会把它当作坏包丢掉。
    let checksum = icmp::checksum(&IcmpPacket::new(packet.packet())?);
    packet.set_checksum(checksum);
    Some(packet.consume_to_immutable())
}
// ANCHOR_END: build

/// 一个请求的下场。
enum Answer {
    Reply(Duration),
    Unreachable,
    Timeout,
}

// ANCHOR: ping
/// 依次发出 `count` 个请求，每个都等到应答或超时。
fn ping(target: Ipv4Addr, options: &IcmpPing) -> io::Result<Vec<Answer>> {
    // 原始套接字：IP 首部由内核填写，ICMP 由我们填写。需要 CAP_NET_RAW。
    let (mut sender, mut receiver) = transport_channel(65_536, Layer4(Ipv4(IpNextHeaderProtocols::Icmp)))?;
    sender.set_ttl(options.ttl)?;
    let identifier = process::id() as u16; // 取低 16 位，与同时运行的其他 ping 区分开
    let timeout = Duration::from_millis(options.timeout_ms.into());

    let mut answers = Vec::new();
    for sequence in 1..=options.count {
        let request = echo_request(identifier, sequence, options.size.into())
            .ok_or_else(|| io::Error::other("缓冲区装不下 ICMP 首部"))?;
        let sent = Instant::now();
        sender.send_to(request, IpAddr::V4(target))?;
        let answer = wait(&mut receiver, identifier, sequence, sent, timeout)?;
        match &answer {
            Answer::Reply(time) => info!("{target} 的应答：序号 {sequence}，{time:.1?}"),
            Answer::Unreachable => warn!("序号 {sequence}：主机不可达，没有人回答 ARP"),
            Answer::Timeout => warn!("序号 {sequence}：等了 {timeout:?}，没有回音"),
        }
        answers.push(answer);
        thread::sleep(Duration::from_millis(options.interval_ms.into()));
    }
    Ok(answers)
}
// ANCHOR_END: ping

// ANCHOR: wait
/// 在期限之内等属于我们的那个应答。
fn wait(
    receiver: &mut TransportReceiver,
    identifier: u16,
    sequence: u16,
    sent: Instant,
    timeout: Duration,
) -> io::Result<Answer> {
    let mut packets = icmp_packet_iter(receiver);
    loop {
        let left = timeout.saturating_sub(sent.elapsed());
        if left.is_zero() {
            return Ok(Answer::Timeout);
        }
        let Some((packet, from)) = packets.next_with_timeout(left)? else {
            return Ok(Answer::Timeout);
        };
        // 原始套接字收到本机的每一个 ICMP 包，别人的也在内；ping 自己时，还有我们刚发出的请求。
        match packet.get_icmp_type() {
            IcmpTypes::EchoReply => {
                let reply = EchoReplyPacket::new(packet.packet());
                let ours = |reply: EchoReplyPacket<'_>| {
                    reply.get_identifier() == identifier && reply.get_sequence_number() == sequence
                };
                if reply.is_some_and(ours) {
                    return Ok(Answer::Reply(sent.elapsed()));
                }
            }
            IcmpTypes::EchoRequest => info!("看到了 {from} 的请求：是我们自己发的那个"),
            IcmpTypes::DestinationUnreachable => match unreachable(&packet, identifier) {
                Some(about) if about == sequence => return Ok(Answer::Unreachable),
                Some(about) => info!("序号 {about}：主机不可达，这时才知道"),
                None => info!("别人的目的不可达"),
            },
            other => info!("不相干的 ICMP，类型 {}", other.0),
        }
    }
}

/// 错误报文里带着惹祸的那个包的 IP 首部和前 8 个字节：足够认出它是我们的第几个请求。
fn unreachable(packet: &IcmpPacket<'_>, identifier: u16) -> Option<u16> {
    let error = DestinationUnreachablePacket::new(packet.packet())?;
    let original = Ipv4Packet::new(error.payload())?;
    let request = EchoRequestPacket::new(original.payload())?;
    let ours = error.get_icmp_code() == IcmpCodes::DestinationHostUnreachable
        && request.get_identifier() == identifier;
    ours.then(|| request.get_sequence_number())
}
// ANCHOR_END: wait
