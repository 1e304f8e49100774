//! The content security policy of a page.
//!
//! Inline scripts (Leptos writes two: the loader of the wasm module and, while watching, the live reload) are
//! permitted by the **hash** of their text, not by a nonce: pages are rendered once and sent from memory many
//! times, and a nonce that many readers share is no nonce. Everything else must be a file of this site; inline
//! styles and event handlers do not run at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// For everything that is not a page.
pub(crate) const NOTHING: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Leptos writes a nonce into every script tag; it means nothing here (see above), so it goes.
pub(crate) fn without_nonce(html: &str) -> String {
    let Some(nonce) = tags(html).find_map(|tag| attribute(tag.head, "nonce")) else { return html.to_owned() };
    html.replace(&format!(" nonce=\"{nonce}\""), "")
        .replace(&format!("crossorigin=\"{nonce}\""), "crossorigin=\"anonymous\"")
}

/// The policy for a page. `connect`: further sources for `connect-src`, empty or with a leading space.
pub(crate) fn policy(html: &str, connect: &str) -> String {
    let mut scripts = String::from("'self' 'wasm-unsafe-eval'");
    for hash in hashes(html) {
        scripts.push_str(&format!(" 'sha256-{hash}'"));
    }
    format!(
        "default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'{connect}; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

/// Base64 of the SHA-256 of every inline script, each once.
fn hashes(html: &str) -> Vec<String> {
    let mut hashes = Vec::new();
    for tag in tags(html) {
        if attribute(tag.head, "src").is_some() {
            continue;
        }
        let hash = STANDARD.encode(Sha256::digest(tag.body));
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    hashes
}

/// A `<script …>…</script>`.
struct Tag<'a> {
    /// Between `<script` and `>`.
    head: &'a str,
    body: &'a str,
}

/// All script elements of HTML that our own renderer wrote: lower-case tags, attributes in double quotes,
/// `<` escaped in text and attributes.
fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once("<script")?;
            rest = after;
            if !after.starts_with([' ', '>']) {
                continue;
            }
            let end = end_of_head(after)?;
            let (head, after) = (&after[..end], &after[end + 1..]);
            let (body, after) = after.split_once("</script>")?;
            rest = after;
            return Some(Tag { head, body });
        }
    })
}

/// Position of the `>` that ends a tag, outside quotes.
fn end_of_head(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    })
}

/// The value of an attribute; empty if it has none.
fn attribute<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = head;
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"')?,
            None => ("", after.strip_prefix('=').unwrap_or(after)),
        };
        if key == name {
            return Some(value);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<html><head><script src="/theme.js" defer></script><script type="module" nonce="abc">import('/pkg/a.js')</script><link rel="modulepreload" crossorigin="abc"/></head><body><p>&lt;script&gt; nonce="x"</p><script>let a = 1 > 0;</script></body></html>"#;

    #[test]
    fn inline_scripts_are_permitted_by_hash_and_only_they() {
        let html = without_nonce(PAGE);
        assert!(html.contains(r#"<script type="module">import"#) && html.contains(r#"nonce="x"</p>"#));
        assert!(html.contains(r#"crossorigin="anonymous""#));
        let policy = policy(&html, "");
        assert_eq!(policy.matches("'sha256-").count(), 2);
        // printf '%s' "let a = 1 > 0;" | openssl dgst -sha256 -binary | base64
        assert!(policy.contains("'sha256-qeSbPRYOu0L550unWVqojG3wPwrcZDruoYFJYXKW0W4='"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    }
}
