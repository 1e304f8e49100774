//! Inline Markdown of questions → safe HTML.

use crate::links::{self, Link};
use crate::markdown;
use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, parse_document};

/// Renders one paragraph without its `<p>`. Links are rewritten as in the chapter and collected under
/// `file` and `line`.
///
/// # Errors
/// A Chinese sentence: it is empty, or more than a paragraph, or has a link that leads nowhere.
pub(crate) fn html(
    chapter: &str,
    file: &str,
    line: usize,
    text: &str,
    found: &mut Vec<Link>,
) -> Result<String, String> {
    let arena = Arena::new();
    let root = parse_document(&arena, text, &markdown::options());
    let mut blocks = root.children();
    let Some(paragraph) = blocks.next() else { return Err("是空的".into()) };
    if blocks.next().is_some() || !matches!(paragraph.data().value, NodeValue::Paragraph) {
        return Err("只能是一段文字：行内的 Markdown，没有列表、标题和代码块".into());
    }
    for node in paragraph.descendants() {
        let value = node.data().value.clone();
        match value {
            NodeValue::Image(_) => return Err("里不能有图片".into()),
            NodeValue::HtmlInline(_) => return Err("里的 HTML 会原样显示成文字，请改用 Markdown".into()),
            NodeValue::Link(link) if !links::is_external(&link.url) => {
                let target = links::address(chapter, &link.url)
                    .ok_or_else(|| format!("里有看不懂的链接“{}”", link.url))?;
                found.push(Link { file: file.to_owned(), line, target: target.clone() });
                if let NodeValue::Link(ref mut link) = node.data_mut().value {
                    link.url = target;
                }
            }
            _ => {}
        }
    }
    Ok(inner(paragraph))
}

fn inner<'a>(paragraph: &'a AstNode<'a>) -> String {
    let html = markdown::html(paragraph);
    let html = html.trim();
    html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>")).unwrap_or(html).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, String> {
        html("guide/2-tcp.md", "guide/2-tcp.quiz.toml", 1, text, &mut Vec::new())
    }

    #[test]
    fn a_paragraph_without_its_tags() {
        assert_eq!(render("`accept` **之前**").as_deref(), Ok("<code>accept</code> <strong>之前</strong>"));
        assert_eq!(render("[下文](#server)").as_deref(), Ok("<a href=\"/guide/tcp#server\">下文</a>"));
        assert_eq!(render("1 < 2").as_deref(), Ok("1 &lt; 2"));
    }

    #[test]
    fn nothing_but_a_paragraph() {
        for text in ["", "甲\n\n乙", "- 甲", "## 甲", "![图](a.svg)", "<b>甲</b>", "[甲](乙)"] {
            assert!(render(text).is_err(), "{text}");
        }
    }
}
