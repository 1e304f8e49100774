//! `<chapter>.quiz.toml`: the questions of a chapter, placed in it by ```` ```quiz id ````.
//!
//! ```toml
//! [[question]]
//! id = "who-wakes"            # kebab-case, unique in the chapter
//! kind = "single"             # single | several | short | order | predict
//! ask = "……？"                # inline Markdown, as are options and explain
//! options = ["…", "…"]        # single, several: as shown; order: the items in their right order
//! answer = [2]                # single, several: from 1
//! accept = ["EADDRINUSE"]     # short: any of these; case and width of letters do not matter
//! explain = "……"
//!
//! [[question]]
//! id = "retransmissions"
//! kind = "predict"            # the reader commits to a number, a real run decides
//! ask = "……？"
//! lab = "tcp-echo"
//! params = { rounds = 2 }     # optional
//! line = { client = { up = { loss_percent = 20 } } } # optional; beside up and down: both directions
//! seed = 3
//! observe = "retransmissions" # frames | lost | retransmissions | handshakes | measured:<label> (last time) | measured@1:<label>
//! options = [0, 1, 2]         # optional: the numbers to choose from
//! answer = 2                  # a test runs the lab and compares
//! explain = "……"
//! ```

mod check;
mod inline;
mod question;

pub use question::{Kind, Question};

use crate::Problem;
use crate::chapter::World;
use crate::front_matter::{describe, line_of};
use crate::links::Link;
use std::cell::Cell;
use std::collections::BTreeMap;

/// What the name of such a file ends with, after the stem of its chapter's.
pub(crate) const SUFFIX: &str = ".quiz.toml";

const HEADER: &str = "[[question]]";

/// The questions beside one chapter.
#[derive(Default)]
pub(crate) struct Quiz {
    file: String,
    questions: BTreeMap<String, Placed>,
}

struct Placed {
    /// Line of its `[[question]]`, from 1.
    line: usize,
    /// Or its mistake, which has been reported.
    question: Result<Question, Problem>,
    used: Cell<bool>,
}

impl Placed {
    /// `start`: lines above it.
    fn new(start: usize, question: Result<Question, Problem>) -> Self {
        Self { line: start + 1, question, used: Cell::new(false) }
    }
}

impl Quiz {
    /// Reads a file. `chapter`: path of the chapter below `content/`.
    pub(crate) fn read(
        world: &World<'_>,
        chapter: &str,
        file: &str,
        text: &str,
        links: &mut Vec<Link>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut quiz = Self { file: file.to_owned(), questions: BTreeMap::new() };
        for (start, block) in blocks(text) {
            // Offsets count from the block's first line, lines of the file from 1.
            let mut report = |offset: usize, message: String| {
                let problem = Problem::new(file, start + offset + 1, message);
                problems.push(problem.clone());
                problem
            };
            let raw = match toml::from_str::<check::File>(block) {
                Ok(check::File { question }) => question,
                Err(error) => {
                    let problem = report(line_of(block, &error), describe(&error));
                    // Its id, if it can be seen: so that the chapter's block is not reported too.
                    if let Some(id) = id_in(block) {
                        let broken = Placed::new(start, Err(problem));
                        quiz.questions.entry(id.to_owned()).or_insert(broken);
                    }
                    continue;
                }
            };
            for raw in raw {
                let id = raw.id.clone();
                if let Some(other) = quiz.questions.get(&id) {
                    report(
                        crate::lab_block::line_with(block, "id"),
                        format!("题目“{id}”已经有了，在第 {} 行", other.line),
                    );
                    continue;
                }
                let mut source = check::Source { world, chapter, file, start, block, links };
                let question = match source.question(raw) {
                    Ok(question) => Ok(question),
                    Err((first, others)) => {
                        let first = report(first.0, first.1);
                        for (offset, message) in others {
                            report(offset, message);
                        }
                        Err(first)
                    }
                };
                quiz.questions.insert(id, Placed::new(start, question));
            }
        }
        quiz
    }

    /// The question a block in the chapter asks for, or its mistake, which is on record already.
    ///
    /// # Errors
    /// A Chinese sentence: there is none, or it stands elsewhere already.
    pub(crate) fn place(&self, id: &str) -> Result<&Result<Question, Problem>, String> {
        let Some(placed) = self.questions.get(id) else {
            let file = if self.file.is_empty() { "这一章旁边的 .quiz.toml" } else { &self.file };
            return Err(format!("{file} 里没有 id 为“{id}”的题目"));
        };
        if placed.used.replace(true) {
            return Err(format!("题目“{id}”在这一章里已经出现过一次"));
        }
        Ok(&placed.question)
    }

    /// Reports questions that stand nowhere in the chapter.
    pub(crate) fn finish(self, problems: &mut Vec<Problem>) {
        for (id, placed) in self.questions.iter().filter(|(_, placed)| !placed.used.get()) {
            let message = format!("题目“{id}”没有放进章节：请在正文里写 ```quiz {id}");
            problems.push(Problem::new(&self.file, placed.line, message));
        }
    }
}

/// The text of every question with the number of its first line, from 0; before them what stands above.
fn blocks(text: &str) -> Vec<(usize, &str)> {
    let mut blocks = Vec::new();
    let (mut begin, mut begin_line, mut offset) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim() == HEADER && offset > begin {
            blocks.push((begin_line, &text[begin..offset]));
            (begin, begin_line) = (offset, number);
        }
        offset += line.len();
    }
    blocks.push((begin_line, &text[begin..]));
    blocks
}

/// `id = "x"` as it stands in a block that is no valid TOML.
fn id_in(block: &str) -> Option<&str> {
    let value = block.lines().find_map(|line| line.trim().strip_prefix("id")?.trim_start().strip_prefix('='));
    value?.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_know_their_lines() {
        let text = "# 题\n\n[[question]]\nid = \"a\"\n[[question]]\nid = \"b\"\n";
        let starts: Vec<_> = blocks(text).into_iter().map(|(line, block)| (line, id_in(block))).collect();
        assert_eq!(starts, [(0, None), (2, Some("a")), (4, Some("b"))]);
        assert_eq!(blocks("[[question]]\nid = \"a\"").len(), 1);
    }
}
