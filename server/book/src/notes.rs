//! `content/notes/*.toml`: what each protocol field means, by Wireshark's display-filter name.
//!
//! ```toml
//! [tcp.flags.syn]
//! name = "SYN：同步序号"
//! text = "只在连接的头两个报文段里为 1：……"   # Markdown
//! rfc = "RFC 9293 §3.1"                      # optional
//! ```

use crate::front_matter::{describe, line_of};
use crate::{Note, Problem, markdown};
use comrak::{Arena, parse_document};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Reads one file of notes into `notes`.
pub(crate) fn read(file: &str, text: &str, notes: &mut BTreeMap<String, Note>, problems: &mut Vec<Problem>) {
    let table = match toml::from_str::<Table>(text) {
        Ok(table) => table,
        Err(error) => {
            problems.push(Problem::new(file, 1 + line_of(text, &error), describe(&error)));
            return;
        }
    };
    let mut found = Vec::new();
    collect("", table, &mut found);
    for (field, result) in found {
        let header = format!("[{field}]");
        let quoted = format!("[\"{field}\"]");
        let line = text.lines().position(|line| [header.as_str(), &quoted].contains(&line.trim()));
        let line = line.map_or(1, |at| at + 1);
        match result {
            Ok(note) if notes.contains_key(&field) => {
                problems.push(Problem::new(file, line, format!("字段 {field} 已经有了注解“{}”", note.name)));
            }
            Ok(note) => {
                notes.insert(field, note);
            }
            Err(message) => problems.push(Problem::new(file, line, format!("字段 {field}：{message}"))),
        }
    }
}

/// A table with a text `name` is a note; tables in it are fields below it.
fn collect(prefix: &str, table: Table, found: &mut Vec<(String, Result<Note, String>)>) {
    let (below, own): (Table, Table) = table.into_iter().partition(|(_, value)| value.is_table());
    if !own.is_empty() {
        found.push((prefix.to_owned(), note(own)));
    }
    for (key, value) in below {
        let Value::Table(table) = value else { continue };
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        collect(&name, table, found);
    }
}

fn note(mut own: Table) -> Result<Note, String> {
    let mut take = |key: &str| match own.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{key} 应当是文字")),
        None => Ok(String::new()),
    };
    let (name, text, rfc) = (take("name")?, take("text")?, take("rfc")?);
    if let Some(key) = own.keys().next() {
        return Err(format!("不认识 {key}；可用的有 name、text、rfc"));
    }
    if name.trim().is_empty() || text.trim().is_empty() {
        return Err("name 和 text 都要写".into());
    }
    let arena = Arena::new();
    let html = markdown::html(parse_document(&arena, &text, &markdown::options()));
    Ok(Note { name, html, rfc })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_nest_and_mistakes_have_lines() {
        let text = "[tcp.flags]\nname = \"标志\"\ntext = \"九个 `bit`\"\n\n[tcp.flags.syn]\nname = \"SYN\"\ntext = \"同步\"\nrfc = \"RFC 9293 §3.1\"\n\n[\"udp.length\"]\nname = \"长度\"\n\n[ip.ttl]\nname = \"生存时间\"\ntext = \"甲\"\nnote = \"乙\"\n";
        let (mut notes, mut problems) = (BTreeMap::new(), Vec::new());
        read("notes/a.toml", text, &mut notes, &mut problems);
        read("notes/b.toml", "[tcp.flags]\nname = \"又\"\ntext = \"丙\"\n", &mut notes, &mut problems);
        assert_eq!(notes.keys().collect::<Vec<_>>(), ["tcp.flags", "tcp.flags.syn"]);
        assert_eq!(notes["tcp.flags"].html, "<p>九个 <code>bit</code></p>\n");
        let mut at: Vec<_> = problems.iter().map(|problem| (problem.file.as_str(), problem.line)).collect();
        at.sort_unstable();
        assert_eq!(at, [("notes/a.toml", 10), ("notes/a.toml", 13), ("notes/b.toml", 1)]);
        read("notes/c.toml", "a = 1\nb =", &mut notes, &mut problems);
        assert_eq!(problems.last().map(|problem| problem.line), Some(2));
    }
}
