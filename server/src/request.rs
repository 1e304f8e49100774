//! Checks what is asked for — by a page or on the command line — against the lab it names.

use std::collections::BTreeMap;
use std::net::IpAddr;

use api::lab::LabInfo;
use api::line::{InvalidField, Line};
use api::run::{Congestion, RunSpec, Tier, TierReport};
use serde_json::Value;

use crate::catalog;
use crate::runs::{ReaderId, Request};

/// Largest seed the server draws: short enough to read out and to type.
const MAX_DRAWN_SEED: u64 = 999_999;

/// What a reader asked for, as it came.
pub(crate) struct Wish {
    pub(crate) lab: String,
    pub(crate) params: Value,
    pub(crate) lines: Option<BTreeMap<String, Line>>,
    pub(crate) seed: Option<u64>,
    pub(crate) congestion: Congestion,
}

/// A complete and valid spec, its wall clock limit and the hash of the lab's source.
///
/// # Errors
/// The first field that is wrong: `lab`, `params.…`, `lines.…`.
pub(crate) fn check(wish: Wish, tier: &TierReport) -> Result<(RunSpec, &'static catalog::Lab), InvalidField> {
    let Some(lab) = catalog::find(&wish.lab) else {
        return Err(invalid("lab", "没有这个实验"));
    };
    if lab.info.needs_isolated && tier.tier == Tier::Loopback {
        return Err(invalid(
            "lab",
            format!("这个实验需要独立的网络命名空间，这台机器还不允许：{}", tier.reason),
        ));
    }
    let params = lab.entry.check(&wish.params).map_err(|error| within("params", error))?;
    let lines = match wish.lines {
        Some(lines) => lines,
        None => lab.info.lines.clone(),
    };
    check_lines(&lab.info, &lines)?;
    let seed = wish.seed.unwrap_or_else(|| rand::random_range(0..=MAX_DRAWN_SEED));
    let spec = RunSpec { lab: wish.lab, params, lines, seed, congestion: wish.congestion };
    Ok((spec, lab))
}

/// As [`check`], for a reader.
///
/// # Errors
/// As [`check`].
pub(crate) fn for_reader(
    wish: Wish,
    tier: &TierReport,
    reader: ReaderId,
    address: IpAddr,
) -> Result<Request, InvalidField> {
    let (spec, lab) = check(wish, tier)?;
    let (wall_ms, source_hash) = (lab.entry.wall_ms(), lab.source_hash.clone());
    Ok(Request { reader, address, spec, wall_ms, source_hash })
}

/// Every line belongs to a host of the lab and keeps its bounds.
pub(crate) fn check_lines(info: &LabInfo, lines: &BTreeMap<String, Line>) -> Result<(), InvalidField> {
    for (host, line) in lines {
        check_host(info, host).map_err(|message| invalid(&format!("lines.{host}"), message))?;
        line.validate().map_err(|error| within(&format!("lines.{host}"), error))?;
    }
    Ok(())
}

pub(crate) fn check_host(info: &LabInfo, host: &str) -> Result<(), String> {
    if info.hosts.iter().any(|name| name == host) {
        return Ok(());
    }
    Err(format!("这个实验没有名为 {host} 的主机，有：{}", info.hosts.join("、")))
}

fn within(parent: &str, error: InvalidField) -> InvalidField {
    // Errors about the parameters as a whole name `params` already.
    let field = if error.field == parent { error.field } else { format!("{parent}.{}", error.field) };
    InvalidField { field, message: error.message }
}

fn invalid(field: &str, message: impl Into<String>) -> InvalidField {
    InvalidField { field: field.chars().take(100).collect(), message: message.into() }
}
