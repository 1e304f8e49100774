//! What a lab is called and what it takes: enough to draw its form and to check its parameters.

use serde::{Deserialize, Serialize};

/// A lab as the page sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabInfo {
    /// `tcp-echo`: in links and on the command line.
    pub slug: String,
    /// Chinese title.
    pub title: String,
    /// One Chinese sentence: what it shows.
    pub summary: String,
    /// Names of its hosts, in the order of their lanes.
    pub hosts: Vec<String>,
    pub params: Vec<Param>,
    /// Lines the reader may type while it runs, if it takes any.
    pub input: Option<InputInfo>,
    /// True if it cannot work in tier `loopback` (raw frames, several interfaces, …).
    pub needs_isolated: bool,
    /// Source file from the root of the repository, as `tracing` names it in events.
    pub file: String,
    /// Line settings of a run unless the reader chose others.
    pub lines: std::collections::BTreeMap<String, crate::line::Line>,
}

/// One parameter of a lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Field name in JSON and after `--set`.
    pub name: String,
    /// Chinese label.
    pub label: String,
    /// Further Chinese explanation; may be empty.
    pub help: String,
    pub default: serde_json::Value,
    pub kind: ParamKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    Integer {
        min: i64,
        max: i64,
    },
    Number {
        min: f64,
        max: f64,
    },
    /// `max_length` in characters; `multiline` for a text area.
    Text {
        min_length: u32,
        max_length: u32,
        multiline: bool,
    },
    Flag,
    /// Value in JSON and Chinese label.
    Choice {
        options: Vec<(String, String)>,
    },
}

/// How a lab takes lines while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputInfo {
    /// Chinese label of the text field.
    pub label: String,
    /// Example shown in the empty field.
    pub placeholder: String,
    /// Longest line, characters.
    pub max_length: u32,
}
