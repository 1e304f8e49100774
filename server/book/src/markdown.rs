//! Markdown → safe HTML, with what Chinese prose and this book's pages need.

use crate::highlight;
use comrak::html::format_node_default;
use comrak::nodes::{AstNode, NodeValue};
use comrak::{Options, create_formatter};
use std::fmt::Write as _;

/// GFM with footnotes and explicit heading ids. Raw HTML is shown as text.
pub(crate) fn options() -> Options<'static> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.table = true;
    extension.strikethrough = true;
    extension.footnotes = true;
    extension.autolink = true;
    extension.tasklist = true;
    extension.header_attributes = true;
    extension.cjk_friendly_emphasis = true;
    options.parse.ignore_setext = true;
    options.render.escape = true;
    options.render.figure_with_caption = true;
    options
}

/// One node as HTML. Headings carry the id in their attributes, which [`crate::chapter`] has set.
pub(crate) fn html<'a>(node: &'a AstNode<'a>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = Html::format_document(node, &options(), &mut out);
    out.replace("aria-label=\"Back to reference ", "aria-label=\"回到正文中的注 ")
}

create_formatter!(Html, {
    NodeValue::Heading(ref heading) => |context, node, entering| {
        let level = heading.level;
        if entering {
            let id = node.data().attrs.as_ref().and_then(|attributes| attributes.id.clone()).unwrap_or_default();
            let id = highlight::escape(&id);
            write!(context, "<h{level} id=\"{id}\"><a href=\"#{id}\">")?;
        } else {
            writeln!(context, "</a></h{level}>")?;
        }
    },
    NodeValue::Table(_) => |context, node, entering| {
        // On a narrow screen a wide table scrolls by itself; the keyboard can reach it.
        if entering {
            context.write_str("<div class=\"table\" role=\"group\" aria-label=\"表格\" tabindex=\"0\">")?;
        }
        format_node_default(context, node, entering)?;
        if !entering {
            context.write_str("</div>\n")?;
        }
    },
    NodeValue::Paragraph => |context, node, entering| {
        if !is_picture(node) {
            return format_node_default(context, node, entering);
        }
    },
    NodeValue::CodeBlock(ref block) => |context, entering| {
        if entering {
            let lines = highlight::lines(&block.literal, block.info.split_whitespace().next().unwrap_or(""));
            write!(context, "<pre tabindex=\"0\"><code>{}</code></pre>", lines.join("\n"))?;
        }
    },
    NodeValue::SoftBreak => |context, node, entering| {
        // A line break in the source between two Chinese characters is no space.
        let before = node.previous_sibling().and_then(|node| text(node).chars().next_back());
        let after = node.next_sibling().and_then(|node| text(node).chars().next());
        if entering && !(before.is_some_and(is_wide) && after.is_some_and(is_wide)) {
            context.write_str("\n")?;
        }
    },
});

/// A paragraph that holds nothing but one image becomes a figure of its own.
fn is_picture<'a>(paragraph: &'a AstNode<'a>) -> bool {
    let mut children = paragraph.children();
    let only = children.next().is_some_and(|child| matches!(child.data().value, NodeValue::Image(_)));
    only && children.next().is_none()
}

/// The text of a node, its own or its children's.
pub(crate) fn text<'a>(node: &'a AstNode<'a>) -> String {
    node.collect_text()
}

/// Han characters and full-width punctuation.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}' | '“' | '”' | '‘' | '’' | '—' | '…')
}

#[cfg(test)]
mod tests {
    use super::*;
    use comrak::{Arena, parse_document};

    fn render(markdown: &str) -> String {
        let arena = Arena::new();
        html(parse_document(&arena, markdown, &options()))
    }

    #[test]
    fn raw_html_is_text() {
        let html =
            render("<script>alert(1)</script>\n\n甲 <b onclick=x>乙</b>\n\n[丙](javascript:alert(1))\n");
        assert!(!html.contains("<script") && !html.contains("<b ") && !html.contains("javascript"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn lines_of_chinese_join_without_a_space() {
        assert_eq!(render("连接\n建立，\n然后 TCP\n关闭"), "<p>连接建立，然后 TCP\n关闭</p>\n");
    }

    #[test]
    fn emphasis_next_to_chinese_punctuation_works() {
        assert_eq!(render("**“握手”**三次"), "<p><strong>“握手”</strong>三次</p>\n");
    }

    #[test]
    fn tables_scroll_and_pictures_are_figures() {
        let html = render("|甲|乙|\n|-|-|\n|1|2|\n\n![状态图](a.svg \"TCP 状态\")\n");
        assert!(html.starts_with("<div class=\"table\"") && html.contains("</table>\n</div>"), "{html}");
        assert!(html.contains("<figcaption>TCP 状态</figcaption>") && !html.contains("<p><figure"), "{html}");
    }

    #[test]
    fn footnotes_speak_chinese() {
        let html = render("甲[^1]\n\n[^1]: 乙\n");
        assert!(html.contains("回到正文中的注 1"), "{html}");
        assert!(!html.contains("Back to"), "{html}");
    }
}
