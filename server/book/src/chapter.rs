//! One Markdown file → a chapter.

use crate::front_matter::{self, number};
use crate::links::{self, Link};
use crate::markdown::{self, html};
use crate::quiz::Quiz;
use crate::{
    Chapter, CodeBlock, Correction, Cut, Heading, Labs, Listing, PEERS, PartId, Problem, Question, Segment,
    Widget, correction, cut, highlight, lab_block,
};
use api::lab::LabInfo;
use comrak::nodes::{AstNode, Attributes, NodeValue};
use comrak::{Anchorizer, Arena, parse_document};
use std::collections::{BTreeMap, BTreeSet};

/// What a chapter may refer to.
pub(crate) struct World<'a> {
    pub(crate) labs: &'a dyn Labs,
    pub(crate) infos: &'a [LabInfo],
    pub(crate) listings: &'a BTreeMap<String, Listing>,
    /// Paths below `content/`.
    pub(crate) images: &'a BTreeSet<&'a str>,
}

/// Reads a chapter. `None` if it cannot be shown at all.
pub(crate) fn read(
    world: &World<'_>,
    part: PartId,
    file: &str,
    text: &str,
    quiz: &Quiz,
    links: &mut Vec<Link>,
    problems: &mut Vec<Problem>,
) -> Option<Chapter> {
    let Some((number_in_name, slug)) = file.rsplit('/').next().and_then(links::split_name) else {
        problems.push(Problem::new(file, 1, "文件名应当像 2-tcp.md：编号、连字符、小写英文名"));
        return None;
    };
    let (front, body) = match front_matter::split(file, text) {
        Ok(split) => split,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let mut reader = Reader {
        world,
        file,
        quiz,
        links,
        problems,
        headings: Vec::new(),
        last_number: Vec::new(),
        external: BTreeMap::new(),
        widgets: Vec::new(),
    };
    if front.number != number_in_name {
        reader.problem(1, format!("文件名里的编号是 {number_in_name}，number 却是 {}", front.number));
    }
    let segments = reader.segments(&body, &front.number);
    let headings = reader.headings;
    Some(Chapter {
        part,
        slug: slug.to_owned(),
        file: file.to_owned(),
        number: front.number,
        title: front.title,
        summary: front.summary,
        headings,
        segments,
    })
}

struct Reader<'a, 'w> {
    world: &'a World<'w>,
    file: &'a str,
    quiz: &'a Quiz,
    links: &'a mut Vec<Link>,
    problems: &'a mut Vec<Problem>,
    headings: Vec<Heading>,
    /// Number of the last numbered heading.
    last_number: Vec<u32>,
    /// Those placed so far.
    widgets: Vec<Widget>,
    /// Links that leave the site, with their lines.
    external: BTreeMap<String, usize>,
}

impl Reader<'_, '_> {
    fn problem(&mut self, line: usize, message: impl Into<String>) -> Problem {
        let problem = Problem::new(self.file, line, message);
        self.problems.push(problem.clone());
        problem
    }

    fn segments(&mut self, body: &str, chapter_number: &str) -> Vec<Segment> {
        let arena = Arena::new();
        let root = parse_document(&arena, body, &markdown::options());
        self.prepare(root, chapter_number);
        let mut segments = Vec::new();
        let mut prose = String::new();
        // Footnotes stand at the end of the document and are drawn as one list.
        let footnotes: &AstNode<'_> = arena.alloc(NodeValue::Document.into());
        for node in root.children().collect::<Vec<_>>() {
            if matches!(node.data().value, NodeValue::FootnoteDefinition(_)) {
                node.detach();
                footnotes.append(node);
            } else if let Some(segment) = self.block(node) {
                flush(&mut prose, &mut segments);
                segments.push(segment);
            } else {
                prose.push_str(&html(node));
            }
        }
        prose.push_str(&html(footnotes));
        flush(&mut prose, &mut segments);
        segments
    }

    /// Sets ids, rewrites addresses and reports what is wrong with headings, links and images.
    fn prepare<'b>(&mut self, root: &'b AstNode<'b>, chapter_number: &str) {
        for node in root.descendants() {
            let line = node.data().sourcepos.start.line;
            let value = node.data().value.clone();
            match value {
                NodeValue::Heading(heading) => self.heading(node, line, heading.level, chapter_number),
                NodeValue::Link(link) if !links::is_external(&link.url) => {
                    if let Some(target) = links::address(self.file, &link.url) {
                        self.links.push(Link { file: self.file.to_owned(), line, target: target.clone() });
                        if let NodeValue::Link(ref mut link) = node.data_mut().value {
                            link.url = target;
                        }
                    } else {
                        self.problem(line, format!("看不懂的链接“{}”", link.url));
                    }
                }
                NodeValue::Link(link) => self.external(line, link.url),
                NodeValue::Image(image) => self.image(node, line, &image.url),
                NodeValue::HtmlBlock(_) | NodeValue::HtmlInline(_) => {
                    self.problem(line, "正文里的 HTML 会原样显示成文字，请改用 Markdown");
                }
                NodeValue::CodeBlock(block)
                    if is_special(&block.info)
                        && node
                            .parent()
                            .is_some_and(|parent| !matches!(parent.data().value, NodeValue::Document)) =>
                {
                    self.problem(
                        line,
                        "实验、互动、peer、题目、勘误和 include 只能放在最外层，不能放进列表或引用",
                    );
                }
                _ => {}
            }
        }
    }

    /// A link that leaves the site: in good form, and once in a chapter.
    fn external(&mut self, line: usize, url: String) {
        if let Some(mistake) = links::external_mistake(&url) {
            self.problem(line, format!("{mistake}：{url}"));
        }
        if let Some(first) = self.external.insert(url.clone(), line) {
            self.problem(line, format!("{url} 在第 {first} 行已经链接过"));
        }
    }

    fn heading<'b>(&mut self, node: &'b AstNode<'b>, line: usize, level: u8, chapter_number: &str) {
        let text = markdown::text(node);
        if level == 1 {
            self.problem(line, "一级标题由 front matter 的 title 给出，正文从 ## 开始");
        }
        let before = self.headings.last().map_or(1, |heading| heading.level);
        if level > before + 1 {
            self.problem(line, format!("标题越级：{before} 级之后是 {level} 级"));
        }
        if node.descendants().any(|child| matches!(child.data().value, NodeValue::Link(_))) {
            self.problem(line, "标题里不能有链接");
        }
        let (numeral, title) = text.split_once(' ').unwrap_or(("", &text));
        let title = match number(numeral) {
            Some(own) if level == 2 || level == 3 => {
                if !numeral.starts_with(&format!("{chapter_number}.")) || own <= self.last_number {
                    self.problem(line, format!("标题编号 {numeral} 不在顺序里（这一章是 {chapter_number}）"));
                }
                self.last_number = own;
                title
            }
            _ => text.as_str(),
        };
        let id = match &node.data().attrs {
            Some(attributes) if attributes.id.is_some() => attributes.id.clone().unwrap_or_default(),
            _ => Anchorizer::new().anchorize(title),
        };
        if self.headings.iter().any(|heading| heading.id == id) {
            self.problem(line, format!("标题 id“{id}”重复，请写成 ## {title} {{#另一个-id}}"));
        }
        node.data_mut().attrs = Some(Box::new(Attributes { id: Some(id.clone()), ..Attributes::default() }));
        self.headings.push(Heading { level, id, text });
    }

    fn image<'b>(&mut self, node: &'b AstNode<'b>, line: usize, url: &str) {
        if markdown::text(node).trim().is_empty() {
            self.problem(line, "图片缺少替代文字：![这里写图上有什么](…)");
        }
        let path = match url.strip_prefix('/') {
            Some(path) => Some(path.to_owned()),
            None => links::resolve(self.file, url),
        };
        match path {
            Some(path) if self.world.images.contains(path.as_str()) => {
                if let NodeValue::Image(ref mut image) = node.data_mut().value {
                    image.url = format!("/{path}");
                }
            }
            _ => {
                self.problem(line, format!("找不到图片“{url}”；图片放在 content/images/ 里"));
            }
        }
    }

    /// A top-level block that is not prose.
    fn block<'b>(&mut self, node: &'b AstNode<'b>) -> Option<Segment> {
        let line = node.data().sourcepos.start.line;
        let NodeValue::CodeBlock(block) = node.data().value.clone() else { return None };
        let mut words = block.info.split_whitespace();
        let kind = words.next().unwrap_or("");
        let result = match kind {
            "lab" => self.lab(words.next().unwrap_or(""), &block.literal),
            "widget" => self.widget(words.next().unwrap_or(""), &block.literal),
            "peer" => peer(words.next().unwrap_or(""), &block.literal),
            "勘误" | "correction" => self.correction(&block.literal),
            "quiz" => match self.question(words.next().unwrap_or(""), &block.literal) {
                Ok(Ok(question)) => Ok(Segment::Quiz(Box::new(question))),
                Ok(Err(problem)) => Ok(Segment::Problem(problem)),
                Err(mistake) => Err(mistake),
            },
            _ => match words.find_map(|word| word.strip_prefix("include=")) {
                Some(source) => self.include(kind, source, &block.literal),
                None => Ok(Segment::Code(CodeBlock {
                    lang: kind.to_owned(),
                    lines: highlight::lines(&block.literal, kind),
                    cut: None,
                })),
            },
        };
        Some(result.unwrap_or_else(|(offset, message)| {
            // Offsets count from the first line of the body; the fence itself stands before it.
            let at = if block.literal.is_empty() { line } else { line + 1 + offset };
            Segment::Problem(self.problem(at, message))
        }))
    }

    fn lab(&mut self, slug: &str, body: &str) -> Result<Segment, lab_block::Mistake> {
        let Some(info) = self.world.infos.iter().find(|info| info.slug == slug) else {
            return Err((0, format!("没有名为“{slug}”的实验")));
        };
        lab_block::parse(info, self.world.labs, body).map(Segment::Lab)
    }

    fn widget(&mut self, slug: &str, body: &str) -> Result<Segment, lab_block::Mistake> {
        let Some(widget) = Widget::ALL.into_iter().find(|widget| widget.slug() == slug) else {
            let known = Widget::ALL.map(Widget::slug).join("、");
            return Err((0, format!("没有名为“{slug}”的互动；可用的有 {known}")));
        };
        if !body.trim().is_empty() {
            return Err((0, "widget 块里不要写内容".into()));
        }
        // Its elements have ids.
        if self.widgets.contains(&widget) {
            return Err((0, format!("互动 {slug} 在这一章里已经有了")));
        }
        self.widgets.push(widget);
        Ok(Segment::Widget(widget))
    }

    /// A question, or its mistake, which is reported in its own file.
    fn question(&self, id: &str, body: &str) -> Result<Result<Question, Problem>, lab_block::Mistake> {
        if !body.trim().is_empty() {
            return Err((0, "quiz 块里不要写内容：题目写在同名的 .quiz.toml 里".into()));
        }
        self.quiz.place(id).cloned().map_err(|message| (0, message))
    }

    fn correction(&mut self, body: &str) -> Result<Segment, lab_block::Mistake> {
        let parsed = correction::parse(body)?;
        let mut fragment = |text: &str| {
            let arena = Arena::new();
            let root = parse_document(&arena, text, &markdown::options());
            if let Some(node) =
                root.descendants().find(|node| matches!(node.data().value, NodeValue::Heading(_)))
            {
                return Err((node.data().sourcepos.start.line, "勘误里不能有标题".to_owned()));
            }
            self.prepare(root, "");
            Ok(html(root))
        };
        Ok(Segment::Correction(Correction {
            said: fragment(&parsed.said)?,
            holds: fragment(&parsed.holds)?,
            proof: fragment(&parsed.proof)?,
        }))
    }

    /// `tcp_echo.rs#server`
    fn include(&mut self, lang: &str, source: &str, body: &str) -> Result<Segment, lab_block::Mistake> {
        let (name, anchor) =
            source.split_once('#').map_or((source, None), |(name, anchor)| (name, Some(anchor)));
        if !body.trim().is_empty() {
            return Err((0, "有 include 的代码块里不要再写代码".into()));
        }
        let missing = || (0, format!("没有哪个实验的源文件叫“{name}”"));
        let info = self
            .world
            .infos
            .iter()
            .find(|info| info.file.rsplit('/').next() == Some(name) || info.file == name)
            .ok_or_else(missing)?;
        let listing = self.world.listings.get(&info.slug).ok_or_else(missing)?;
        let text = self.world.labs.source(&info.slug).ok_or_else(missing)?;
        let (first_line, lines) = match anchor {
            Some(anchor) => cut::cut(listing, text, anchor).ok_or_else(|| {
                (0, format!("{name} 里没有成对的 ANCHOR: {anchor} 与 ANCHOR_END: {anchor}"))
            })?,
            None => (1, listing.visible().map(|(_, html)| html.to_owned()).collect()),
        };
        Ok(Segment::Code(CodeBlock {
            lang: lang.to_owned(),
            lines,
            cut: Some(Cut {
                lab: info.slug.clone(),
                file: info.file.clone(),
                anchor: anchor.map(ToOwned::to_owned),
                first_line,
            }),
        }))
    }
}

/// ```` ```peer ws-echo ````
fn peer(slug: &str, body: &str) -> Result<Segment, lab_block::Mistake> {
    if !PEERS.contains(&slug) {
        return Err((0, format!("peer 只能是以下之一：{}", PEERS.join("、"))));
    }
    if !body.trim().is_empty() {
        return Err((0, "peer 块没有参数".into()));
    }
    Ok(Segment::Peer { slug: slug.to_owned() })
}

fn is_special(info: &str) -> bool {
    matches!(info.split_whitespace().next(), Some("lab" | "widget" | "peer" | "quiz" | "勘误" | "correction"))
        || info.contains("include=")
}

fn flush(prose: &mut String, segments: &mut Vec<Segment>) {
    if !prose.trim().is_empty() {
        segments.push(Segment::Prose { html: std::mem::take(prose) });
    }
    prose.clear();
}
