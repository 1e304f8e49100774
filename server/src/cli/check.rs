//! `wirebook check`: every mistake in the book, with file and line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use book::{Book, Content};

use crate::site::Registry;

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// 书稿目录（默认：源码里的 content/，发布版本则检查内置的书稿）
    #[arg(value_name = "DIR")]
    content: Option<PathBuf>,
}

pub(super) fn check(args: &Args) -> anyhow::Result<ExitCode> {
    let content = args.content.clone().map_or_else(Content::default, Content::Folder);
    let (book, problems) = Book::load(&content, &Registry)?;
    let mut out = std::io::stdout().lock();
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    if problems.is_empty() {
        let labs = crate::catalog::all().len();
        writeln!(out, "没有发现问题：{} 章，{labs} 个实验", book.chapters().count())?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "共 {} 处问题", problems.len())?;
    Ok(ExitCode::FAILURE)
}
