//! What this device remembers: pure data, and how to read it from a text that anything may have written.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Raised when an older page could misread a newer record.
pub const VERSION: u16 = 1;
/// Longer texts are not read.
pub const MAX_BYTES: usize = 512 * 1024;
/// Chapters, labs, and sections or questions of a chapter that are kept.
const MAX_ENTRIES: usize = 500;
/// Longest name of any of them, bytes.
const MAX_NAME: usize = 200;

/// Sections read, labs run, questions answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: u16,
    /// By `guide/tcp`.
    #[serde(default)]
    pub chapters: BTreeMap<String, Chapter>,
    /// Labs that ran to their end here, by slug.
    #[serde(default)]
    pub labs: BTreeSet<String>,
}

/// One chapter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chapter {
    /// Sections read, by the id of their heading.
    pub sections: BTreeSet<String>,
    /// Questions answered, by id: true if right.
    pub quizzes: BTreeMap<String, bool>,
}

impl Default for Record {
    fn default() -> Self {
        Self { version: VERSION, chapters: BTreeMap::new(), labs: BTreeSet::new() }
    }
}

/// Why a text is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Garbage,
    /// A newer page wrote it; it must not be overwritten.
    Newer,
}

impl Record {
    /// Reads a record and cuts it to size.
    ///
    /// # Errors
    /// It is none, or a newer one.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            version: u64,
        }
        if text.len() > MAX_BYTES {
            return Err(Unreadable::Garbage);
        }
        let head: Head = serde_json::from_str(text).map_err(|_| Unreadable::Garbage)?;
        if head.version != u64::from(VERSION) {
            return Err(if head.version > u64::from(VERSION) {
                Unreadable::Newer
            } else {
                Unreadable::Garbage
            });
        }
        let mut record: Self = serde_json::from_str(text).map_err(|_| Unreadable::Garbage)?;
        record.cut();
        Ok(record)
    }

    /// For the storage and for a file.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Adds everything that another record has.
    pub fn merge(&mut self, other: Self) {
        self.labs.extend(other.labs);
        for (name, chapter) in other.chapters {
            let own = self.chapters.entry(name).or_default();
            own.sections.extend(chapter.sections);
            for (id, right) in chapter.quizzes {
                *own.quizzes.entry(id).or_default() |= right;
            }
        }
        self.cut();
    }

    pub fn read(&mut self, chapter: &str, section: &str) {
        self.chapter(chapter).sections.insert(section.to_owned());
    }

    pub fn ran(&mut self, lab: &str) {
        self.labs.insert(lab.to_owned());
    }

    /// Once right, always right.
    pub fn answered(&mut self, chapter: &str, id: &str, right: bool) {
        *self.chapter(chapter).quizzes.entry(id.to_owned()).or_default() |= right;
    }

    #[must_use]
    pub fn is_solved(&self, chapter: &str, id: &str) -> bool {
        self.chapters.get(chapter).is_some_and(|chapter| chapter.quizzes.get(id) == Some(&true))
    }

    /// Forgets a chapter and the runs of its labs.
    pub fn forget(&mut self, chapter: &str, labs: &[String]) {
        self.chapters.remove(chapter);
        self.labs.retain(|lab| !labs.contains(lab));
    }

    fn chapter(&mut self, name: &str) -> &mut Chapter {
        self.chapters.entry(name.to_owned()).or_default()
    }

    fn cut(&mut self) {
        fn keep(kept: &mut usize, name: &str) -> bool {
            let fits = name.len() <= MAX_NAME && *kept < MAX_ENTRIES;
            *kept += usize::from(fits);
            fits
        }
        let (mut chapters, mut labs) = (0, 0);
        self.chapters.retain(|name, _| keep(&mut chapters, name));
        self.labs.retain(|name| keep(&mut labs, name));
        for chapter in self.chapters.values_mut() {
            let (mut sections, mut quizzes) = (0, 0);
            chapter.sections.retain(|name| keep(&mut sections, name));
            chapter.quizzes.retain(|name, _| keep(&mut quizzes, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Record {
        let mut record = Record::default();
        record.read("guide/tcp", "server");
        record.ran("tcp-echo");
        record.answered("guide/tcp", "read", true);
        record.answered("guide/tcp", "close", false);
        record
    }

    #[test]
    fn a_record_survives_its_text() {
        assert_eq!(Record::parse(&some().text()), Ok(some()));
        assert_eq!(Record::parse("{\"version\":1}"), Ok(Record::default()));
        assert_eq!(
            Record::parse("{\"version\":1,\"chapters\":{\"a\":{}},\"more\":2}").unwrap().chapters.len(),
            1
        );
    }

    #[test]
    fn garbage_is_nothing_and_the_future_is_left_alone() {
        for text in ["", "null", "[]", "{}", "{\"version\":0}", "{\"version\":1,\"labs\":7}", "\u{0}"] {
            assert_eq!(Record::parse(text), Err(Unreadable::Garbage), "{text}");
        }
        assert_eq!(Record::parse("{\"version\":2,\"labs\":7}"), Err(Unreadable::Newer));
        let long = format!("{{\"version\":1,\"labs\":[\"{}\"]}}", "x".repeat(MAX_BYTES));
        assert_eq!(Record::parse(&long), Err(Unreadable::Garbage));
    }

    #[test]
    fn what_is_too_much_is_cut() {
        let names: Vec<String> = (0..2000).map(|number| format!("\"lab-{number}\"")).collect();
        let text =
            format!("{{\"version\":1,\"labs\":[{},\"{}\"]}}", names.join(","), "x".repeat(MAX_NAME + 1));
        let record = Record::parse(&text).unwrap();
        assert_eq!(record.labs.len(), MAX_ENTRIES);
        assert!(record.labs.iter().all(|lab| lab.len() <= MAX_NAME));
    }

    #[test]
    fn right_stays_right() {
        let mut record = some();
        record.answered("guide/tcp", "read", false);
        assert!(record.is_solved("guide/tcp", "read") && !record.is_solved("guide/tcp", "close"));
        let mut other = Record::default();
        other.answered("guide/tcp", "close", true);
        other.answered("guide/tcp", "read", false);
        record.merge(other);
        assert!(record.is_solved("guide/tcp", "read") && record.is_solved("guide/tcp", "close"));
        assert!(record.labs.contains("tcp-echo"));
    }

    #[test]
    fn a_chapter_is_forgotten_with_its_labs() {
        let mut record = some();
        record.ran("udp-echo");
        record.forget("guide/tcp", &["tcp-echo".into()]);
        assert!(record.chapters.is_empty());
        assert_eq!(record.labs.iter().collect::<Vec<_>>(), ["udp-echo"]);
    }
}
