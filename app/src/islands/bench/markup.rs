//! Texts inside drawings and tables that are put on the page as one string.
//!
//! Where no part of a drawing changes by itself, a string is a fraction of the code that as many reactive elements are.

/// A text as it may stand in an element or between the quotes of an attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// A table: column heads, then rows, the first cell of which names the row. All cells are plain text.
pub(crate) fn table(caption: &str, heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = format!("<table class=\"told\"><caption>{}</caption><thead><tr>", escaped(caption));
    for head in heads {
        html.push_str(&format!("<th scope=\"col\">{}</th>", escaped(head)));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let (open, close) = if at == 0 { ("<th scope=\"row\">", "</th>") } else { ("<td>", "</td>") };
            html.push_str(open);
            html.push_str(&escaped(cell));
            html.push_str(close);
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_leave_its_place() {
        let html = table("<b>", &["\"a\""], &[vec!["x & <y>".to_owned(), "it's".to_owned()]]);
        assert!(html.contains("<caption>&lt;b&gt;</caption>"), "{html}");
        assert!(html.contains("<th scope=\"col\">&quot;a&quot;</th>"), "{html}");
        assert!(html.contains("<th scope=\"row\">x &amp; &lt;y&gt;</th><td>it&#39;s</td>"), "{html}");
    }
}
