//! Export of a trace to the file format of Wireshark, pcapng
//! ([draft-ietf-opsawg-pcapng](https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/)).
//!
//! One Section Header Block, one Interface Description Block for each cable, the hosts' names, the TLS
//! secrets if there are any, then one Enhanced Packet Block for each frame as its sender sent it. What the
//! wire did to a frame (lost it, cut it off, damaged it …) is in the packet's comment, in Chinese.

mod block;
mod comment;

use api::trace::{Body, Delivery, Frame, FrameId, HostInfo, Trace};
use block::Block;
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::IpAddr;

/// Block types (section 11.1 of the draft).
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;

/// Options; a number means something else in each kind of block.
const COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_MACADDR: u16 = 6;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const LINKTYPE_ETHERNET: u16 = 1;
/// Times count nanoseconds.
const NANOSECONDS: u8 = 9;
/// The interface sent the frame.
const OUTBOUND: u32 = 0b10;
const RECORD_IPV4: u16 = 1;
const RECORD_IPV6: u16 = 2;
/// Secrets in the format of `SSLKEYLOGFILE` (RFC 9850).
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Writes the frames of a trace as pcapng, with the secrets that the run's programs wrote down: Wireshark opens the
/// file decrypted.
///
/// # Errors
/// Those of `out`.
pub fn write(trace: &Trace, mut out: impl Write) -> io::Result<()> {
    section_header(trace).write(&mut out)?;
    for (host, segment) in interfaces(trace) {
        interface_description(host, segment).write(&mut out)?;
    }
    name_resolution(&trace.hosts).write(&mut out)?;
    // Before all packets: Wireshark looks only back.
    let secrets = secrets(trace);
    if !secrets.is_empty() {
        decryption_secrets(&secrets).write(&mut out)?;
    }
    let numbers: HashMap<(u8, u8), u32> = trace
        .hosts
        .iter()
        .zip(0u8..)
        .flat_map(|(host, id)| host.interfaces.iter().map(move |interface| (id, interface.segment)))
        .zip(0..)
        .collect();
    let mut fates: HashMap<FrameId, Vec<&Delivery>> = HashMap::new();
    for event in &trace.events {
        if let Body::Delivery(delivery) = &event.body {
            fates.entry(delivery.frame).or_default().push(delivery);
        }
    }
    for event in &trace.events {
        if let Body::Frame(frame) = &event.body {
            let time = trace.started_at_ms * 1_000_000 + event.time;
            let interface = numbers.get(&(frame.from, frame.segment)).copied().unwrap_or(0);
            let fates = fates.get(&frame.frame).map_or(&[][..], Vec::as_slice);
            let comment = comment::comment(&trace.hosts, fates);
            enhanced_packet(frame, interface, time, comment.as_deref()).write(&mut out)?;
        }
    }
    out.flush()
}

fn interfaces(trace: &Trace) -> impl Iterator<Item = (&HostInfo, u8)> {
    trace.hosts.iter().flat_map(|host| host.interfaces.iter().map(move |interface| (host, interface.segment)))
}

/// ```text
/// Byte-Order Magic (4) | Major Version (2) | Minor Version (2) | Section Length (8) | Options
/// ```
fn section_header(trace: &Trace) -> Block {
    let mut block = Block::new(SECTION_HEADER);
    block.u32(BYTE_ORDER_MAGIC).u16(1).u16(0).u64(u64::MAX);
    let comment = format!("实验 {}，种子 {}，轨迹 {}", trace.lab, trace.seed, trace.id);
    block.option(COMMENT, comment.as_bytes());
    block.option(SHB_USERAPPL, concat!("Wirebook ", env!("CARGO_PKG_VERSION")).as_bytes());
    block.end_of_options();
    block
}

/// ```text
/// LinkType (2) | Reserved (2) | SnapLen (4) | Options
/// ```
fn interface_description(host: &HostInfo, segment: u8) -> Block {
    let mut block = Block::new(INTERFACE_DESCRIPTION);
    block.u16(LINKTYPE_ETHERNET).u16(0).u32(0);
    let name = if host.interfaces.len() > 1 { format!("{}-{segment}", host.name) } else { host.name.clone() };
    block.option(IF_NAME, name.as_bytes());
    let position = host.interfaces.iter().position(|interface| interface.segment == segment);
    block.option(IF_DESCRIPTION, format!("主机 {} 的 eth{}", host.name, position.unwrap_or(0)).as_bytes());
    let mac = position.and_then(|position| host.interfaces[position].mac.as_deref());
    if let Some(mac) = mac.and_then(mac_bytes) {
        block.option(IF_MACADDR, &mac);
    }
    block.option(IF_TSRESOL, &[NANOSECONDS]);
    block.end_of_options();
    block
}

/// ```text
/// Record Type (2) | Record Length (2) | Record Value, padded | … | nrb_record_end (4) | Options
/// ```
fn name_resolution(hosts: &[HostInfo]) -> Block {
    let mut block = Block::new(NAME_RESOLUTION);
    for host in hosts {
        for address in host.interfaces.iter().flat_map(|interface| &interface.addresses) {
            let (kind, mut value) = match address {
                IpAddr::V4(address) => (RECORD_IPV4, address.octets().to_vec()),
                IpAddr::V6(address) => (RECORD_IPV6, address.octets().to_vec()),
            };
            value.extend_from_slice(host.name.as_bytes());
            value.push(0);
            block.option(kind, &value);
        }
    }
    block.end_of_options();
    block
}

/// The run's key log, one line for each secret.
fn secrets(trace: &Trace) -> String {
    let mut log = String::new();
    for event in &trace.events {
        if let Body::Secret(secret) = &event.body {
            log.push_str(&secret.line);
            log.push('\n');
        }
    }
    log
}

/// ```text
/// Secrets Type (4) | Secrets Length (4) | Secrets Data, padded | Options
/// ```
fn decryption_secrets(secrets: &str) -> Block {
    let mut block = Block::new(DECRYPTION_SECRETS);
    block.u32(TLS_KEY_LOG).u32(secrets.len() as u32).padded(secrets.as_bytes());
    block
}

/// ```text
/// Interface ID (4) | Timestamp, upper and lower half (8) | Captured Length (4) | Original Length (4)
/// Packet Data, padded | Options
/// ```
fn enhanced_packet(frame: &Frame, interface: u32, time: u64, comment: Option<&str>) -> Block {
    let mut block = Block::new(ENHANCED_PACKET);
    block.u32(interface).u32((time >> 32) as u32).u32(time as u32);
    block.u32(frame.bytes.len() as u32).u32(frame.length).padded(&frame.bytes);
    if let Some(comment) = comment {
        block.option(COMMENT, comment.as_bytes());
    }
    block.option(EPB_FLAGS, &OUTBOUND.to_ne_bytes());
    block.end_of_options();
    block
}

fn mac_bytes(text: &str) -> Option<[u8; 6]> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests;
