//! The examples of RFC 7541 appendix C.

#![allow(clippy::unwrap_used)] // tests

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Reads a whole block, one `name: value` a line.
fn read(table: &mut Table, hex: &str) -> Vec<String> {
    let block = bytes(hex);
    let (mut at, mut lines) = (0, Vec::new());
    while at < block.len() {
        match table.read(&block, at).unwrap() {
            Item::Header(header) => {
                assert_eq!(header.at.start, at);
                at = header.at.end;
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                lines.push(format!("{}: {}", text(&header.name), text(&header.value)));
            }
            Item::Resize(_, range) => at = range.end,
        }
    }
    lines
}

/// `name: value`, the newest first, and the size.
fn kept(table: &Table) -> (Vec<String>, usize) {
    let line = |entry: &Entry| {
        format!("{}: {}", String::from_utf8_lossy(&entry.name), String::from_utf8_lossy(&entry.value))
    };
    (table.entries.iter().map(line).collect(), table.size)
}

#[test]
fn c1_integers() {
    assert_eq!(integer(&[0b1110_1010], 0, 5), Ok((10, 1)));
    assert_eq!(integer(&[0b0001_1111, 0b1001_1010, 0b0000_1010], 0, 5), Ok((1337, 3)));
    assert_eq!(integer(&[42], 0, 8), Ok((42, 1)));
    for end in 0..3 {
        assert_eq!(integer(&[31, 0x9a, 10][..end], 0, 5), Err(Stop::Short));
    }
    assert_eq!(integer(&[31, 0xff, 0xff, 0xff, 0xff, 1], 0, 5), Err(Stop::Wrong), "too long a number");
}

#[test]
fn c2_representations() {
    let mut table = Table::default();
    let block = bytes("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
    let Item::Header(header) = table.read(&block, 0).unwrap() else { panic!() };
    assert_eq!((header.form, header.index, header.at), (Form::Incremental, 0, 0..26));
    assert_eq!(header.name_at, Some(Literal { huffman: false, length: 1..2, bytes: 2..12 }));
    assert_eq!(header.value_at, Some(Literal { huffman: false, length: 12..13, bytes: 13..26 }));
    assert_eq!(kept(&table), (vec!["custom-key: custom-header".to_owned()], 55));
    let mut table = Table::default();
    assert_eq!(read(&mut table, "040c 2f73 616d 706c 652f 7061 7468"), [":path: /sample/path"]);
    assert_eq!(read(&mut table, "1008 7061 7373 776f 7264 0673 6563 7265 74"), ["password: secret"]);
    assert_eq!(read(&mut table, "82"), [":method: GET"]);
    assert_eq!(kept(&table), (Vec::new(), 0));
}

/// The requests of C.3 and C.4, the second of them with Huffman codes.
#[test]
fn c3_and_c4_requests() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let packed = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, packed] {
        let mut table = Table::default();
        let first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
        assert_eq!(read(&mut table, blocks[0]), first);
        assert_eq!(read(&mut table, blocks[1]), [&first[..], &["cache-control: no-cache"]].concat());
        assert_eq!(
            read(&mut table, blocks[2]),
            [
                ":method: GET",
                ":scheme: https",
                ":path: /index.html",
                ":authority: www.example.com",
                "custom-key: custom-value"
            ]
        );
        let entries = ["custom-key: custom-value", "cache-control: no-cache", ":authority: www.example.com"];
        assert_eq!(kept(&table), (entries.map(str::to_owned).to_vec(), 164));
    }
}

/// The responses of C.5 and C.6: a table of 256 bytes from which entries are evicted.
#[test]
fn c5_and_c6_responses() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 54\
         6e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d\
         4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572\
         7369 6f6e 3d31",
    ];
    let packed = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b\
         97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf\
         cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    for blocks in [plain, packed] {
        let mut table = Table::default();
        table.resize(256).unwrap();
        let date = "date: Mon, 21 Oct 2013 20:13:21 GMT";
        let location = "location: https://www.example.com";
        assert_eq!(read(&mut table, blocks[0]), [":status: 302", "cache-control: private", date, location]);
        assert_eq!(kept(&table).1, 222);
        assert_eq!(read(&mut table, blocks[1]), [":status: 307", "cache-control: private", date, location]);
        let third = read(&mut table, blocks[2]);
        assert_eq!(
            third[..3],
            [":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT"]
        );
        let cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
        assert_eq!(third[3..], [location, "content-encoding: gzip", cookie]);
        assert_eq!(
            kept(&table),
            (vec![cookie.into(), "content-encoding: gzip".into(), third[2].clone()], 215)
        );
    }
}

#[test]
fn what_is_cut_short_changes_nothing() {
    let block = bytes("4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf");
    for end in 0..block.len() {
        let mut table = Table::default();
        assert_eq!(table.read(&block[..end], 0), Err(Stop::Short), "{end}");
        assert_eq!(kept(&table).1, 0);
    }
}

#[test]
fn what_the_standard_forbids_is_not_read() {
    let wrong = |hex: &str| assert_eq!(Table::default().read(&bytes(hex), 0), Err(Stop::Wrong), "{hex}");
    wrong("80"); // index 0
    wrong("be"); // an entry that is not there
    wrong("0f2f 0161"); // the name of one
    wrong("3fe1 ffff 7f"); // a table too large to follow
    wrong("0481 00"); // Huffman: padded with zeros
    wrong("0482 1fff"); // padded with more than 7 bits
    wrong("0484 ffff ffff"); // the code that ends a string
}

#[test]
fn a_table_may_be_emptied_and_grow_again() {
    let mut table = Table::default();
    read(&mut table, "400161 0162 400163 0164");
    assert_eq!(kept(&table).1, 68);
    assert_eq!(table.read(&[0x3f, 0x03], 0), Ok(Item::Resize(34, 0..2)));
    assert_eq!(kept(&table), (vec!["c: d".to_owned()], 34));
    assert_eq!(table.read(&[0x20], 0), Ok(Item::Resize(0, 0..1)));
    read(&mut table, "400161 0162");
    assert_eq!(kept(&table), (Vec::new(), 0));
    read(&mut table, "3fe11f 400161 0162");
    assert_eq!(kept(&table).1, 34);
    // One that does not fit empties the table.
    let long = [&[0x40, 0x7f, 0x81, 0x1f][..], &[b'x'; 4096], &[0]].concat();
    let Ok(Item::Header(header)) = table.read(&long, 0) else { panic!() };
    assert_eq!((header.name.len(), kept(&table)), (4096, (Vec::new(), 0)));
}

/// All symbols, one by one: the code of each is unlike all others.
#[test]
fn every_symbol_has_a_code() {
    let mut seen = [false; 256];
    for length in 5..=30_u32 {
        // Of a long code all but the last bits are ones. A symbol is found when its code is followed by ones only.
        for code in 0..(1_u64 << length.min(12)) {
            let code = if length > 12 { ((1_u64 << (length - 12)) - 1) << 12 | code } else { code };
            let padding = (8 - length % 8) % 8;
            let padded = code << padding | ((1 << padding) - 1);
            let bytes = padded.to_be_bytes();
            let used = &bytes[8 - (length + padding) as usize / 8..];
            if let Some(found) = huffman::decode(used)
                && let [symbol] = found[..]
            {
                seen[usize::from(symbol)] = true;
            }
        }
    }
    assert!(seen.iter().all(|seen| *seen));
}
