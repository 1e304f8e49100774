//! Questions of the book: what the page is told, what the reader answers, what the server says to it.
//!
//! The right answer is not part of [`Question`]: it stays on the server until the reader has found it or asks for it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;

use crate::line::Line;

/// Longest short answer that is read, characters.
pub const MAX_TEXT: u32 = 200;

/// A question as a page shows it. `ask`, options and items are safe inline HTML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// `guide/tcp`
    pub chapter: String,
    /// Unique in its chapter.
    pub id: String,
    pub ask: String,
    pub form: Form,
}

/// How a question is answered. Tagged from outside: that is the least for the browser to decode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One of several options.
    Single { options: Vec<String> },
    /// Every option that holds, and no other.
    Several { options: Vec<String> },
    /// A word or a few.
    Short,
    /// Items to bring into their order, here as the page shows them at first.
    Order { items: Vec<String> },
    /// A number that a real run decides.
    Predict(Prediction),
}

/// The run that decides a question: always with this seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Slug.
    pub lab: String,
    /// What differs from the lab's defaults: a JSON object.
    pub params: serde_json::Value,
    /// Absent: the lab's own lines.
    pub lines: Option<BTreeMap<String, Line>>,
    pub seed: u64,
    pub observe: Observe,
    /// Empty: any number may be given.
    pub options: Vec<f64>,
}

/// What is read off a trace to decide a prediction. As text: `frames`, `measured:收到的回答`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Observe {
    /// Frames that entered the switch.
    Frames,
    /// Frames of which a copy did not arrive: lost by chance, cut off by a full queue, too big.
    Lost,
    /// TCP segments sent again, as the wire shows them.
    Retransmissions,
    /// TCP handshakes completed, as the wire shows them.
    Handshakes,
    /// What the lab reported under this label: `measured:<label>` the last time, `measured@1:<label>` the first,
    /// `measured@2:<label>` the second.
    Measured { label: String, time: Option<NonZeroU8> },
}

impl Observe {
    /// True if it is counted on the wire, which only tier `isolated` records.
    #[must_use]
    pub fn needs_frames(&self) -> bool {
        !matches!(self, Self::Measured { .. })
    }
}

/// What an [`Observe`] may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownObserve;

impl fmt::Display for UnknownObserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("observe 只能是 frames、lost、retransmissions、handshakes、“measured:测量的名字”（最后一次）或“measured@1:测量的名字”（第一次）")
    }
}

impl FromStr for Observe {
    type Err = UnknownObserve;

    fn from_str(text: &str) -> Result<Self, UnknownObserve> {
        match text {
            "frames" => Ok(Self::Frames),
            "lost" => Ok(Self::Lost),
            "retransmissions" => Ok(Self::Retransmissions),
            "handshakes" => Ok(Self::Handshakes),
            _ => measured(text).ok_or(UnknownObserve),
        }
    }
}

fn measured(text: &str) -> Option<Observe> {
    let (kind, label) = text.split_once(':')?;
    let time = match kind.strip_prefix("measured")? {
        "" => None,
        time => Some(time.strip_prefix('@')?.parse().ok()?),
    };
    let label = label.trim().to_owned();
    (!label.is_empty()).then_some(Observe::Measured { label, time })
}

impl TryFrom<String> for Observe {
    type Error = UnknownObserve;

    fn try_from(text: String) -> Result<Self, UnknownObserve> {
        text.parse()
    }
}

impl From<Observe> for String {
    fn from(observe: Observe) -> Self {
        observe.to_string()
    }
}

impl fmt::Display for Observe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frames => f.write_str("frames"),
            Self::Lost => f.write_str("lost"),
            Self::Retransmissions => f.write_str("retransmissions"),
            Self::Handshakes => f.write_str("handshakes"),
            Self::Measured { label, time: None } => write!(f, "measured:{label}"),
            Self::Measured { label, time: Some(time) } => write!(f, "measured@{time}:{label}"),
        }
    }
}

/// What the reader answers: the body of `POST /quiz/{part}/{chapter}/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// Options as shown, from 0.
    Chosen(Vec<u32>),
    Text(String),
    /// Items as shown, from 0, in the order the reader gave them.
    Order(Vec<u32>),
    Number(f64),
    /// The reader wants to be told.
    Reveal,
}

/// What the server says to an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub right: bool,
    /// To a wrong answer: how far it is from the right one, a Chinese sentence; may be empty.
    pub hint: String,
    /// After a right answer, or when asked for.
    pub told: Option<Told>,
}

/// The answer and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Safe HTML.
    pub explain: String,
    pub answer: Answer,
}

/// The right answer, in the terms of [`Given`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Chosen(Vec<u32>),
    /// The first of those accepted.
    Text(String),
    Order(Vec<u32>),
    Number(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observe_is_text() {
        for text in
            ["frames", "lost", "retransmissions", "handshakes", "measured:收到的回答", "measured@2:比:值"]
        {
            assert_eq!(text.parse::<Observe>().unwrap().to_string(), text);
        }
        for text in ["measured:", "measured@0:x", "measured@:x", "measured@1", "measured2:x"] {
            assert_eq!(text.parse::<Observe>(), Err(UnknownObserve), "{text}");
        }
        assert_eq!("acks".parse::<Observe>(), Err(UnknownObserve));
        assert!(serde_json::from_str::<Observe>("\"acks\"").unwrap_err().to_string().contains("measured"));
    }

    #[test]
    fn an_answer_is_short_json() {
        assert_eq!(serde_json::to_string(&Given::Chosen(vec![1])).unwrap(), r#"{"chosen":[1]}"#);
        assert_eq!(serde_json::to_string(&Given::Reveal).unwrap(), r#""reveal""#);
    }
}
