//! The TOML between two `+++` lines at the top of a chapter.

use crate::Problem;
use serde::Deserialize;

/// What a chapter says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrontMatter {
    pub(crate) title: String,
    /// `2`, `1.1`
    pub(crate) number: String,
    pub(crate) summary: String,
}

/// Splits a chapter into its front matter and its Markdown. The Markdown keeps its line numbers:
/// the front matter is replaced by empty lines.
pub(crate) fn split(file: &str, text: &str) -> Result<(FrontMatter, String), Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some("+++") {
        return Err(Problem::new(
            file,
            1,
            "文件应当以 +++ 开头，写明 title、number 和 summary，再以 +++ 结束",
        ));
    }
    let Some(length) = lines.position(|line| line.trim_end() == "+++") else {
        return Err(Problem::new(file, 1, "front matter 没有结束：缺少第二个 +++"));
    };
    let front: String = text.lines().skip(1).take(length).flat_map(|line| [line, "\n"]).collect();
    let front = toml::from_str::<FrontMatter>(&front)
        .map_err(|error| Problem::new(file, 2 + line_of(&front, &error), describe(&error)))?;
    if front.title.trim().is_empty() || front.summary.trim().is_empty() {
        return Err(Problem::new(file, 1, "title 和 summary 不能为空"));
    }
    if number(&front.number).is_none() {
        return Err(Problem::new(
            file,
            1,
            format!("number 应当是“2”或“1.1”这样的编号，而不是“{}”", front.number),
        ));
    }
    let mut body = "\n".repeat(length + 2);
    text.lines().skip(length + 2).for_each(|line| {
        body.push_str(line);
        body.push('\n');
    });
    Ok((front, body))
}

/// `1.10` → `[1, 10]`, so that 1.10 comes after 1.9.
pub(crate) fn number(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// Line of a TOML error within its text, from 0.
pub(crate) fn line_of(text: &str, error: &toml::de::Error) -> usize {
    let start = error.span().map_or(0, |span| span.start);
    text.get(..start).map_or(0, |before| before.matches('\n').count())
}

/// A TOML error in Chinese, with the parser's own words after it.
pub(crate) fn describe(error: &toml::de::Error) -> String {
    let message = error.message();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let (field, expected) = rest.split_once(", expected ").unwrap_or((rest, ""));
        return format!("不认识 {field}；可用的有 {}", expected.trim_start_matches("one of "));
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("缺少 {field}");
    }
    format!("TOML 写法有误：{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_keeps_its_lines() {
        let (front, body) =
            split("a.md", "+++\ntitle = \"甲\"\nnumber = \"2\"\nsummary = \"乙\"\n+++\n\n正文\n").unwrap();
        assert_eq!(front.title, "甲");
        assert_eq!(body.lines().nth(6), Some("正文"));
    }

    #[test]
    fn problems_name_their_line() {
        assert_eq!(split("a.md", "# 甲").unwrap_err().line, 1);
        assert_eq!(split("a.md", "+++\ntitle = \"甲\"").unwrap_err().line, 1);
        let unknown =
            split("a.md", "+++\ntitle = \"甲\"\nnumber = \"2\"\nsummary = \"乙\"\nauthor = \"丙\"\n+++\n")
                .unwrap_err();
        assert_eq!(unknown.line, 5);
        assert!(unknown.message.contains("author"), "{unknown}");
        let missing = split("a.md", "+++\ntitle = \"甲\"\nnumber = \"2\"\n+++\n").unwrap_err();
        assert!(missing.message.contains("summary"), "{missing}");
        let number =
            split("a.md", "+++\ntitle = \"甲\"\nnumber = \"二\"\nsummary = \"乙\"\n+++\n").unwrap_err();
        assert!(number.message.contains("编号"), "{number}");
    }

    #[test]
    fn numbers_compare_by_value() {
        assert!(number("1.10") > number("1.9"));
        assert_eq!(number("1."), None);
    }
}
