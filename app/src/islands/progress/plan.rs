//! What there is to do in a chapter, and how much of it is done.

use super::record::Record;
use serde::{Deserialize, Serialize};

/// A chapter as progress sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `guide/tcp`
    pub chapter: String,
    /// `2 TCP 编程`
    pub title: String,
    /// Ids of its second-level headings.
    pub sections: Vec<String>,
    /// Slugs of its labs, each once.
    pub labs: Vec<String>,
    /// Ids of its questions.
    pub quizzes: Vec<String>,
}

/// Done, and how many there are.
pub type Share = (usize, usize);

/// Of one chapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub sections: Share,
    pub labs: Share,
    pub quizzes: Share,
}

/// For the mark beside a chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    None,
    Begun,
    Done,
}

impl Plan {
    /// Only what is still in the book counts.
    #[must_use]
    pub fn count(&self, record: &Record) -> Count {
        let chapter = record.chapters.get(&self.chapter);
        let read = |id: &&String| chapter.is_some_and(|chapter| chapter.sections.contains(*id));
        let solved = |id: &&String| record.is_solved(&self.chapter, id);
        Count {
            sections: (self.sections.iter().filter(read).count(), self.sections.len()),
            labs: (self.labs.iter().filter(|lab| record.labs.contains(*lab)).count(), self.labs.len()),
            quizzes: (self.quizzes.iter().filter(solved).count(), self.quizzes.len()),
        }
    }
}

impl Count {
    #[must_use]
    pub fn mark(&self) -> Mark {
        let done = self.sections.0 + self.labs.0 + self.quizzes.0;
        match self.sections.1 + self.labs.1 + self.quizzes.1 {
            _ if done == 0 => Mark::None,
            all if done == all => Mark::Done,
            _ => Mark::Begun,
        }
    }

    /// `读过 2/4 节，跑过 1/2 个实验，答对 3/6 题`; without what there is none of.
    #[must_use]
    pub fn sentence(&self) -> String {
        let parts =
            [("读过", self.sections, "节"), ("跑过", self.labs, "个实验"), ("答对", self.quizzes, "题")];
        let parts = parts.iter().filter(|(_, (_, all), _)| *all > 0);
        parts
            .map(|(verb, (done, all), unit)| format!("{verb} {done}/{all} {unit}"))
            .collect::<Vec<_>>()
            .join("，")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_the_book_counts() {
        let plan = Plan {
            chapter: "guide/tcp".into(),
            title: "2 TCP 编程".into(),
            sections: vec!["server".into(), "client".into()],
            labs: vec!["tcp-echo".into()],
            quizzes: Vec::new(),
        };
        let mut record = Record::default();
        assert_eq!(plan.count(&record).mark(), Mark::None);
        record.read("guide/tcp", "gone");
        record.ran("udp-echo");
        assert_eq!(plan.count(&record).mark(), Mark::None);
        record.read("guide/tcp", "server");
        assert_eq!(plan.count(&record).mark(), Mark::Begun);
        assert_eq!(plan.count(&record).sentence(), "读过 1/2 节，跑过 0/1 个实验");
        record.read("guide/tcp", "client");
        record.ran("tcp-echo");
        assert_eq!(plan.count(&record).mark(), Mark::Done);
        assert_eq!(Plan::default().count(&record).mark(), Mark::None);
    }
}
