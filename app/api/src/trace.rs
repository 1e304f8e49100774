//! The **trace**: everything the three observers saw of one run, in one order.
//!
//! A trace is JSON: a header ([`Trace`]) and a list of [`Event`]s sorted by `time`, then `seq`.
//! Times are nanoseconds since the start of the run (`CLOCK_MONOTONIC`). The format is versioned
//! by [`VERSION`]; readers refuse a newer major version than they know.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::line::Line;
use crate::run::{Outcome, Tier};

/// Version of the trace format. Raised when an older reader could misread a newer trace.
pub const VERSION: u16 = 1;

/// Index into [`Trace::hosts`].
pub type HostId = u8;
/// Number of a frame within its run, counting from 0 in the order frames entered the switch.
pub type FrameId = u32;

/// One recorded run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// [`VERSION`] at the time of recording.
    pub version: u16,
    /// Identifier, also the last part of its link `/traces/<id>`.
    pub id: String,
    /// Slug of the lab that ran.
    pub lab: String,
    /// The parameters it ran with, complete with defaults.
    pub params: serde_json::Value,
    /// The line settings it started with, by host name.
    pub lines: BTreeMap<String, Line>,
    /// Seed of all impairment decisions.
    pub seed: u64,
    /// What the machine permitted.
    pub tier: Tier,
    /// Wall-clock start, milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    pub hosts: Vec<HostInfo>,
    pub outcome: Outcome,
    /// What was not recorded because a limit was reached.
    pub left_out: LeftOut,
    pub events: Vec<Event>,
}

/// One host of a run: a network namespace and a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// `client`, `server`, … (unique in the run)
    pub name: String,
    /// One per segment the host is attached to. In tier `loopback` the only one has no MAC address.
    pub interfaces: Vec<InterfaceInfo>,
}

/// A host's connection to one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceInfo {
    /// Number of the broadcast domain, from 0.
    pub segment: u8,
    /// `02:00:…`; absent in tier `loopback`.
    pub mac: Option<String>,
    pub addresses: Vec<IpAddr>,
}

/// Counts of what was left out of the trace; all zero means the trace is complete.
///
/// A run that was killed counts up to a few milliseconds before its end; what its observers saw after that is neither
/// in the trace nor here, because nobody is left who knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    pub code_events: u64,
    pub frames: u64,
    pub frame_bytes: u64,
    pub kernel_events: u64,
    pub samples: u64,
}

impl LeftOut {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One thing that one observer saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in order of recording, from 0 without gaps.
    pub seq: u32,
    /// Nanoseconds since the start of the run.
    pub time: u64,
    pub body: Body,
}

/// What was seen, in JSON an object with one key: `code`, `frame`, `delivery`, `kernel`, `lifecycle`, `signal`,
/// `message` or `secret`.
/// (A tag among the fields would be shorter to read, but makes every parser keep the whole object before it knows
/// what it reads: in the browser that is a third of the decoder.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The code observer: a `tracing` event.
    Code(Code),
    /// The wire observer: a frame entered the switch (`time` is when).
    Frame(Frame),
    /// The wire observer: what became of a frame on its way to one receiver (`time` is when).
    Delivery(Delivery),
    /// The kernel observer: a socket appeared, changed or went.
    Kernel(Kernel),
    /// The run itself.
    Lifecycle(Lifecycle),
    /// A level of a line that is not Ethernet (a mocked UART): from `time` on it is this.
    Signal(Signal),
    /// Two programs agree that a message passed where no wire observer looks: between the reader's own browser and
    /// this server (`time` is when the sender handed it over).
    Message(Message),
    /// A program of the run wrote a key of one of its TLS or QUIC connections down (`time` is when that was read, a
    /// little after it was written).
    Secret(Secret),
}

/// A `tracing` event of the lab or of a crate it uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Absent if the thread belongs to no host (the lab's own orchestration).
    pub host: Option<HostId>,
    pub level: Level,
    /// Module path, e.g. `labs::tcp_echo` or `h2::proto`.
    pub target: String,
    /// Source file as the compiler saw it, e.g. `server/labs/src/tcp_echo.rs`.
    pub file: Option<String>,
    pub line: Option<u32>,
    pub message: String,
    /// Remaining fields in their order, values formatted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// True for the lab's own events, false for those of the crates it uses.
    pub own: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// A frame as it entered the switch, complete with its Ethernet header, without FCS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub frame: FrameId,
    pub from: HostId,
    pub segment: u8,
    /// Base64 in JSON. Empty if left out by the byte limit; `length` is always true.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub bytes: Vec<u8>,
    /// Bytes of the frame on the wire.
    pub length: u32,
    /// When it will arrive (nanoseconds since start), if any copy is on its way; known on entry
    /// because the switch decides fates on entry. Lets a viewer draw the arrow at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<u64>,
}

/// What became of a frame, for one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub frame: FrameId,
    /// Absent if the frame was lost before the switch could choose receivers (on the sender's own cable).
    pub to: Option<HostId>,
    pub fate: Fate,
    /// It overtook earlier frames.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reordered: bool,
    /// It is the second copy.
    #[serde(default, skip_serializing_if = "is_false")]
    pub duplicate: bool,
    /// Index of the bit that was flipped on the way, counting from the most significant bit of byte 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flipped_bit: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It reached the receiver's interface at `time`.
    Delivered,
    /// Lost on the line by chance (`loss_percent`).
    Lost,
    /// The queue before a slow line was full (`queue_bytes`).
    QueueFull,
    /// Larger than the line's `mtu`.
    TooBig,
    /// The receiver's interface did not take it (the kernel's error is logged).
    Refused,
    /// The run ended while it was still travelling.
    StillTravelling,
}

/// A change of one socket as `sock_diag` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    pub host: HostId,
    /// Number of the socket within the run; stable over its life (a connection keeps it into TIME_WAIT).
    pub socket: u32,
    pub transport: Transport,
    /// `10.0.0.1:40000`, `[fd00::1]:80`
    pub local: String,
    pub remote: String,
    /// TCP state by its RFC 9293 name, or absent if the socket is gone.
    pub state: Option<SocketState>,
    /// Bytes waiting to be read (for a listener: connections waiting for `accept`).
    pub receive_queue: u32,
    /// Bytes not yet acknowledged by the peer (for a listener: the backlog's limit).
    pub send_queue: u32,
    /// Datagrams dropped because the receive buffer was full (UDP).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub drops: u32,
    /// Present for TCP connections with a full socket (not TIME_WAIT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpInfo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Tcp,
    Udp,
}

/// RFC 9293 section 3.3.2, as Linux numbers them in `include/net/tcp_states.h`.
/// An unconnected UDP socket is `Close`, a connected one `Established`, as in `ss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SocketState {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

/// The readable part of `struct tcp_info` (`linux/tcp.h`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TcpInfo {
    /// Algorithm in use, e.g. `cubic`.
    pub congestion: String,
    /// `open`, `disorder`, `cwr`, `recovery` or `loss`.
    pub congestion_state: String,
    /// Congestion window in segments.
    pub cwnd: u32,
    /// Slow-start threshold in segments; absent while infinite.
    pub ssthresh: Option<u32>,
    /// Smoothed round-trip time and its variation, microseconds.
    pub rtt_us: u32,
    pub rtt_var_us: u32,
    pub min_rtt_us: u32,
    /// Retransmission timeout, microseconds.
    pub rto_us: u32,
    /// Segments sent and not yet acknowledged.
    pub unacked: u32,
    pub sacked: u32,
    pub lost: u32,
    /// Segments retransmitted and still unacknowledged.
    pub retransmitting: u32,
    /// Consecutive timeouts of the current segment.
    pub backoff: u32,
    /// Segments retransmitted in the connection's whole life, SYN included.
    pub total_retransmissions: u32,
    /// Maximum segment sizes in bytes.
    pub send_mss: u32,
    pub receive_mss: u32,
    /// Window the peer offers, bytes.
    pub send_window: u32,
    /// Window we offer, bytes.
    pub receive_window: u32,
    pub bytes_sent: u64,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub bytes_retransmitted: u64,
    pub segments_out: u32,
    pub segments_in: u32,
    /// Bytes per second.
    pub delivery_rate: u64,
    pub pacing_rate: u64,
}

/// What happened to the run itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// The LAN is up, the lab's code begins. `setup_us`: what bringing it up took.
    Started { setup_us: u32 },
    /// The reader typed a line.
    Input { text: String },
    /// The reader, or the lab itself, changed a host's line.
    LineChanged { host: HostId, line: Line },
    /// A measurement the lab reports as its result (label in Chinese, unit by its symbol).
    Measured { host: Option<HostId>, label: String, value: f64, unit: String },
    /// A point of a time series: at `time` (of the event) this was the value. Many in a run, unlike `Measured`, which
    /// is a result. `series`: name in Chinese, the same for all its points; `unit`: its symbol, empty for a plain count.
    /// The series of one unit share a panel in a chart. `value` is finite.
    Sampled { host: Option<HostId>, series: String, value: f64, unit: String },
    /// Two or more runs of the same thing side by side: events from here on belong to this part.
    Section { title: String },
    /// The lab's code returned.
    Returned,
}

/// A logic level on a wire that is not Ethernet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Name of the wire, e.g. `TX`.
    pub wire: String,
    /// Samples from here on: level and how long it holds in nanoseconds of the *modelled* line
    /// (a UART at 115 200 baud: 8 680 ns per bit). Modelled by the lab from the bytes its driver wrote;
    /// there is no real voltage, and the page says so.
    pub levels: Vec<(bool, u32)>,
    /// What the levels encode: start bit, data, parity, stop bit — one label for each level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The byte that these levels carry.
    pub byte: Option<u8>,
}

/// A message as both programs saw it. Not a frame: how it was cut into frames, nobody watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub from: HostId,
    pub to: HostId,
    /// What is written beside its arrow, in Chinese.
    pub text: String,
    /// When the receiver got it, nanoseconds since the start; absent if it has not said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<u64>,
}

/// A line of a TLS key log (RFC 9850), as programs write it to the file that `SSLKEYLOGFILE` names:
/// label, client random and secret, the latter two in lowercase hexadecimal.
///
/// Connections of a run live as long as the run; a secret opens nothing but the frames beside it in the trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Secret {
    /// `CLIENT_TRAFFIC_SECRET_0 52362c10… 8a2f…`, without line end.
    pub line: String,
}

impl Secret {
    /// Longest label, and longest secret in bytes (a hash of 512 bits).
    const LABEL: usize = 40;
    const LONGEST: usize = 64;

    /// Longest line, in bytes.
    pub const LINE: usize = Self::LABEL + 1 + 64 + 1 + 2 * Self::LONGEST;

    /// Takes a line, if it is well formed. Comments and empty lines are none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (label, random, secret) = (words.next()?, words.next()?, words.next()?);
        let named = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == b'_';
        let hex =
            |word: &str| word.len().is_multiple_of(2) && word.bytes().all(|digit| digit.is_ascii_hexdigit());
        let whole = words.next().is_none()
            && label.len() <= Self::LABEL
            && label.bytes().all(named)
            && (random.len() == 64 && hex(random))
            && ((32..=2 * Self::LONGEST).contains(&secret.len()) && hex(secret));
        let lower = |word: &str| word.to_ascii_lowercase();
        whole.then(|| Self { line: format!("{label} {} {}", lower(random), lower(secret)) })
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

pub(crate) fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

pub(crate) fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shape_is_what_the_docs_say() {
        let event = Event {
            seq: 3,
            time: 1_500,
            body: Body::Frame(Frame {
                frame: 0,
                from: 1,
                segment: 0,
                bytes: vec![1, 2],
                length: 2,
                due: None,
            }),
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"seq":3,"time":1500,"body":{"frame":{"frame":0,"from":1,"segment":0,"bytes":"AQI=","length":2}}}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn only_whole_lines_of_a_key_log_are_secrets() {
        let (random, secret) = ("aB".repeat(32), "0F".repeat(48));
        let line = format!("CLIENT_TRAFFIC_SECRET_0 {random} {secret}");
        let taken = Secret::parse(&format!("{line}\r\n")).unwrap();
        assert_eq!(
            taken.line,
            line.to_lowercase().replace("client_traffic_secret_0", "CLIENT_TRAFFIC_SECRET_0")
        );
        assert!(taken.line.len() <= Secret::LINE);
        for wrong in [
            String::new(),
            "# comment".into(),
            format!("CLIENT_RANDOM {random}"),
            format!("{line} more"),
            format!("{line}0"),
            format!("client {random} {secret}"),
            format!("X {} {secret}", &random[2..]),
            format!("X {random} {}", "zz".repeat(32)),
            format!("X {random} {}", "00".repeat(65)),
            format!("X {random} 00"),
            format!("{} {random} {secret}", "X".repeat(41)),
        ] {
            assert_eq!(Secret::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lifecycle_and_kernel_round_trip() {
        for body in [
            Body::Lifecycle(Lifecycle::Started { setup_us: 5 }),
            Body::Lifecycle(Lifecycle::Sampled {
                host: Some(1),
                series: "队列".into(),
                value: 2.5,
                unit: "个".into(),
            }),
            Body::Kernel(Kernel {
                host: 0,
                socket: 1,
                transport: Transport::Tcp,
                local: "10.0.0.1:1".into(),
                remote: "10.0.0.2:2".into(),
                state: Some(SocketState::SynSent),
                receive_queue: 0,
                send_queue: 0,
                drops: 0,
                tcp: Some(TcpInfo { cwnd: 10, ..TcpInfo::default() }),
            }),
        ] {
            let event = Event { seq: 0, time: u64::from(u32::MAX) * 4, body };
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        }
        assert!(serde_json::to_string(&SocketState::FinWait1).unwrap().contains("FIN_WAIT1"));
    }
}
