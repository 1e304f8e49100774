//! Where the files of the book come from.

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of `content/` by their path below it, with `/` between its parts.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A place that holds the files of the book.
#[derive(Clone, Debug)]
pub enum Content {
    /// Read at every [`crate::Book::load`]: an author's folder.
    Folder(PathBuf),
    /// The files this program was built with.
    Embedded,
    /// Given directly: tests.
    Files(Files),
}

impl Default for Content {
    /// A release build carries its book with it; a debug build reads the folder in the source tree.
    fn default() -> Self {
        if cfg!(debug_assertions) {
            Self::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content"))
        } else {
            Self::Embedded
        }
    }
}

impl Content {
    /// All files.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn read(&self) -> anyhow::Result<Files> {
        match self {
            Self::Folder(folder) => {
                let mut files = Files::new();
                read_folder(folder, "", &mut files)?;
                Ok(files)
            }
            Self::Embedded => Ok(embedded()),
            Self::Files(files) => Ok(files.clone()),
        }
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Files) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') {
            continue; // what editors leave behind
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else {
            let bytes = std::fs::read(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            files.insert(path, bytes);
        }
    }
    Ok(())
}

#[cfg(not(debug_assertions))]
fn embedded() -> Files {
    fn collect(dir: &include_dir::Dir<'_>, files: &mut Files) {
        for file in dir.files() {
            files.insert(file.path().to_string_lossy().replace('\\', "/"), file.contents().to_vec());
        }
        dir.dirs().for_each(|dir| collect(dir, files));
    }
    static CONTENT: include_dir::Dir<'_> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/../../content");
    let mut files = Files::new();
    collect(&CONTENT, &mut files);
    files
}

#[cfg(debug_assertions)]
fn embedded() -> Files {
    Files::new() // a debug build carries no book: see `Content::default`
}
