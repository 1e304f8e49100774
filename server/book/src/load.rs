//! `content/` → [`Book`], with everything that is wrong in it.

use crate::chapter::{self, World};
use crate::front_matter::{describe, line_of, number};
use crate::quiz::{self, Quiz};
use crate::{
    Book, Content, Labs, Listing, Part, PartId, Planned, Problem, Segment, cut, glossary, links, notes,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const BOOK_TOML: &str = "book.toml";

/// `content/book.toml`: the two parts and the chapters still to be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline {
    guide: PartOutline,
    reference: PartOutline,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartOutline {
    title: String,
    summary: String,
    #[serde(default)]
    planned: Vec<Planned>,
}

impl Book {
    /// Reads and checks the whole book. Mistakes leave out as little as possible: the rest can be read.
    ///
    /// # Errors
    /// Only if the files themselves cannot be read.
    pub fn load(content: &Content, labs: &dyn Labs) -> anyhow::Result<(Self, Vec<Problem>)> {
        let files = content.read()?;
        let mut problems = Vec::new();
        let infos = labs.infos();
        let images = files.keys().map(String::as_str).filter(|path| path.starts_with("images/")).collect();
        let listings: BTreeMap<String, Listing> = infos
            .iter()
            .filter_map(|info| Some((info.slug.clone(), cut::listing(&info.file, labs.source(&info.slug)?))))
            .collect();
        let world = World { labs, infos: &infos, listings: &listings, images: &images };
        let mut outline = outline(&files, &mut problems);
        let mut book = Self::default();
        let mut found_links = Vec::new();
        for id in PartId::ALL {
            let (title, summary, planned) = outline
                .remove(&id)
                .map_or_else(Default::default, |part| (part.title, part.summary, part.planned));
            let mut part = Part { id, title, summary, chapters: Vec::new(), planned };
            let folder = format!("{}/", id.slug());
            for (file, bytes) in files.iter().filter(|(file, _)| file.starts_with(&folder)) {
                let Some(text) = text_of(file, bytes, &mut problems) else { continue };
                if let Some(stem) = file.strip_suffix(quiz::SUFFIX) {
                    if !files.contains_key(&format!("{stem}.md")) {
                        problems.push(Problem::new(file, 1, format!("没有这些题目的章节 {stem}.md")));
                    }
                    continue;
                }
                let beside = format!("{}{}", file.trim_end_matches(".md"), quiz::SUFFIX);
                let quiz = files.get(&beside).and_then(|bytes| text_of(&beside, bytes, &mut problems));
                let quiz =
                    quiz.map(|text| Quiz::read(&world, file, &beside, text, &mut found_links, &mut problems));
                let quiz = quiz.unwrap_or_default();
                let read = chapter::read(&world, id, file, text, &quiz, &mut found_links, &mut problems);
                if read.is_some() {
                    quiz.finish(&mut problems);
                }
                part.chapters.extend(read);
            }
            part.chapters.sort_by_key(|chapter| number(&chapter.number));
            part.planned
                .retain(|planned| !part.chapters.iter().any(|chapter| chapter.number == planned.number));
            report_twins(&part, &mut problems);
            book.parts.push(part);
        }
        for (file, bytes) in files.iter().filter(|(file, _)| file.starts_with("notes/")) {
            if let Some(text) = text_of(file, bytes, &mut problems) {
                notes::read(file, text, &mut book.notes, &mut problems);
            }
        }
        if let Some(text) =
            files.get(glossary::FILE).and_then(|text| text_of(glossary::FILE, text, &mut problems))
        {
            let chapters: Vec<&str> = files
                .iter()
                .filter(|(file, _)| links::page_of(file).is_some())
                .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok())
                .collect();
            book.glossary = glossary::read(text, &chapters, &mut found_links, &mut problems);
        }
        let slugs: BTreeSet<String> = infos.iter().map(|info| info.slug.clone()).collect();
        links::check(&book, &slugs, &found_links, &mut problems);
        report_homeless_labs(&book, &slugs, &mut problems);
        book.images = files
            .iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix("images/")?.to_owned(), bytes.clone())))
            .collect();
        book.listings = listings;
        problems.sort();
        problems.dedup();
        Ok((book, problems))
    }
}

fn text_of<'a>(file: &str, bytes: &'a [u8], problems: &mut Vec<Problem>) -> Option<&'a str> {
    let text = std::str::from_utf8(bytes).ok();
    if text.is_none() {
        problems.push(Problem::new(file, 1, "不是 UTF-8 文本"));
    }
    text
}

fn outline(files: &crate::Files, problems: &mut Vec<Problem>) -> BTreeMap<PartId, PartOutline> {
    let text = files.get(BOOK_TOML).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
    match toml::from_str::<Outline>(&text) {
        Ok(Outline { guide, reference }) => {
            for planned in guide.planned.iter().chain(&reference.planned) {
                if number(&planned.number).is_none() {
                    let line = text.lines().position(|line| line.contains(&planned.title));
                    let message = format!("编号“{}”应当像“2”或“1.1”", planned.number);
                    problems.push(Problem::new(BOOK_TOML, line.map_or(1, |at| at + 1), message));
                }
            }
            BTreeMap::from([(PartId::Guide, guide), (PartId::Reference, reference)])
        }
        Err(error) => {
            problems.push(Problem::new(BOOK_TOML, 1 + line_of(&text, &error), describe(&error)));
            BTreeMap::new()
        }
    }
}

fn report_twins(part: &Part, problems: &mut Vec<Problem>) {
    for (at, chapter) in part.chapters.iter().enumerate() {
        for other in part.chapters.iter().take(at) {
            if other.number == chapter.number {
                let message = format!("编号 {} 已经属于 {}", chapter.number, other.file);
                problems.push(Problem::new(&chapter.file, 1, message));
            } else if other.slug == chapter.slug {
                problems.push(Problem::new(&chapter.file, 1, format!("地址与 {} 相同", other.file)));
            }
        }
    }
}

fn report_homeless_labs(book: &Book, slugs: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    let at_home: BTreeSet<&str> = book
        .chapters()
        .flat_map(|chapter| &chapter.segments)
        .filter_map(|segment| match segment {
            Segment::Lab(block) => Some(block.slug.as_str()),
            _ => None,
        })
        .collect();
    for slug in slugs.iter().filter(|slug| !at_home.contains(slug.as_str())) {
        problems.push(Problem::new(BOOK_TOML, 1, format!("实验 {slug} 没有出现在任何一章里")));
    }
}
