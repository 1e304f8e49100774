//! `wirebook labs`

use std::io::Write as _;
use std::process::ExitCode;

use api::lab::{Param, ParamKind};

use crate::catalog;

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// 输出 JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn list(args: &Args) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &*catalog::infos()).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    for lab in catalog::all() {
        let info = &lab.info;
        writeln!(out, "{}  {}", info.slug, info.title)?;
        writeln!(out, "    {}", info.summary)?;
        writeln!(out, "    主机：{}", info.hosts.join("、"))?;
        for param in &info.params {
            writeln!(
                out,
                "    --set {}={}  {}（{}）",
                param.name,
                shown(&param.default),
                param.label,
                bounds(param)
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Text without its quotes, as one would type it.
fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What values a parameter takes, for a human.
pub(super) fn bounds(param: &Param) -> String {
    match &param.kind {
        ParamKind::Integer { min, max } => format!("{min} 到 {max} 的整数"),
        ParamKind::Number { min, max } => format!("{min} 到 {max} 的数"),
        ParamKind::Text { min_length: 0, max_length, .. } => format!("最多 {max_length} 个字"),
        ParamKind::Text { min_length, max_length, .. } => format!("{min_length} 到 {max_length} 个字"),
        ParamKind::Flag => "true 或 false".into(),
        ParamKind::Choice { options } => {
            let values: Vec<&str> = options.iter().map(|(value, _)| value.as_str()).collect();
            values.join(" | ")
        }
    }
}
