//! Links inside the book: from the path of a Markdown file to the address of a page, and whether it exists.

use crate::{Book, PartId, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// A link found in a chapter, to be checked when all chapters are known.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// Address as it stands on the page: `/guide/udp#校验和`.
    pub(crate) target: String,
}

/// True for links that leave the site.
pub(crate) fn is_external(url: &str) -> bool {
    url.contains("://") || url.starts_with("mailto:")
}

/// What is wrong with the form of a link that leaves the site. Whether it answers, nobody asks.
pub(crate) fn external_mistake(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("https://") else {
        return Some("站外的链接要以 https:// 开头");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_name =
        host.contains('.') && host.chars().all(name) && !host.starts_with('.') && !host.ends_with('.');
    // An address in numbers is nobody's lasting home.
    if !is_name || host.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Some("站外的链接要有主机名，小写，不带用户名和端口");
    }
    rest.chars().any(|c| c.is_whitespace() || c.is_control()).then_some("链接里不能有空白")
}

/// Makes `../reference/1.1-physical.md#id`, written in `guide/2-tcp.md`, into `/reference/physical#id`.
/// Addresses that begin with `/` or `#` stay as they are, `#id` with the page before it.
pub(crate) fn address(file: &str, url: &str) -> Option<String> {
    let (path, fragment) = url.split_once('#').map_or((url, None), |(path, id)| (path, Some(id)));
    let page = if path.is_empty() {
        page_of(file)?
    } else if path.starts_with('/') {
        path.to_owned()
    } else {
        page_of(&resolve(file, path)?)?
    };
    Some(fragment.map_or_else(|| page.clone(), |id| format!("{page}#{id}")))
}

/// `guide/2-tcp.md` → `/guide/tcp`
pub(crate) fn page_of(file: &str) -> Option<String> {
    let (folder, name) = file.split_once('/')?;
    let part = PartId::ALL.into_iter().find(|part| part.slug() == folder)?;
    let (_, slug) = split_name(name)?;
    Some(format!("/{}/{slug}", part.slug()))
}

/// `2-tcp.md` → `("2", "tcp")`
pub(crate) fn split_name(name: &str) -> Option<(&str, &str)> {
    let (number, slug) = name.strip_suffix(".md")?.split_once('-')?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (!slug.is_empty() && slug.chars().all(fits)).then_some((number, slug))
}

/// A path relative to a file's folder, as a path below `content/`.
pub(crate) fn resolve(file: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Checks every collected link against the pages and headings that exist.
pub(crate) fn check(book: &Book, labs: &BTreeSet<String>, links: &[Link], problems: &mut Vec<Problem>) {
    let mut pages: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    pages.insert("/".into(), BTreeSet::new());
    pages.insert("/labs".into(), BTreeSet::new());
    pages.insert("/progress".into(), BTreeSet::new());
    pages.insert("/glossary".into(), book.glossary.iter().map(|term| term.id.as_str()).collect());
    for lab in labs {
        pages.insert(format!("/labs/{lab}"), BTreeSet::new());
    }
    for chapter in book.chapters() {
        pages.insert(chapter.path(), chapter.headings.iter().map(|heading| heading.id.as_str()).collect());
    }
    for Link { file, line, target } in links {
        let (page, id) =
            target.split_once('#').map_or((target.as_str(), None), |(page, id)| (page, Some(id)));
        match (pages.get(page), id) {
            (None, _) => problems.push(Problem::new(file, *line, format!("链接指向不存在的页面 {page}"))),
            (Some(ids), Some(id)) if !ids.contains(id) => {
                problems.push(Problem::new(file, *line, format!("{page} 上没有 id 为“{id}”的标题")));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_links_have_a_form() {
        for good in
            ["https://tokio.rs/tokio/tutorial", "https://docs.rs/axum", "https://a-b.example.org/?q=1#x"]
        {
            assert_eq!(external_mistake(good), None, "{good}");
        }
        for bad in [
            "http://tokio.rs",
            "ftp://example.org/a",
            "mailto:a@example.org",
            "https://localhost/a",
            "https://127.0.0.1/a",
            "https://example.org:8443/",
            "https://user@example.org/",
            "https://Example.org/",
            "https://example.org/a b",
        ] {
            assert!(external_mistake(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        let from = "guide/2-tcp.md";
        assert_eq!(address(from, "3-udp.md#校验和").as_deref(), Some("/guide/udp#校验和"));
        assert_eq!(address(from, "../reference/1.1-physical.md").as_deref(), Some("/reference/physical"));
        assert_eq!(address(from, "#握手").as_deref(), Some("/guide/tcp#握手"));
        assert_eq!(address(from, "/labs/tcp-echo").as_deref(), Some("/labs/tcp-echo"));
        assert_eq!(address(from, "../../secret.md"), None);
        assert_eq!(address(from, "udp"), None);
    }
}
