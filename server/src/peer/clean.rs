//! What readers write for other readers: shown as text, and not able to disturb the text around it.

/// Trimmed, without control characters and without marks that turn the direction of writing (U+202A–U+202E,
/// U+2066–U+2069: they would reach beyond the text they stand in).
pub(super) fn clean(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = kept.filter(|c| !c.is_control() && !turns(*c)).collect();
    kept.trim().to_owned()
}

fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn one_line_of_plain_text() {
        assert_eq!(clean("  你好\n世界\t！\u{7} "), "你好 世界 ！");
        assert_eq!(clean("\u{202e}gpj.exe"), "gpj.exe");
        assert_eq!(clean("<b>不是标签</b> & 👩‍💻"), "<b>不是标签</b> & 👩‍💻", "the page escapes, not we");
        assert_eq!(clean(" \r\n "), "");
    }
}
