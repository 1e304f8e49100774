//! Source text → HTML with CSS classes, one string a line.

use std::cell::RefCell;
use std::sync::OnceLock;
use tree_sitter_highlight::{HighlightConfiguration, Highlighter, HtmlRenderer};

/// Capture names of the grammars' queries and the class each becomes. Names left out stay plain:
/// a page of code should be calm.
const CLASSES: [(&str, &str); 16] = [
    ("attribute", "class=\"hl-a\""),
    ("comment", "class=\"hl-c\""),
    ("constant", "class=\"hl-n\""),
    ("constant.builtin", "class=\"hl-n\""),
    ("constructor", "class=\"hl-t\""),
    ("escape", "class=\"hl-e\""),
    ("function", "class=\"hl-f\""),
    ("function.macro", "class=\"hl-m\""),
    ("keyword", "class=\"hl-k\""),
    ("label", "class=\"hl-a\""),
    ("number", "class=\"hl-n\""),
    ("property", "class=\"hl-p\""),
    ("string", "class=\"hl-s\""),
    ("string.special.key", "class=\"hl-p\""),
    ("type", "class=\"hl-t\""),
    ("type.builtin", "class=\"hl-t\""),
];

/// Highlights `source` written in `language` (`rust`, `bash`, `toml`, `json`; anything else stays plain).
/// Each returned line is HTML whose spans are balanced within the line, without a line feed.
#[must_use]
pub fn lines(source: &str, language: &str) -> Vec<String> {
    highlighted(source, language).unwrap_or_else(|| source.lines().map(escape).collect())
}

/// `source` as safe HTML text.
#[must_use]
pub fn escape(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for c in source.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

fn highlighted(source: &str, language: &str) -> Option<Vec<String>> {
    thread_local! {
        static HIGHLIGHTER: RefCell<Highlighter> = RefCell::new(Highlighter::new());
    }
    let grammar = grammar(language)?;
    HIGHLIGHTER.with_borrow_mut(|highlighter| {
        // Rust's macros hold Rust: the only injection that is followed.
        let inject = |name: &str| (name == "rust").then_some(grammar);
        let events = highlighter.highlight(grammar, source.as_bytes(), None, None, inject).ok()?;
        let mut renderer = HtmlRenderer::new();
        let class = |highlight: tree_sitter_highlight::Highlight, out: &mut Vec<u8>| {
            let (_, class) = CLASSES.get(highlight.0).copied().unwrap_or_default();
            out.extend_from_slice(class.as_bytes());
        };
        renderer.render(events, source.as_bytes(), &class).ok()?;
        Some(renderer.lines().map(|line| line.trim_end_matches(['\n', '\r']).to_owned()).collect())
    })
}

fn grammar(language: &str) -> Option<&'static HighlightConfiguration> {
    static RUST: OnceLock<Option<HighlightConfiguration>> = OnceLock::new();
    static BASH: OnceLock<Option<HighlightConfiguration>> = OnceLock::new();
    static TOML: OnceLock<Option<HighlightConfiguration>> = OnceLock::new();
    static JSON: OnceLock<Option<HighlightConfiguration>> = OnceLock::new();
    match language {
        "rust" | "rs" => RUST.get_or_init(|| {
            let injections = tree_sitter_rust::INJECTIONS_QUERY;
            let language = tree_sitter_rust::LANGUAGE.into();
            configured(HighlightConfiguration::new(
                language,
                "rust",
                tree_sitter_rust::HIGHLIGHTS_QUERY,
                injections,
                "",
            ))
        }),
        "bash" | "sh" | "console" => BASH.get_or_init(|| {
            let language = tree_sitter_bash::LANGUAGE.into();
            configured(HighlightConfiguration::new(
                language,
                "bash",
                tree_sitter_bash::HIGHLIGHT_QUERY,
                "",
                "",
            ))
        }),
        "toml" => TOML.get_or_init(|| {
            let language = tree_sitter_toml_ng::LANGUAGE.into();
            configured(HighlightConfiguration::new(
                language,
                "toml",
                tree_sitter_toml_ng::HIGHLIGHTS_QUERY,
                "",
                "",
            ))
        }),
        "json" => JSON.get_or_init(|| {
            let language = tree_sitter_json::LANGUAGE.into();
            configured(HighlightConfiguration::new(
                language,
                "json",
                tree_sitter_json::HIGHLIGHTS_QUERY,
                "",
                "",
            ))
        }),
        _ => return None,
    }
    .as_ref()
}

/// A grammar whose queries do not fit is left out; a test sees to it that none is.
fn configured<E>(grammar: Result<HighlightConfiguration, E>) -> Option<HighlightConfiguration> {
    let mut grammar = grammar.ok()?;
    grammar.configure(&CLASSES.map(|(name, _)| name));
    Some(grammar)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of a line without its tags and entities.
    fn text(html: &str) -> String {
        let mut out = String::new();
        let mut inside = false;
        for c in html.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => out.push(c),
                _ => {}
            }
        }
        out.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    #[test]
    fn rust_lines_are_balanced_and_lose_nothing() {
        let source =
            "/* 甲\n乙 */\nfn main() {\n    let s = \"多\n行 <b> & {x}\";\n    println!(\"{s}\");\n}\n";
        let lines = lines(source, "rust");
        assert_eq!(lines.len(), source.lines().count());
        for (html, line) in lines.iter().zip(source.lines()) {
            assert_eq!(html.matches("<span").count(), html.matches("</span>").count(), "{html}");
            assert_eq!(text(html), line);
        }
        assert!(lines[1].starts_with("<span class=\"hl-c\">"), "{}", lines[1]);
        assert!(lines[2].contains("<span class=\"hl-k\">fn</span>"), "{}", lines[2]);
        assert!(lines[5].contains("hl-m"), "{}", lines[5]);
    }

    #[test]
    fn every_grammar_loads() {
        for (language, source) in [("bash", "echo \"hi\""), ("toml", "a = 1"), ("json", "{\"a\": 1}")] {
            let lines = lines(source, language);
            assert_eq!(lines.len(), 1);
            assert!(lines[0].contains("class=\"hl-"), "{language}: {}", lines[0]);
        }
    }

    #[test]
    fn unknown_languages_are_escaped() {
        assert_eq!(lines("<script>\n&", "text"), ["&lt;script&gt;", "&amp;"]);
    }
}
