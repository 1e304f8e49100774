//! Capture files: writes pcap, reads the Ethernet frames of a pcapng.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

/// One frame with its time in nanoseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Frame {
    pub time: u64,
    pub bytes: Vec<u8>,
}

/// Writes a pcap with nanosecond times, link type Ethernet.
pub fn write_pcap(mut out: impl Write, frames: &[Frame]) -> io::Result<()> {
    let mut header = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        header.extend(word.to_le_bytes());
    }
    out.write_all(&header)?;
    for frame in frames {
        let length = frame.bytes.len() as u32;
        for word in [(frame.time / 1_000_000_000) as u32, (frame.time % 1_000_000_000) as u32, length, length]
        {
            out.write_all(&word.to_le_bytes())?;
        }
        out.write_all(&frame.bytes)?;
    }
    Ok(())
}

/// A capture file that is removed again.
pub struct TemporaryPcap {
    pub path: PathBuf,
}

impl TemporaryPcap {
    pub fn new(name: &str, frames: &[Frame]) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("dissect-{name}-{}.pcap", std::process::id()));
        write_pcap(io::BufWriter::new(File::create(&path)?), frames)?;
        Ok(Self { path })
    }
}

impl TemporaryPcap {
    /// A pcapng without its first packets.
    pub fn without(name: &str, file: &[u8], mut packets: usize) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("dissect-{name}-{}.pcapng", std::process::id()));
        let (mut rest, mut kept) = (file, Vec::new());
        while let Some([kind, _, _, _, a, b, c, d]) = rest.first_chunk() {
            let length = (u32::from_le_bytes([*a, *b, *c, *d]) as usize).clamp(12, rest.len());
            let (block, more) = rest.split_at(length);
            if *kind == 6 && packets > 0 {
                packets -= 1;
            } else {
                kept.extend(block);
            }
            rest = more;
        }
        std::fs::write(&path, kept)?;
        Ok(Self { path })
    }
}

impl Drop for TemporaryPcap {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Reads the frames of a little-endian pcapng: section header, interface description, enhanced and simple packet
/// blocks. Frames of interfaces that are not Ethernet are an error, as is a truncated frame.
pub fn read_pcapng(file: &[u8]) -> Result<Vec<Frame>, String> {
    let word = |at: usize| -> Option<u32> { file.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes) };
    if word(0) != Some(0x0a0d_0d0a) || word(8) != Some(0x1a2b_3c4d) {
        return Err("not a little-endian pcapng file".to_owned());
    }
    let mut resolutions = Vec::new();
    let mut frames = Vec::new();
    let mut at = 0;
    while at + 12 <= file.len() {
        let (Some(kind), Some(length)) = (word(at), word(at + 4).map(|length| length as usize)) else {
            break;
        };
        if length < 12 || length % 4 != 0 || at + length > file.len() {
            return Err(format!("block at byte {at} is cut short"));
        }
        let number =
            |offset: usize| word(at + offset).ok_or_else(|| format!("block at byte {at} is cut short"));
        match kind {
            0x0a0d_0d0a => resolutions.clear(),
            1 => {
                if number(8)? & 0xffff != 1 {
                    return Err("an interface is not Ethernet".to_owned());
                }
                resolutions.push(resolution(&file[at + 16..at + length - 4]));
            }
            6 => {
                let interface = number(8)? as usize;
                let resolution = *resolutions.get(interface).ok_or("a packet names an unknown interface")?;
                let ticks = u64::from(number(12)?) << 32 | u64::from(number(16)?);
                let (captured, original) = (number(20)? as usize, number(24)? as usize);
                if captured != original {
                    return Err(format!("frame {} was cut to {captured} bytes", frames.len() + 1));
                }
                let bytes =
                    file.get(at + 28..at + 28 + captured).ok_or("packet longer than its block")?.to_vec();
                frames.push(Frame { time: nanoseconds(ticks, resolution), bytes });
            }
            _ => {}
        }
        at += length;
    }
    Ok(frames)
}

/// The lines of the TLS key logs in a pcapng (decryption secrets blocks).
pub fn secrets(file: &[u8]) -> Vec<String> {
    const BLOCK: u32 = 10;
    const KEY_LOG: u32 = 0x544c_534b;
    let word = |at: usize| -> Option<u32> { file.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes) };
    let (mut at, mut lines) = (0, Vec::new());
    while let (Some(kind), Some(length @ 12..)) = (word(at), word(at + 4)) {
        if let (BLOCK, Some(KEY_LOG), Some(size)) = (kind, word(at + 8), word(at + 12)) {
            let log = file.get(at + 16..at + 16 + size as usize).unwrap_or_default();
            lines.extend(String::from_utf8_lossy(log).lines().map(str::to_owned));
        }
        at += length as usize;
    }
    lines
}

/// Option `if_tsresol` (9) of an interface; 6 (microseconds) without it.
fn resolution(mut options: &[u8]) -> u8 {
    while let [a, b, c, d, rest @ ..] = options {
        let (code, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
        if let (9, Some(resolution)) = (code, rest.first()) {
            return *resolution;
        }
        options = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    6
}

/// A resolution is a negative power of ten, or of two if its highest bit is set.
fn nanoseconds(ticks: u64, resolution: u8) -> u64 {
    let (base, exponent) = (if resolution & 0x80 == 0 { 10_u128 } else { 2 }, u32::from(resolution & 0x7f));
    base.checked_pow(exponent).map_or(0, |per_second| (u128::from(ticks) * 1_000_000_000 / per_second) as u64)
}
