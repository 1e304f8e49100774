//! ```` ```lab tcp-echo ````: the settings of a bench at one place of the book.
//!
//! ```toml
//! message = "你好"            # parameters of the lab
//! seed = 7                    # optional
//! views = ["sequence", "code"] # optional: which views open first
//! [lines.client]              # optional: settings of a host's line, both directions …
//! delay_ms = 20
//! up.loss_percent = 10        # … or one of them
//! ```

use crate::front_matter::{describe, line_of};
use crate::{LabBlock, Labs};
use api::lab::LabInfo;
use api::line::{Impairments, Line};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The views a bench has.
const VIEWS: [&str; 6] = ["sequence", "frames", "code", "kernel", "waveform", "log"];

/// A mistake in a block: line within its body from 0 and a Chinese sentence.
pub(crate) type Mistake = (usize, String);

/// Reads and checks the body of a lab block.
pub(crate) fn parse(info: &LabInfo, labs: &dyn Labs, body: &str) -> Result<LabBlock, Mistake> {
    let mut table: Table = toml::from_str(body).map_err(|error| (line_of(body, &error), describe(&error)))?;
    let at = |key: &str| line_with(body, key);
    let seed = match table.remove("seed") {
        None => None,
        Some(value) => Some(
            value
                .as_integer()
                .and_then(|seed| u64::try_from(seed).ok())
                .ok_or_else(|| (at("seed"), "seed 应当是不小于 0 的整数".to_owned()))?,
        ),
    };
    let views = match table.remove("views") {
        None => Vec::new(),
        Some(value) => value.try_into::<Vec<String>>().map_err(|error| (at("views"), describe(&error)))?,
    };
    if let Some(view) = views.iter().find(|view| !VIEWS.contains(&view.as_str())) {
        return Err((at("views"), format!("没有名为“{view}”的视图；可用的有 {}", VIEWS.join("、"))));
    }
    let lines = match table.remove("lines") {
        None => None,
        Some(Value::Table(lines)) => Some(parse_lines(info, lines, body)?),
        Some(_) => return Err((at("lines"), "线路要写成 [lines.主机名] 一节".into())),
    };
    let params = serde_json::to_value(&table).map_err(|error| (0, format!("参数无法转成 JSON：{error}")))?;
    labs.check(&info.slug, &params).map_err(|invalid| {
        (line_of_field(body, &invalid.field), format!("参数 {}：{}", invalid.field, invalid.message))
    })?;
    Ok(LabBlock { slug: info.slug.clone(), params, lines, seed, views })
}

pub(crate) fn parse_lines(
    info: &LabInfo,
    lines: Table,
    body: &str,
) -> Result<BTreeMap<String, Line>, Mistake> {
    lines
        .into_iter()
        .map(|(host, value)| {
            let header = format!("[lines.{host}]");
            let at = body.lines().position(|line| line.trim() == header).unwrap_or(0);
            if !info.hosts.contains(&host) {
                return Err((at, format!("这个实验没有主机“{host}”；它的主机是 {}", info.hosts.join("、"))));
            }
            let Value::Table(both) = value else {
                return Err((at, "线路要写成 [lines.主机名] 一节".into()));
            };
            let line = parse_line(both).map_err(|message| (at, format!("线路 {host}：{message}")))?;
            line.validate().map_err(|invalid| {
                (line_of_field(body, &invalid.field).max(at), format!("线路 {host}：{}", invalid.message))
            })?;
            Ok((host, line))
        })
        .collect()
}

/// Settings beside `up` and `down` hold for both directions.
fn parse_line(mut both: Table) -> Result<Line, String> {
    let mut direction = |name: &str| match both.remove(name) {
        None => Ok(Table::new()),
        Some(Value::Table(table)) => Ok(table),
        Some(_) => Err(format!("{name} 之后应当是一项设置，例如 {name}.loss_percent = 10")),
    };
    let (up, down) = (direction("up")?, direction("down")?);
    let impairments = |own: Table| {
        let mut all = both.clone();
        all.extend(own);
        Value::Table(all).try_into::<Impairments>().map_err(|error| describe(&error))
    };
    Ok(Line { up: impairments(up)?, down: impairments(down)? })
}

/// The line that sets a field such as `message` or `up.loss_percent` (by its last part); the first if none does.
fn line_of_field(body: &str, field: &str) -> usize {
    line_with(body, field.rsplit('.').next().unwrap_or(field))
}

pub(crate) fn line_with(body: &str, key: &str) -> usize {
    body.lines()
        .position(|line| {
            let name = line.split('=').next().unwrap_or("").trim();
            line.contains('=') && name.rsplit('.').next() == Some(key)
        })
        .unwrap_or(0)
}
