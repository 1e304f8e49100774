//! `content/glossary.toml`: the terms of the book with their English names, sorted by these.
//!
//! ```toml
//! [[term]]
//! english = "backpressure"
//! chinese = "背压"
//! text = "……"                       # Markdown
//! see = "/guide/websocket#browser"  # optional: where the book explains it
//! ```

use crate::front_matter::{describe, line_of};
use crate::links::{self, Link};
use crate::{Problem, Term, markdown};
use comrak::{Arena, parse_document};
use serde::Deserialize;

pub(crate) const FILE: &str = "glossary.toml";
const HEADER: &str = "[[term]]";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    term: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    english: String,
    chinese: String,
    text: String,
    see: Option<String>,
}

/// Reads the file. `chapters`: the Markdown of every chapter, in which each term must occur.
pub(crate) fn read(
    text: &str,
    chapters: &[&str],
    found_links: &mut Vec<Link>,
    problems: &mut Vec<Problem>,
) -> Vec<Term> {
    let raw = match toml::from_str::<File>(text) {
        Ok(file) => file.term,
        Err(error) => {
            problems.push(Problem::new(FILE, 1 + line_of(text, &error), describe(&error)));
            return Vec::new();
        }
    };
    let headers = text.lines().enumerate().filter(|(_, line)| line.trim() == HEADER);
    let lines = headers.map(|(at, _)| at + 1).chain(std::iter::repeat(1));
    let mut terms: Vec<Term> = Vec::new();
    for (raw, line) in raw.into_iter().zip(lines) {
        let mut report = |message: String| problems.push(Problem::new(FILE, line, message));
        let Raw { english, chinese, text, see } = raw;
        if [&english, &chinese, &text].iter().any(|part| part.trim().is_empty()) {
            report("english、chinese 和 text 都要写".into());
            continue;
        }
        let id = id(&english);
        if let Some(twin) = terms.iter().find(|term| term.id == id || term.chinese == chinese) {
            report(format!("“{chinese}”（{english}）与“{}”（{}）重复", twin.chinese, twin.english));
            continue;
        }
        if let Some(last) = terms.last().filter(|last| last.english.to_lowercase() > english.to_lowercase()) {
            report(format!("按英文排序，{english} 应当在 {} 之前", last.english));
        }
        if !chapters.iter().any(|chapter| chapter.contains(&chinese) || chapter.contains(&english)) {
            report(format!("书里没有用到“{chinese}”"));
        }
        if let Some(see) = &see {
            match links::address(FILE, see) {
                Some(target) => found_links.push(Link { file: FILE.into(), line, target }),
                None => report(format!("看不懂的链接“{see}”；应当像 /guide/tcp#server")),
            }
        }
        let arena = Arena::new();
        let html = markdown::html(parse_document(&arena, &text, &markdown::options()));
        terms.push(Term { id, english, chinese, html, see });
    }
    terms
}

/// `Head-of-line blocking` → `head-of-line-blocking`
fn id(english: &str) -> String {
    let words = english.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(english: &str, chinese: &str, rest: &str) -> String {
        format!("[[term]]\nenglish = \"{english}\"\nchinese = \"{chinese}\"\ntext = \"`甲`\"\n{rest}\n")
    }

    fn check(text: &str) -> (Vec<Term>, Vec<(u32, String)>, usize) {
        let (mut links, mut problems) = (Vec::new(), Vec::new());
        let terms = read(text, &["……背压……", "队头阻塞与 MTU"], &mut links, &mut problems);
        let problems = problems.into_iter().map(|problem| (problem.line, problem.message)).collect();
        (terms, problems, links.len())
    }

    #[test]
    fn a_good_glossary() {
        let text = [
            term("backpressure", "背压", "see = \"/guide/tcp#a\""),
            term("Head-of-line blocking", "队头阻塞", ""),
            term("MTU", "最大传输单元", ""), // by its English name
        ];
        let (terms, problems, links) = check(&text.concat());
        assert_eq!((problems.len(), links), (0, 1), "{problems:?}");
        assert_eq!(terms[1].id, "head-of-line-blocking");
        assert_eq!(terms[0].html, "<p><code>甲</code></p>\n");
    }

    #[test]
    fn mistakes_have_lines() {
        let text = [
            term("MTU", "最大传输单元", ""),
            term("backpressure", "背压", ""),
            term("mtu", "另一个", ""),
            term("zebra", "斑马", ""),
            term("zero", "", ""),
        ];
        let (terms, problems, _) = check(&text.concat());
        let found: Vec<_> = problems.iter().map(|(line, message)| (*line, message.as_str())).collect();
        assert_eq!(
            found,
            [
                (6, "按英文排序，backpressure 应当在 MTU 之前"),
                (11, "“另一个”（mtu）与“最大传输单元”（MTU）重复"),
                (16, "书里没有用到“斑马”"),
                (21, "english、chinese 和 text 都要写"),
            ]
        );
        assert_eq!(terms.len(), 3);
        let (_, problems, _) = check("[[term]]\nenglish = \"a\"\n");
        assert_eq!(problems.len(), 1);
    }
}
