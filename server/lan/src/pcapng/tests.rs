use super::*;
use api::run::{Outcome, Tier};
use api::trace::{Event, Fate, InterfaceInfo, LeftOut, Secret, VERSION};
use std::process::Command;

fn trace() -> Trace {
    let host = |name: &str, number: u8| HostInfo {
        name: name.into(),
        interfaces: vec![InterfaceInfo {
            segment: 0,
            mac: Some(format!("02:00:00:00:00:{number:02x}")),
            addresses: vec![[10, 0, 0, number].into()],
        }],
    };
    // An ARP request, 42 bytes.
    let mut arp = vec![0xff; 6];
    arp.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
    arp.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
    let frame = |frame, bytes: &[u8]| {
        Body::Frame(Frame { frame, from: 0, segment: 0, bytes: bytes.to_vec(), length: 42, due: None })
    };
    let lost = Delivery {
        frame: 1,
        to: None,
        fate: Fate::Lost,
        reordered: false,
        duplicate: false,
        flipped_bit: None,
    };
    let secret = Secret::parse(&format!("CLIENT_RANDOM {} {}", "00".repeat(32), "11".repeat(48)));
    let secret = Body::Secret(secret.unwrap());
    let bodies = [frame(0, &arp), frame(1, &arp), Body::Delivery(lost), frame(2, &[]), secret];
    let events = (0..).zip(bodies).map(|(seq, body)| Event { seq, time: 1_000_007 * u64::from(seq), body });
    Trace {
        version: VERSION,
        id: "t1".into(),
        lab: "tcp-echo".into(),
        params: serde_json::Value::Null,
        lines: Default::default(),
        seed: 7,
        tier: Tier::Isolated,
        started_at_ms: 1_700_000_000_123,
        hosts: vec![host("client", 1), host("server", 2)],
        outcome: Outcome::Completed,
        left_out: LeftOut::default(),
        events: events.collect(),
    }
}

#[test]
fn blocks_are_whole_and_in_order() {
    let mut file = Vec::new();
    write(&trace(), &mut file).unwrap();
    let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
    let mut kinds = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let length = word(at + 4) as usize;
        assert_eq!((length % 4, word(at + length - 4) as usize), (0, length));
        kinds.push(word(at));
        at += length;
    }
    assert_eq!(
        kinds,
        [
            SECTION_HEADER,
            INTERFACE_DESCRIPTION,
            INTERFACE_DESCRIPTION,
            NAME_RESOLUTION,
            DECRYPTION_SECRETS,
            ENHANCED_PACKET,
            ENHANCED_PACKET,
            ENHANCED_PACKET
        ]
    );
}

#[test]
fn tshark_reads_times_names_comments_and_interfaces() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("SKIPPED: tshark is not installed");
        return;
    }
    let path = std::env::temp_dir().join(format!("lan-pcapng-{}.pcapng", std::process::id()));
    write(&trace(), std::fs::File::create(&path).unwrap()).unwrap();
    let output = Command::new("tshark")
        .args(["-r", path.to_str().unwrap(), "-T", "fields", "-E", "separator=|"])
        .args(["-e", "frame.time_epoch", "-e", "frame.interface_name", "-e", "frame.comment"])
        .args(["-e", "frame.len", "-e", "arp.dst.proto_ipv4"])
        .env("TZ", "UTC")
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[0][0].contains("1700000000.123000000") || rows[0][0].contains("22:13:20.123000000"));
    assert!(rows[1][0].contains(".124000007"), "{text}");
    assert_eq!(rows[0][1..], ["client", "", "42", "10.0.0.2"]);
    assert_eq!(rows[1][2], "在发送方的线路上丢失");
    // Its bytes were left out, its length was not.
    assert_eq!(rows[2][3], "42");
}
