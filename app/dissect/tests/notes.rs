//! Every field has a note for readers in `content/notes/*.toml`, and no note is left over.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeMap;
use std::path::Path;
use toml::Value;

/// File name and table of every note, by field name.
fn notes() -> BTreeMap<String, (String, toml::Table)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/notes");
    let mut notes = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        for (name, value) in std::fs::read_to_string(&path).unwrap().parse::<toml::Table>().unwrap() {
            let Value::Table(table) = value else { panic!("{file}: {name} is not a table") };
            assert!(notes.insert(name.clone(), (file.clone(), table)).is_none(), "{name} has two notes");
        }
    }
    notes
}

#[test]
fn every_field_has_a_note_and_every_note_a_field() {
    let notes = notes();
    let names: Vec<_> = dissect::catalog().map(|spec| spec.name).collect();
    let missing: Vec<_> = names.iter().filter(|name| !notes.contains_key(**name)).collect();
    let orphaned: Vec<_> = notes.keys().filter(|name| !names.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "no note for {missing:?}");
    assert!(orphaned.is_empty(), "no field for {orphaned:?}");
}

#[test]
fn notes_are_complete_and_chinese() {
    for (name, (file, note)) in notes() {
        let text = |key: &str| note.get(key).and_then(Value::as_str).unwrap_or_default();
        for key in ["name", "text"] {
            let chinese = text(key).chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
            assert!(
                chinese || text(key) == "MSS" || text(key) == "MTU",
                "{file}: {name}: {key} is not in Chinese"
            );
        }
        assert!(text("text").ends_with(['。', '）', '！', '？']), "{file}: {name}: the text does not end");
        let protocol = name.split('.').next().unwrap_or_default();
        let place = if protocol.starts_with("ieee8021") { "vlan" } else { protocol };
        assert_eq!(file, place, "{name} belongs into {place}.toml");
        // `data` is ours to show; gRPC and Protocol Buffers are defined by their projects.
        assert!(
            ["data", "grpc", "protobuf"].contains(&protocol)
                || text("rfc").starts_with("RFC ")
                || text("rfc").starts_with("IEEE "),
            "{name}"
        );
    }
}
