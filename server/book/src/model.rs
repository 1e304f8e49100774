//! The loaded book as plain data.

use api::line::Line;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything the pages show, complete and checked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Book {
    /// In the order of the table of contents.
    pub parts: Vec<Part>,
    /// Field notes by Wireshark's display-filter name.
    pub notes: BTreeMap<String, Note>,
    /// Sorted by their English names.
    pub glossary: Vec<Term>,
    /// Highlighted source of every lab, by slug.
    pub listings: BTreeMap<String, Listing>,
    /// Pictures by their path below `content/images/`.
    pub images: BTreeMap<String, Vec<u8>>,
}

/// A term of the glossary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Its anchor on `/glossary`: `head-of-line-blocking`.
    pub id: String,
    pub english: String,
    pub chinese: String,
    /// Safe HTML.
    pub html: String,
    /// Where the book explains it: `/guide/websocket#browser`.
    pub see: Option<String>,
}

/// The two halves of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartId {
    Guide,
    Reference,
}

impl PartId {
    pub const ALL: [Self; 2] = [Self::Guide, Self::Reference];

    /// First part of the link, and the folder below `content/`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Guide => "guide",
            Self::Reference => "reference",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    pub id: PartId,
    pub title: String,
    /// One Chinese sentence.
    pub summary: String,
    /// Written chapters, by number.
    pub chapters: Vec<Chapter>,
    /// Chapters announced in `content/book.toml` that have no file yet.
    pub planned: Vec<Planned>,
}

/// A chapter that is not written yet: shown in the table of contents as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub number: String,
    pub title: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chapter {
    pub part: PartId,
    /// File name without number and extension: `2-tcp.md` → `tcp`.
    pub slug: String,
    /// Path below `content/`.
    pub file: String,
    /// `2`, `1.1`
    pub number: String,
    pub title: String,
    /// One or two Chinese sentences; also the page's description.
    pub summary: String,
    /// All headings in their order.
    pub headings: Vec<Heading>,
    pub segments: Vec<Segment>,
}

impl Chapter {
    /// `/guide/tcp`
    #[must_use]
    pub fn path(&self) -> String {
        format!("/{}/{}", self.part.slug(), self.slug)
    }

    /// Its questions as they stand in it.
    pub fn questions(&self) -> impl Iterator<Item = &super::Question> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Quiz(question) => Some(&**question),
            _ => None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// 2 to 6.
    pub level: u8,
    pub id: String,
    /// Plain text.
    pub text: String,
}

/// What a `peer` block may name.
pub const PEERS: [&str; 4] = ["axum", "grpc", "ws-echo", "ws-chat"];

/// A stretch of a chapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "segment", rename_all = "snake_case")]
pub enum Segment {
    /// Safe HTML.
    Prose {
        html: String,
    },
    Lab(LabBlock),
    Code(CodeBlock),
    Correction(Correction),
    /// An interactive piece that runs in the reader's browser alone.
    Widget(Widget),
    /// The reader's own browser is one end, this server's endpoint `/peer/<slug>` the other: one of [`PEERS`].
    Peer {
        slug: String,
    },
    Quiz(Box<super::Question>),
    /// Something the author must mend, shown where it stands (development only).
    Problem(super::Problem),
}

/// What ```` ```widget <slug> ```` can place in a chapter, once. The pages draw every one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Widget {
    /// Reads an address as `std::net` does.
    AddrParse,
}

impl Widget {
    pub const ALL: [Self; 1] = [Self::AddrParse];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::AddrParse => "addr-parse",
        }
    }
}

/// A bench in a chapter: a lab with the settings this place wants.
///
/// The TOML in the block holds the lab's parameters and, beside them, `seed`, `views` and
/// `[lines.<host>]`: settings for both directions, or for one as in `up.loss_percent = 10`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabBlock {
    pub slug: String,
    /// What differs from the lab's defaults: a JSON object, checked.
    pub params: serde_json::Value,
    /// Absent: the lab's own lines.
    pub lines: Option<BTreeMap<String, Line>>,
    pub seed: Option<u64>,
    /// Names of the views to open with; empty: the bench decides.
    pub views: Vec<String>,
}

/// A code block, either written in the chapter or cut from a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeBlock {
    /// Language as written after the fence: `rust`; empty for plain text.
    pub lang: String,
    /// Highlighted, one entry a line.
    pub lines: Vec<String>,
    /// Set if the code was cut from a lab.
    pub cut: Option<Cut>,
}

/// Where a code block was cut from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    pub lab: String,
    /// Path from the root of the repository.
    pub file: String,
    pub anchor: Option<String>,
    /// Line of its first line in that file, from 1.
    pub first_line: u32,
}

/// 勘误: what an outline said, what holds, and how this page proves it. All three are safe HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub said: String,
    pub holds: String,
    pub proof: String,
}

/// The whole source of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Path from the root of the repository.
    pub file: String,
    /// Highlighted, one entry a line.
    pub lines: Vec<String>,
}

/// What a protocol field means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Chinese name of the field.
    pub name: String,
    /// Safe HTML.
    pub html: String,
    /// `RFC 9293 §3.1`; may be empty.
    pub rfc: String,
}

impl Book {
    #[must_use]
    pub fn part(&self, id: PartId) -> Option<&Part> {
        self.parts.iter().find(|part| part.id == id)
    }

    #[must_use]
    pub fn chapter(&self, part: PartId, slug: &str) -> Option<&Chapter> {
        self.part(part)?.chapters.iter().find(|chapter| chapter.slug == slug)
    }

    /// A question by its chapter and id.
    #[must_use]
    pub fn question(&self, part: PartId, slug: &str, id: &str) -> Option<&super::Question> {
        self.chapter(part, slug)?.questions().find(|question| question.id == id)
    }

    /// All written chapters from the first page to the last.
    pub fn chapters(&self) -> impl Iterator<Item = &Chapter> {
        self.parts.iter().flat_map(|part| &part.chapters)
    }

    /// The chapters before and after this one.
    #[must_use]
    pub fn neighbours(&self, chapter: &Chapter) -> (Option<&Chapter>, Option<&Chapter>) {
        let all: Vec<_> = self.chapters().collect();
        let Some(at) = all.iter().position(|other| other.file == chapter.file) else { return (None, None) };
        (at.checked_sub(1).and_then(|before| all.get(before).copied()), all.get(at + 1).copied())
    }

    /// Chapters that hold this lab.
    pub fn chapters_with<'a>(&'a self, lab: &'a str) -> impl Iterator<Item = &'a Chapter> {
        self.chapters().filter(move |chapter| {
            chapter.segments.iter().any(|segment| matches!(segment, Segment::Lab(block) if block.slug == lab))
        })
    }
}
