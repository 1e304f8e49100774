//! Runs `tshark -T pdml` and reads what it says about each frame.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

/// A `<proto>` or `<field>` of PDML, flattened, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub name: String,
    pub is_protocol: bool,
    pub hidden: bool,
    /// Bytes of the frame.
    pub position: usize,
    pub size: usize,
    /// The value as a display filter compares it.
    pub show: String,
    /// The bytes in hexadecimal; for bit fields the number.
    pub value: String,
    /// `.... 0101` as in Wireshark's tree, without blanks; empty if the field is whole bytes.
    pub pattern: String,
    pub masked: bool,
    /// Where the enclosing field begins.
    pub parent_position: usize,
}

/// Preferences under which both tell the same story: checksums judged, fragments left alone, bodies as they are on
/// the wire, numbers too, no guessing of an FCS.
const PREFERENCES: [&str; 9] = [
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "ipv6.exthdr_under_root_protocol_tree:TRUE",
    "http.decompress_body:FALSE",
    "tcp.relative_sequence_numbers:FALSE",
    "eth.fcs:Never",
];

/// Each segment for itself, or streams put together.
const ALONE: [&str; 1] = ["tcp.desegment_tcp_streams:FALSE"];
const TOGETHER: [&str; 2] = ["tcp.desegment_tcp_streams:TRUE", "tcp.reassemble_out_of_order:TRUE"];

/// Why there is nothing to compare with.
pub const MISSING: &str =
    "tshark is not installed: `apt-get install tshark` (or set WIREBOOK_NO_TSHARK=1 to leave this test out)";

/// True if tshark can be run.
pub fn installed() -> bool {
    Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// True if there is no tshark and the environment says that this is fine; otherwise it must be there.
pub fn left_out() -> bool {
    if installed() {
        return false;
    }
    assert!(std::env::var_os("WIREBOOK_NO_TSHARK").is_some_and(|value| value == "1"), "{MISSING}");
    true
}

/// Calls `each` with the entries of one frame after the other. `streams`: TCP segments are put together. `more`: further
/// arguments.
pub fn read(
    file: &Path,
    streams: bool,
    more: &[String],
    mut each: impl FnMut(Vec<Entry>),
) -> Result<(), String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-T", "pdml"]);
    let segments = if streams { &TOGETHER[..] } else { &ALONE };
    for preference in PREFERENCES.iter().chain(segments) {
        command.args(["-o", preference]);
    }
    command.args(more);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{MISSING} ({error})"))?;
    let output = child.stdout.take().ok_or("tshark has no output")?;
    let mut reader = Reader::from_reader(BufReader::new(output));
    let mut buffer = Vec::new();
    let (mut entries, mut positions) = (Vec::new(), Vec::new());
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                let entry = entry(&tag, positions.last().copied().unwrap_or(0))?;
                positions.push(entry.position);
                if tag.name().as_ref() == "packet" {
                    entries.clear();
                } else {
                    entries.push(entry);
                }
            }
            Event::Empty(tag) => entries.push(entry(&tag, positions.last().copied().unwrap_or(0))?),
            Event::End(tag) => {
                positions.pop();
                if tag.name().as_ref() == "packet" {
                    each(std::mem::take(&mut entries));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("tshark ended with {status}")) }
}

fn entry(tag: &BytesStart<'_>, parent_position: usize) -> Result<Entry, String> {
    let mut entry =
        Entry { is_protocol: tag.name().as_ref() == "proto", parent_position, ..Entry::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::default())
            .map_err(|error| error.to_string())?
            .into_owned();
        match attribute.key.as_ref() {
            "name" => entry.name = value,
            "pos" => entry.position = value.parse().unwrap_or(0),
            "size" => entry.size = value.parse().unwrap_or(0),
            "show" => entry.show = value,
            "value" => entry.value = value,
            "hide" => entry.hidden = value == "yes",
            "unmaskedvalue" => entry.masked = true,
            "showname" => {
                if let Some((bits, _)) = value.split_once(" = ")
                    && bits.chars().all(|bit| matches!(bit, '0' | '1' | '.' | ' '))
                {
                    entry.pattern = bits.chars().filter(|bit| *bit != ' ').collect();
                }
            }
            _ => {}
        }
    }
    Ok(entry)
}
