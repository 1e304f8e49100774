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
    /// What its bytes mean.
    #[serde(default, skip_serializing_if = "Hints::is_empty")]
    pub hints: Hints,
}

/// What a lab knows about its bytes and the bytes themselves do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// Transport ports and what they speak, by Wireshark's names: `http2`, `tls`, `data` for nothing known.
    pub ports: Vec<(u16, String)>,
    /// A serialized `google.protobuf.FileDescriptorSet` of its gRPC services, base64 in JSON; empty if none.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "crate::trace::to_base64",
        deserialize_with = "crate::trace::from_base64"
    )]
    pub descriptors: Vec<u8>,
}

impl Hints {
    /// Ports and what they speak.
    #[must_use]
    pub fn ports(ports: &[(u16, &str)]) -> Self {
        let ports = ports.iter().map(|(port, name)| (*port, (*name).to_owned())).collect();
        Self { ports, descriptors: Vec::new() }
    }

    /// With the descriptors of its gRPC services.
    #[must_use]
    pub fn with_descriptors(self, descriptors: &[u8]) -> Self {
        Self { descriptors: descriptors.to_vec(), ..self }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
