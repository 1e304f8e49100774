//! The files that `cargo leptos` made (`/pkg/…`) and those of `public/`, read from the site folder into memory.
//!
//! They are not embedded in the binary: the wasm module is built apart from it. A release keeps the folder
//! `site` beside the binary (`LEPTOS_SITE_ROOT` names another one).

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;

use crate::compress::{Effort, Encoded};
use crate::respond::{Fresh, Stored};

/// Files larger than this are not ours.
const MOST_BYTES: u64 = 32 << 20;

/// Where files come from.
pub enum Assets {
    /// All of them in memory, compressed.
    Memory(HashMap<String, Stored>),
    /// Read at every request: an author's tools rewrite them at any time.
    Folder(PathBuf),
}

impl Assets {
    /// Reads everything below `root`. CPU-bound. A file `x.br` or `x.gz` beside `x` is taken as it is.
    /// `hashed`: names in `/pkg/` change with their content.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn load(root: &Path, hashed: bool) -> anyhow::Result<Self> {
        let mut files = HashMap::new();
        if root.is_dir() {
            collect(root, "", hashed, &mut files)?;
        }
        Ok(Self::Memory(files))
    }

    /// True if there is nothing to serve.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Memory(files) if files.is_empty())
    }

    /// The file at this path of a link, such as `/pkg/wirebook.css`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Cow<'_, Stored>> {
        match self {
            Self::Memory(files) => files.get(path).map(Cow::Borrowed),
            Self::Folder(root) => {
                let relative = path.strip_prefix('/')?;
                // No way up, nothing hidden.
                if relative.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
                    return None;
                }
                let bytes = read(&root.join(relative)).ok()?;
                Some(Cow::Owned(Stored::new(Encoded::plain(bytes), &content_type(path), Fresh::Ask)))
            }
        }
    }
}

fn collect(
    folder: &Path,
    prefix: &str,
    hashed: bool,
    files: &mut HashMap<String, Stored>,
) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("无法读取目录 {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}/{name}");
        // `.d.ts` is for programmers.
        if name.starts_with('.') || [".br", ".gz", ".ts"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, hashed, files)?;
            continue;
        }
        let fresh = if hashed && prefix == "/pkg" { Fresh::Forever } else { Fresh::Hour };
        let stored = Stored::new(encoded(&entry.path())?, &content_type(&path), fresh);
        files.insert(path, stored);
    }
    Ok(())
}

fn encoded(file: &Path) -> anyhow::Result<Encoded> {
    let beside = |extension: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(extension);
        read(Path::new(&name)).ok()
    };
    let identity = read(file)?;
    let (brotli, gzip) = (beside(".br"), beside(".gz"));
    if brotli.is_some() && gzip.is_some() {
        return Ok(Encoded { identity, gzip, brotli });
    }
    // An unoptimised build would take half a minute for its (huge, unoptimised) wasm module.
    if is_packed(file) || cfg!(debug_assertions) {
        return Ok(Encoded::plain(identity));
    }
    Ok(Encoded::new(identity, Effort::Asset))
}

fn read(file: &Path) -> anyhow::Result<Bytes> {
    let length = std::fs::metadata(file).with_context(|| format!("无法读取 {}", file.display()))?.len();
    anyhow::ensure!(length <= MOST_BYTES, "{} 太大", file.display());
    Ok(std::fs::read(file).with_context(|| format!("无法读取 {}", file.display()))?.into())
}

/// Compressing these again saves nothing.
fn is_packed(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    matches!(extension, "png" | "jpg" | "jpeg" | "webp" | "avif" | "woff2" | "zip")
}

/// By the name's extension; text is UTF-8.
pub(crate) fn content_type(path: &str) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    match (guess.type_().as_str(), guess.subtype().as_str()) {
        ("text", _) | ("application", "javascript") => format!("{}; charset=utf-8", guess.essence_str()),
        _ => guess.essence_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    #[test]
    fn types_that_browsers_insist_on() {
        assert_eq!(content_type("/pkg/a.wasm"), "application/wasm");
        assert_eq!(content_type("/pkg/a.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("/pkg/a.css"), "text/css; charset=utf-8");
        assert_eq!(content_type("/favicon.svg"), "image/svg+xml");
        assert_eq!(content_type("/robots.txt"), "text/plain; charset=utf-8");
    }

    #[test]
    fn nothing_outside_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("site")).unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        std::fs::write(folder.path().join("site/.hidden"), "s").unwrap();
        std::fs::write(folder.path().join("site/a.css"), "a{}").unwrap();
        let assets = Assets::Folder(folder.path().join("site"));
        assert!(assets.get("/a.css").is_some());
        for path in ["/../secret", "/.hidden", "//etc/passwd", "a.css", "/"] {
            assert!(assets.get(path).is_none(), "{path}");
        }
    }

    #[test]
    fn files_packed_beforehand_are_taken_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let pkg = folder.path().join("pkg");
        std::fs::create_dir(&pkg).unwrap();
        for (name, text) in [("a.wasm", "identity"), ("a.wasm.br", "brotli"), ("a.wasm.gz", "gzip")] {
            std::fs::write(pkg.join(name), text).unwrap();
        }
        let assets = Assets::load(folder.path(), true).unwrap();
        let stored = assets.get("/pkg/a.wasm").unwrap();
        assert_eq!(stored.content.choose(Some("br")), (Bytes::from("brotli"), Some("br")));
        assert!(assets.get("/pkg/a.wasm.br").is_none());
        let response = stored.respond(&HeaderMap::new());
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    }
}
