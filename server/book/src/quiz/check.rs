//! What an author wrote → a [`Question`], or what is wrong with it.

use super::inline;
use super::question::{Kind, Question, shuffle};
use crate::chapter::World;
use crate::lab_block::{self, Mistake, line_with};
use crate::links::{self, Link};
use api::quiz::Prediction;
use serde::Deserialize;
use toml::{Table, Value};

/// A file, or the part of it that holds one question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) question: Vec<Raw>,
}

/// A question as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) id: String,
    kind: RawKind,
    ask: String,
    explain: String,
    options: Option<Vec<Value>>,
    answer: Option<Value>,
    accept: Option<Vec<String>>,
    lab: Option<String>,
    params: Option<Table>,
    line: Option<Table>,
    seed: Option<u64>,
    observe: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Single,
    Several,
    Short,
    Order,
    Predict,
}

/// Where a question stands, and what it may refer to.
pub(crate) struct Source<'a, 'w> {
    pub(crate) world: &'a World<'w>,
    /// Path of the chapter below `content/`.
    pub(crate) chapter: &'a str,
    pub(crate) file: &'a str,
    /// Lines above `block`.
    pub(crate) start: usize,
    pub(crate) block: &'a str,
    pub(crate) links: &'a mut Vec<Link>,
}

impl Source<'_, '_> {
    /// Checks everything, so that an author sees all mistakes at once.
    pub(crate) fn question(&mut self, raw: Raw) -> Result<Question, (Mistake, Vec<Mistake>)> {
        let mut mistakes = Vec::new();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if raw.id.is_empty() || !raw.id.chars().all(fits) || raw.id.starts_with('-') || raw.id.ends_with('-')
        {
            mistakes.push(self.at("id", format!("id“{}”应当由小写英文、数字和连字符组成", raw.id)));
        }
        self.refuse_strangers(&raw, &mut mistakes);
        let mut inline = |key: &str, text: &str| {
            self.inline(key, text).unwrap_or_else(|mistake| {
                mistakes.push(mistake);
                String::new()
            })
        };
        let (ask, explain) = (inline("ask", &raw.ask), inline("explain", &raw.explain));
        let kind = match raw.kind {
            RawKind::Single | RawKind::Several => self.choice(&raw),
            RawKind::Short => self.short(&raw),
            RawKind::Order => self.order(&raw),
            RawKind::Predict => self.predict(&raw),
        };
        let page = links::page_of(self.chapter).unwrap_or_default();
        let kind = match (kind, mistakes.is_empty()) {
            (Ok(kind), true) => kind,
            (Ok(_), false) => return Err((mistakes.remove(0), mistakes)),
            (Err(mistake), _) => return Err((mistake, mistakes)),
        };
        Ok(Question {
            chapter: page.trim_start_matches('/').to_owned(),
            id: raw.id,
            ask,
            explain,
            kind,
            line: u32::try_from(self.start + 1).unwrap_or(u32::MAX),
        })
    }

    fn at(&self, key: &str, message: impl Into<String>) -> Mistake {
        (line_with(self.block, key), message.into())
    }

    fn inline(&mut self, key: &str, text: &str) -> Result<String, Mistake> {
        let offset = line_with(self.block, key);
        inline::html(self.chapter, self.file, self.start + offset + 1, text, self.links)
            .map_err(|message| (offset, format!("{key} {message}")))
    }

    /// Keys that another kind of question has.
    fn refuse_strangers(&self, raw: &Raw, mistakes: &mut Vec<Mistake>) {
        use RawKind as K;
        let given = [
            ("options", raw.options.is_some(), raw.kind != K::Short),
            ("answer", raw.answer.is_some(), !matches!(raw.kind, K::Short | K::Order)),
            ("accept", raw.accept.is_some(), raw.kind == K::Short),
            ("lab", raw.lab.is_some(), raw.kind == K::Predict),
            ("params", raw.params.is_some(), raw.kind == K::Predict),
            ("line", raw.line.is_some(), raw.kind == K::Predict),
            ("seed", raw.seed.is_some(), raw.kind == K::Predict),
            ("observe", raw.observe.is_some(), raw.kind == K::Predict),
        ];
        for (key, present, allowed) in given {
            if present && !allowed {
                let name = format!("{:?}", raw.kind).to_lowercase();
                mistakes.push(self.at(key, format!("{name} 题没有 {key} 这一项")));
            }
        }
    }

    /// Options of `single`, `several` and `order`, rendered; at least two, none twice.
    fn options(&mut self, raw: &Raw) -> Result<Vec<String>, Mistake> {
        let options = raw.options.as_deref().unwrap_or_default();
        if options.len() < 2 {
            return Err(self.at("options", "options 至少要有两项"));
        }
        let mut rendered = Vec::new();
        for option in options {
            let Value::String(text) = option else {
                return Err(self.at("options", format!("options 的每一项都应当是文字，而不是 {option}")));
            };
            let html = self.inline("options", text)?;
            if rendered.contains(&html) {
                return Err(self.at("options", format!("options 里“{text}”出现了两次")));
            }
            rendered.push(html);
        }
        Ok(rendered)
    }

    fn choice(&mut self, raw: &Raw) -> Result<Kind, Mistake> {
        let options = self.options(raw)?;
        let Some(Value::Array(answers)) = &raw.answer else {
            return Err(self.at("answer", "answer 应当是选项的序号，从 1 数起，例如 answer = [2]"));
        };
        let mut answer = Vec::new();
        for number in answers {
            let index = number.as_integer().and_then(|number| u32::try_from(number.checked_sub(1)?).ok());
            match index {
                Some(index) if (index as usize) < options.len() && !answer.contains(&index) => {
                    answer.push(index);
                }
                _ => {
                    let message =
                        format!("answer 里的 {number} 不对：序号从 1 到 {}，每个至多一次", options.len());
                    return Err(self.at("answer", message));
                }
            }
        }
        answer.sort_unstable();
        match (raw.kind, answer.as_slice()) {
            (_, []) => Err(self.at("answer", "answer 是空的")),
            (RawKind::Single, [answer]) => Ok(Kind::Single { answer: *answer, options }),
            (RawKind::Single, _) => Err(self.at("answer", "single 题只有一个答案；有几个就用 several")),
            _ => Ok(Kind::Several { options, answer }),
        }
    }

    fn short(&mut self, raw: &Raw) -> Result<Kind, Mistake> {
        let accept = raw.accept.clone().unwrap_or_default();
        if accept.is_empty() || accept.iter().any(|text| text.trim().is_empty()) {
            return Err(self.at("accept", "accept 要写出算对的答案，至少一个，不能是空的"));
        }
        Ok(Kind::Short { accept })
    }

    fn order(&mut self, raw: &Raw) -> Result<Kind, Mistake> {
        let items = self.options(raw)?;
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Ok(Kind::Order { shown: shuffle(count, self.chapter, &raw.id), items })
    }

    fn predict(&mut self, raw: &Raw) -> Result<Kind, Mistake> {
        let missing = |key: &str| (0, format!("predict 题缺少 {key}"));
        let slug = raw.lab.as_deref().ok_or_else(|| missing("lab"))?;
        let info = self.world.infos.iter().find(|info| info.slug == slug);
        let info = info.ok_or_else(|| self.at("lab", format!("没有名为“{slug}”的实验")))?;
        let params = serde_json::to_value(raw.params.clone().unwrap_or_default())
            .map_err(|error| self.at("params", format!("params 无法转成 JSON：{error}")))?;
        self.world.labs.check(slug, &params).map_err(|invalid| {
            let own = invalid.field.rsplit('.').next().unwrap_or_default();
            let line = line_with(self.block, own).max(line_with(self.block, "params"));
            (line, format!("参数 {}：{}", invalid.field, invalid.message))
        })?;
        let lines = raw.line.clone().map(|lines| lab_block::parse_lines(info, lines, self.block)).transpose();
        let lines = lines.map_err(|(line, message)| (line.max(line_with(self.block, "line")), message))?;
        let seed = raw.seed.ok_or_else(|| missing("seed"))?;
        let observe = raw.observe.as_deref().ok_or_else(|| missing("observe"))?;
        let observe = observe.parse().map_err(|error| self.at("observe", format!("{error}")))?;
        let options: Option<Vec<f64>> = raw.options.iter().flatten().map(number).collect();
        let options = options.ok_or_else(|| self.at("options", "predict 题的 options 应当都是数"))?;
        let answer = raw.answer.as_ref().ok_or_else(|| missing("answer"))?;
        let answer = number(answer).ok_or_else(|| self.at("answer", "predict 题的 answer 应当是一个数"))?;
        if !options.is_empty() && !options.contains(&answer) {
            return Err(self.at("answer", "answer 不在 options 里"));
        }
        let run = Prediction { lab: slug.to_owned(), params, lines, seed, observe, options };
        Ok(Kind::Predict { run, answer })
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) if number.is_finite() => Some(*number),
        _ => None,
    }
}
