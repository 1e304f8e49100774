//! 没有硬件的串口：用模拟对象检验驱动，看它写出的每一位，再用 SLIP 和 COBS 把字节分成帧。（参考 1.1）

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context as _;
use api::trace::Signal;
use crc::{CRC_16_IBM_3740, Crc};
use embedded_hal_mock::eh1::serial::{Mock, Transaction};
use embedded_hal_nb::nb;
use embedded_hal_nb::serial::{ErrorKind, ErrorType, Read, Write};
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slip_codec::{SlipDecoder, SlipEncoder};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SerialMock {
    /// 要发的命令
    /// 驱动在后面补一个回车（0x0D），逐字节写进串口。
    #[garde(length(chars, min = 1, max = 32))]
    command: String,
    /// 波特率
    /// 每秒多少位；决定波形里一位有多宽。
    #[garde(range(min = 300, max = 3_000_000))]
    baud: u32,
    /// 校验位
    /// 在 8 个数据位之后多发一位，让 1 的个数凑成偶数或奇数。
    #[garde(skip)]
    parity: Parity,
    /// 分帧的内容
    /// 内容里的分隔符越多，SLIP 的转义就越长；COBS 几乎不变。
    #[garde(skip)]
    payload: Payload,
    /// 损坏哪个字节
    /// 帧在线上的第几个字节（从 0 数起）被翻转一位；超出帧长就从头数。
    #[garde(range(min = 0, max = 63))]
    damaged_byte: u8,
}

/// UART 的校验位。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Parity {
    /// 无
    None,
    /// 偶校验
    Even,
    /// 奇校验
    Odd,
}

/// 要分帧的内容。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Payload {
    /// 传感器读数，夹着几个特殊字节
    Reading,
    /// 全是 SLIP 的分隔符 0xC0
    Delimiters,
    /// 全是 0
    Zeros,
}

impl Payload {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Reading => vec![0x01, 0x00, 0x17, 0xC0, 0x2A, 0xDB, 0x00, 0x64],
            Self::Delimiters => vec![0xC0; 16],
            Self::Zeros => vec![0; 16],
        }
    }
}

impl Default for SerialMock {
    fn default() -> Self {
        Self {
            command: "AT".into(),
            baud: 115_200,
            parity: Parity::Even,
            payload: Payload::Reading,
            damaged_byte: 3,
        }
    }
}

impl Lab for SerialMock {
    const SLUG: &'static str = "serial-mock";
    const TITLE: &'static str = "没有硬件的串口";
    const SUMMARY: &'static str =
        "用模拟对象检验串口驱动，看它写出的每一位，再用 SLIP 和 COBS 把字节流分成帧、用 CRC 发现损坏。";
    const HOSTS: &'static [&'static str] = &["board"];

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let board = lan.host("board")?;
        let lan = Arc::new(lan);

        lan.section("期望与驱动一致");
        self.drill(&lan, &board, conversation(&self.command)).await?.context("串口出错")?;

        lan.section("线路出错：校验不对");
        let noticed = self.drill(&lan, &board, noisy(&self.command)).await?.is_err();
        anyhow::ensure!(noticed, "驱动没有察觉校验错误");

        lan.section("期望写错了：行尾应当是回车");
        self.expect_panic(&lan, &board, wrong_ending(&self.command)).await?;
        lan.section("期望没有用完：驱动少做了一步");
        self.expect_panic(&lan, &board, one_more_flush(&self.command)).await?;

        lan.section("分帧：SLIP 与 COBS");
        let (payload, damaged) = (self.payload.bytes(), usize::from(self.damaged_byte));
        lan.measured(Some(&board), "内容", payload.len() as f64, "B");
        for framing in [Framing::Slip, Framing::Cobs] {
            let payload = payload.clone();
            let outcome = board.spawn_blocking(move || transfer(framing, &payload, damaged)).await??;
            let name = framing.name();
            lan.measured(Some(&board), &format!("{name} 一帧的长度"), outcome.frame_bytes as f64, "B");
            lan.measured(Some(&board), &format!("{name} 完好的帧"), f64::from(outcome.intact), "帧");
            lan.measured(Some(&board), &format!("{name} 被识破的坏帧"), f64::from(outcome.damaged), "帧");
        }
        Ok(())
    }
}

impl SerialMock {
    /// 让驱动与一个模拟串口对话，同时把每个字节画成波形。模拟对象的 panic 成为外层的错误。
    async fn drill(
        &self,
        lan: &Arc<Lan>,
        board: &Host,
        expectations: Vec<Transaction<u8>>,
    ) -> anyhow::Result<Result<String, Fault<ErrorKind>>> {
        let (lan, command) = (Arc::clone(lan), self.command.clone());
        let (baud, parity) = (self.baud, self.parity);
        let probe = move |wire: &str, byte: u8| lan.signal(waveform(wire, byte, baud, parity));
        board.spawn_blocking(move || drill(&expectations, &command, probe)).await
    }

    /// 期望与驱动不符时，模拟对象会 panic，测试因此失败；这正是我们要看到的。
    async fn expect_panic(
        &self,
        lan: &Arc<Lan>,
        board: &Host,
        expectations: Vec<Transaction<u8>>,
    ) -> anyhow::Result<()> {
        let Err(panic) = self.drill(lan, board, expectations).await else {
            anyhow::bail!("期望是错的，模拟对象却没有发现");
        };
        lan.measured(Some(board), "失败的测试", 1.0, "个");
        board.spawn_blocking(move || warn!("测试失败：{panic:#}")).await
    }
}

// ANCHOR: driver
/// 一个小小的调制解调器驱动。它只认识 trait：真正的 UART、模拟对象、USB 转串口都行。
struct Modem<S> {
    serial: S,
}

#[derive(Debug, thiserror::Error)]
enum Fault<E: std::fmt::Debug> {
    #[error("串口错误 {0:?}")]
    Serial(E),
    #[error("回答超过 {MAX_REPLY} 字节还没有结束")]
    TooLong,
}

const MAX_REPLY: usize = 128;

impl<S: Read<u8> + Write<u8>> Modem<S> {
    /// 发一条命令，返回一行回答。
    fn command(&mut self, command: &str) -> Result<String, Fault<S::Error>> {
        for &byte in command.as_bytes().iter().chain(b"\r") {
            // write 忙的时候返回 WouldBlock，block! 就再试一次。
            nb::block!(self.serial.write(byte)).map_err(Fault::Serial)?;
        }
        nb::block!(self.serial.flush()).map_err(Fault::Serial)?;

        let mut reply = Vec::new();
        while reply.len() < MAX_REPLY {
            match nb::block!(self.serial.read()).map_err(Fault::Serial)? {
                b'\n' => return Ok(String::from_utf8_lossy(&reply).into_owned()),
                byte => reply.push(byte),
            }
        }
        Err(Fault::TooLong)
    }
}
// ANCHOR_END: driver

// ANCHOR: expectations
/// 一次正常的对话：写命令、冲刷、先读不到（WouldBlock），再读到一行。
fn conversation(command: &str) -> Vec<Transaction<u8>> {
    vec![
        Transaction::write_many(command),
        Transaction::write(b'\r'),
        Transaction::flush(),
        Transaction::read_error(nb::Error::WouldBlock),
        Transaction::read_many(b"OK\n"),
    ]
}

/// 读到一半，校验位对不上。
fn noisy(command: &str) -> Vec<Transaction<u8>> {
    vec![
        Transaction::write_many(command),
        Transaction::write(b'\r'),
        Transaction::flush(),
        Transaction::read(b'O'),
        Transaction::read_error(nb::Error::Other(ErrorKind::Parity)),
    ]
}

/// 错误的期望：以为命令以换行结尾。
fn wrong_ending(command: &str) -> Vec<Transaction<u8>> {
    vec![Transaction::write_many(command), Transaction::write(b'\n')]
}

/// 错误的期望：以为驱动最后还会再冲刷一次。
fn one_more_flush(command: &str) -> Vec<Transaction<u8>> {
    let mut expectations = conversation(command);
    expectations.push(Transaction::flush());
    expectations
}

/// 用模拟对象检验驱动，和在 `#[test]` 里写的一样。
fn drill(
    expectations: &[Transaction<u8>],
    command: &str,
    probe: impl FnMut(&str, u8),
) -> Result<String, Fault<ErrorKind>> {
    let mut mock = Mock::new(expectations);
    let mut modem = Modem { serial: Probe { serial: mock.clone(), on_byte: probe } };
    let reply = modem.command(command);
    match &reply {
        Ok(line) => info!("回答：{line}"),
        Err(error) => warn!("驱动把错误交给了调用者：{error}"),
    }
    mock.done(); // 还有没用完的期望就 panic；忘了调用 done 也会 panic
    reply
}
// ANCHOR_END: expectations

/// 夹在驱动和串口之间的探头：一切照转，只记下经过的字节。
struct Probe<S, F> {
    serial: S,
    on_byte: F,
}

impl<S: ErrorType, F> ErrorType for Probe<S, F> {
    type Error = S::Error;
}

impl<S: Write<u8>, F: FnMut(&str, u8)> Write<u8> for Probe<S, F> {
    fn write(&mut self, byte: u8) -> nb::Result<(), S::Error> {
        self.serial.write(byte)?;
        info!("TX 0x{byte:02X}");
        (self.on_byte)("TX", byte);
        Ok(())
    }

    fn flush(&mut self) -> nb::Result<(), S::Error> {
        self.serial.flush()
    }
}

impl<S: Read<u8>, F: FnMut(&str, u8)> Read<u8> for Probe<S, F> {
    fn read(&mut self) -> nb::Result<u8, S::Error> {
        let byte = self.serial.read()?;
        info!("RX 0x{byte:02X}");
        (self.on_byte)("RX", byte);
        Ok(byte)
    }
}

// ANCHOR: waveform
/// 一个字节在 UART 线上的样子：空闲为高，起始位拉低，8 个数据位由低到高，可选的校验位，停止位拉高。
fn uart_bits(byte: u8, parity: Parity) -> Vec<(bool, String)> {
    let mut bits = vec![(false, "起始".into())];
    bits.extend((0..8).map(|n| (byte >> n & 1 == 1, format!("D{n}"))));
    let odd_ones = byte.count_ones() % 2 == 1;
    match parity {
        Parity::None => {}
        Parity::Even => bits.push((odd_ones, "偶校验".into())),
        Parity::Odd => bits.push((!odd_ones, "奇校验".into())),
    }
    bits.push((true, "停止".into()));
    bits
}
// ANCHOR_END: waveform

fn waveform(wire: &str, byte: u8, baud: u32, parity: Parity) -> Signal {
    let bit_ns = 1_000_000_000 / baud;
    let bits = uart_bits(byte, parity);
    Signal {
        wire: wire.into(),
        levels: bits.iter().map(|(level, _)| (*level, bit_ns)).collect(),
        labels: bits.into_iter().map(|(_, label)| label).collect(),
        byte: Some(byte),
    }
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Slip,
    Cobs,
}

// ANCHOR: framing
/// 字节流没有边界，分帧就是约定边界：SLIP（RFC 1055）用 0xC0 分隔、遇到它就转义；
/// COBS 把 0 全部挪走，于是 0 只可能是分隔符。
impl Framing {
    fn name(self) -> &'static str {
        match self {
            Self::Slip => "SLIP",
            Self::Cobs => "COBS",
        }
    }

    fn delimiter(self) -> u8 {
        match self {
            Self::Slip => 0xC0,
            Self::Cobs => 0x00,
        }
    }

    fn encode(self, content: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut frame = Vec::new();
        match self {
            Self::Slip => {
                SlipEncoder::new(false).encode(content, &mut frame)?;
            }
            Self::Cobs => {
                frame = cobs::encode_vec(content);
                frame.push(self.delimiter());
            }
        }
        Ok(frame)
    }

    /// `frame` 以分隔符结尾。
    fn decode(self, frame: &[u8]) -> Result<Vec<u8>, BadFrame> {
        match self {
            Self::Slip => {
                let mut content = Vec::new();
                let decoded = SlipDecoder::new().decode(&mut &*frame, &mut content);
                decoded.map(|_| content).map_err(|_| BadFrame::Escape)
            }
            Self::Cobs => {
                let code = frame.strip_suffix(&[self.delimiter()]).unwrap_or(frame);
                cobs::decode_vec(code).map_err(|_| BadFrame::Escape)
            }
        }
    }
}
// ANCHOR_END: framing

// ANCHOR: crc
/// 分帧只管边界，不管对错；对错靠帧尾的 CRC-16。
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

#[derive(Debug, thiserror::Error)]
enum BadFrame {
    #[error("转义或编码不合规则")]
    Escape,
    #[error("太短，装不下 CRC")]
    Short,
    #[error("CRC 应为 {expected:04X}，帧里是 {found:04X}")]
    Crc { expected: u16, found: u16 },
}

/// 在内容后面附上它的 CRC。
fn seal(payload: &[u8]) -> Vec<u8> {
    [payload, &CRC.checksum(payload).to_be_bytes()].concat()
}

/// 核对并去掉帧尾的 CRC。
fn open(content: &[u8]) -> Result<Vec<u8>, BadFrame> {
    let (payload, crc) = content.split_last_chunk().ok_or(BadFrame::Short)?;
    let (expected, found) = (CRC.checksum(payload), u16::from_be_bytes(*crc));
    if expected == found { Ok(payload.to_vec()) } else { Err(BadFrame::Crc { expected, found }) }
}
// ANCHOR_END: crc

// ANCHOR: wire
/// 内存里的一根线，实现 embedded-io 的 trait：换成真的串口，收发的代码一行不改。
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<VecDeque<u8>>>);

impl embedded_io::ErrorType for Wire {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl embedded_io::Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let mut wire = self.0.borrow_mut();
        let n = buffer.len().min(wire.len());
        for (slot, byte) in buffer.iter_mut().zip(wire.drain(..n)) {
            *slot = byte;
        }
        Ok(n)
    }
}

/// 读到分隔符为止；线上没有更多了就是 `None`。
fn receive<R: embedded_io::Read>(wire: &mut R, delimiter: u8) -> Result<Option<Vec<u8>>, R::Error> {
    let (mut frame, mut byte) = (Vec::new(), [0]);
    while wire.read(&mut byte)? == 1 {
        frame.push(byte[0]);
        // 只有一个分隔符的是空帧，跳过它：坏帧之后正好由此重新对齐。
        match (byte[0] == delimiter, frame.len()) {
            (true, 1) => frame.clear(),
            (true, _) => return Ok(Some(frame)),
            (false, _) => {}
        }
    }
    Ok(None)
}
// ANCHOR_END: wire

/// 一次传输的结果。
struct Transfer {
    frame_bytes: usize,
    intact: u32,
    damaged: u32,
}

// ANCHOR: transfer
/// 发三帧，中间那帧在路上被翻转一位；看接收方认出几帧、识破几帧、之后能不能恢复。
fn transfer(framing: Framing, payload: &[u8], damaged_byte: usize) -> anyhow::Result<Transfer> {
    use embedded_io::Write as _;
    let mut wire = Wire::default();
    let frame = framing.encode(&seal(payload))?;
    info!("{} 帧：{}", framing.name(), hex(&frame));
    let mut damaged = frame.clone();
    damaged[damaged_byte % frame.len()] ^= 0b0001_0000;
    for bytes in [&frame, &damaged, &frame] {
        wire.write_all(bytes)?;
    }

    let mut outcome = Transfer { frame_bytes: frame.len(), intact: 0, damaged: 0 };
    while let Some(frame) = receive(&mut wire, framing.delimiter())? {
        match framing.decode(&frame).and_then(|content| open(&content)) {
            Ok(payload) => {
                info!("好帧：{}", hex(&payload));
                outcome.intact += 1;
            }
            Err(error) => {
                warn!("坏帧 {}：{error}", hex(&frame));
                outcome.damaged += 1;
            }
        }
    }
    Ok(outcome)
}
// ANCHOR_END: transfer

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}
