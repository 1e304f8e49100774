//! A book of one chapter and one lab.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use api::lab::{LabInfo, Param, ParamKind};
use api::line::InvalidField;
use book::{Book, Content, Files, Labs};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SOURCE: &str = "//! 回声。\n// ANCHOR: server\nasync fn serve() {\n    // 逐个接受连接\n}\n// ANCHOR_END: server\n// ANCHOR: open\n";

struct Registry;

impl Labs for Registry {
    fn infos(&self) -> Vec<LabInfo> {
        let message = Param {
            name: "message".into(),
            label: "文字".into(),
            help: String::new(),
            default: json!("你好"),
            kind: ParamKind::Text { min_length: 0, max_length: 8, multiline: false },
        };
        vec![LabInfo {
            slug: "tcp-echo".into(),
            title: "TCP 回声".into(),
            summary: "一次完整的连接".into(),
            hosts: vec!["client".into(), "server".into()],
            params: vec![message],
            input: None,
            needs_isolated: false,
            file: "server/labs/src/tcp_echo.rs".into(),
            lines: BTreeMap::new(),
            hints: api::lab::Hints::default(),
        }]
    }

    fn source(&self, slug: &str) -> Option<&str> {
        (slug == "tcp-echo").then_some(SOURCE)
    }

    fn check(&self, _: &str, params: &Value) -> Result<Value, InvalidField> {
        let invalid =
            |field: &str, message: &str| InvalidField { field: field.into(), message: message.into() };
        for (name, value) in params.as_object().ok_or_else(|| invalid("", "不是对象"))? {
            match value.as_str() {
                _ if name != "message" => return Err(invalid(name, "没有这个参数")),
                Some(text) if text.chars().count() <= 8 => {}
                _ => return Err(invalid(name, "最多 8 个字符")),
            }
        }
        Ok(params.clone())
    }
}

const OUTLINE: &str = "[guide]\ntitle = \"指南\"\nsummary = \"甲\"\nplanned = [{ number = \"1\", title = \"基础\" }, { number = \"2\", title = \"TCP\" }]\n[reference]\ntitle = \"参考\"\nsummary = \"乙\"\n";
pub(crate) const FRONT: &str = "+++\ntitle = \"TCP 编程\"\nnumber = \"2\"\nsummary = \"丙\"\n+++\n";
/// Lines before the body of a chapter.
pub(crate) const ABOVE: u32 = 5;
pub(crate) const LAB: &str = "```lab tcp-echo\n```\n";

/// Loads a book of one chapter with this body, and the given further files.
pub(crate) fn load_with(body: &str, more: &[(&str, &str)]) -> (Book, Vec<(String, u32, String)>) {
    let chapter = format!("{FRONT}{body}");
    let mut files = Files::new();
    files.insert("book.toml".into(), OUTLINE.into());
    files.insert("guide/2-tcp.md".into(), chapter.into());
    files.insert("images/a.svg".into(), b"<svg/>".to_vec());
    for (path, text) in more {
        files.insert((*path).into(), text.as_bytes().to_vec());
    }
    let (book, problems) = Book::load(&Content::Files(files), &Registry).unwrap();
    let problems = problems.into_iter().map(|problem| (problem.file, problem.line, problem.message));
    (book, problems.collect())
}
