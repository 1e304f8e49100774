//! Code cut from a lab between `// ANCHOR: name` and `// ANCHOR_END: name`.

use crate::Listing;
use crate::highlight;

/// The highlighted source of a lab. Lines that only carry an anchor are marked with the class `hl-anchor`,
/// so that pages can leave them out and still count lines as the compiler does.
pub(crate) fn listing(file: &str, source: &str) -> Listing {
    let mut lines = highlight::lines(source, "rust");
    for (html, line) in lines.iter_mut().zip(source.lines()) {
        if anchor(line).is_some() {
            *html = format!("<span class=\"hl-c hl-anchor\">{}</span>", highlight::escape(line));
        }
    }
    Listing { file: file.to_owned(), lines }
}

impl Listing {
    /// The lines a reader is shown, with their numbers from 1: all but the anchors.
    pub fn visible(&self) -> impl Iterator<Item = (u32, &str)> {
        (1..)
            .zip(&self.lines)
            .filter(|(_, html)| !html.contains("hl-anchor"))
            .map(|(number, html)| (number, html.as_str()))
    }
}

/// Cuts the lines of an anchor, without the indentation they share.
/// Returns the number of the first line and the lines, or `None` if the anchor is missing or never ends.
pub(crate) fn cut(listing: &Listing, source: &str, name: &str) -> Option<(u32, Vec<String>)> {
    let raw: Vec<&str> = source.lines().collect();
    let start = raw.iter().position(|line| anchor(line) == Some(("ANCHOR", name)))? + 1;
    let length = raw.iter().skip(start).position(|line| anchor(line) == Some(("ANCHOR_END", name)))?;
    let indentation = raw
        .iter()
        .skip(start)
        .take(length)
        .filter(|line| !line.trim().is_empty() && anchor(line).is_none())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let mut lines = raw.iter().zip(&listing.lines).enumerate().skip(start).take(length);
    let mut kept = lines.by_ref().filter(|(_, (line, _))| anchor(line).is_none()).peekable();
    let first = kept.peek().map_or(start, |(at, _)| *at);
    let cut = kept.map(|(_, (_, html))| dedent(html, indentation)).collect();
    Some((u32::try_from(first + 1).unwrap_or(u32::MAX), cut))
}

/// `// ANCHOR: server` → `("ANCHOR", "server")`
fn anchor(line: &str) -> Option<(&'static str, &str)> {
    let comment = line.trim().strip_prefix("// ")?;
    if let Some(name) = comment.strip_prefix("ANCHOR: ") {
        return Some(("ANCHOR", name.trim()));
    }
    Some(("ANCHOR_END", comment.strip_prefix("ANCHOR_END: ")?.trim()))
}

/// Removes up to `count` leading spaces of the text, wherever tags begin.
fn dedent(html: &str, count: usize) -> String {
    let mut out = String::with_capacity(html.len());
    let mut left = count;
    let mut rest = html;
    while left > 0 {
        if let Some(after) = rest.strip_prefix(' ') {
            (rest, left) = (after, left - 1);
        } else if rest.starts_with('<')
            && let Some(end) = rest.find('>')
        {
            let (tag, after) = rest.split_at(end + 1);
            out.push_str(tag);
            rest = after;
        } else {
            break;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "use a;\n    // ANCHOR: b\n    let x = 1;\n        // ANCHOR: c\n        let y = 2;\n        // ANCHOR_END: c\n\n    // ANCHOR_END: b\n// ANCHOR: d\n";

    #[test]
    fn anchors_nest_and_indentation_goes() {
        let listing = listing("a.rs", SOURCE);
        let (first, lines) = cut(&listing, SOURCE, "b").unwrap();
        assert_eq!(first, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("<span class=\"hl-k\">let"), "{}", lines[0]);
        assert!(lines[1].starts_with("    <span"), "{}", lines[1]);
        assert_eq!(cut(&listing, SOURCE, "c").unwrap().0, 5);
        assert_eq!(listing.visible().map(|(number, _)| number).collect::<Vec<_>>(), [1, 3, 5, 7]);
    }

    #[test]
    fn missing_or_endless_anchors_are_none() {
        let listing = listing("a.rs", SOURCE);
        assert_eq!(cut(&listing, SOURCE, "x"), None);
        assert_eq!(cut(&listing, SOURCE, "d"), None);
    }
}
