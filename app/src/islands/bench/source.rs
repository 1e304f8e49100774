//! The lab's source file as the server prepared it: one highlighted line of HTML each.

use serde::Deserialize;

/// `/labs/<slug>/source.json`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// From the root of the repository.
    pub file: String,
    /// HTML of each line.
    pub lines: Vec<String>,
}

/// What a line means to the page besides its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// A part of the file that a chapter quotes begins here.
    Anchor(&'a str),
    AnchorEnd,
    None,
}

impl Source {
    /// Is this the file an event names? The compiler may have seen it under a longer path.
    pub(crate) fn is(&self, file: &str) -> bool {
        !self.file.is_empty()
            && (file == self.file || file.ends_with(&self.file) || self.file.ends_with(file))
    }

    /// The file as it is on disk, without the anchors.
    pub(crate) fn text(&self) -> String {
        let lines = self.lines.iter().map(|html| plain(html));
        lines.filter(|line| mark(line) == Mark::None).map(|line| line + "\n").collect()
    }
}

/// Reads `// ANCHOR: name` and `// ANCHOR_END: name` from the text of a line.
pub(crate) fn mark(text: &str) -> Mark<'_> {
    let Some(comment) = text.trim_start().strip_prefix("//") else { return Mark::None };
    let comment = comment.trim();
    if comment.starts_with("ANCHOR_END:") {
        return Mark::AnchorEnd;
    }
    comment.strip_prefix("ANCHOR:").map_or(Mark::None, |name| Mark::Anchor(name.trim()))
}

/// The text of a line of HTML.
pub(crate) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]);
    }
    text.push_str(rest);
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")]
    {
        if text.contains(entity) {
            text = text.replace(entity, character);
        }
    }
    text.trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text() {
        assert_eq!(plain("<span class=\"k\">let</span> a = b &lt; c &amp;&amp; d;"), "let a = b < c && d;");
        assert_eq!(plain("&amp;lt;"), "&lt;");
        assert_eq!(plain("    x\n"), "    x");
    }

    #[test]
    fn anchors() {
        assert_eq!(mark("    // ANCHOR: server"), Mark::Anchor("server"));
        assert_eq!(mark("// ANCHOR_END: server"), Mark::AnchorEnd);
        assert_eq!(mark("// 锚点"), Mark::None);
        let source = Source {
            file: "server/labs/src/x.rs".into(),
            lines: vec!["<i>// ANCHOR: a</i>".into(), "fn a() {}".into(), "// ANCHOR_END: a".into()],
        };
        assert_eq!(source.text(), "fn a() {}\n");
        assert!(source.is("/build/server/labs/src/x.rs"));
        assert!(!source.is("server/labs/src/y.rs"));
    }
}
