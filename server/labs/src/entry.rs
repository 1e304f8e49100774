//! A lab with its type forgotten.

use std::pin::Pin;

use anyhow::Context as _;
use api::lab::{LabInfo, Param};
use api::line::InvalidField;
use lan::Lan;
use serde_json::{Map, Value};

use crate::lab::{Lab, Open};
use crate::params;

type Running = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// One lab of the registry.
pub struct Entry {
    slug: &'static str,
    file: &'static str,
    source: &'static str,
    parallel: bool,
    wall_ms: u32,
    open: Option<Open>,
    info: fn(&Entry) -> LabInfo,
    params: fn() -> Vec<Param>,
    complete: fn(Value) -> Result<Value, InvalidField>,
    run: fn(Value, Lan) -> Running,
}

impl Entry {
    /// Forgets the type of lab `L`, whose file is `file` (from the root of the repository) and reads `source`.
    pub const fn new<L: Lab>(file: &'static str, source: &'static str) -> Self {
        Self {
            slug: L::SLUG,
            file,
            source,
            parallel: L::PARALLEL,
            wall_ms: L::WALL_MS,
            open: L::OPEN,
            info: info::<L>,
            params: params::of::<L>,
            complete: complete::<L>,
            run: run::<L>,
        }
    }

    #[must_use]
    pub fn slug(&self) -> &'static str {
        self.slug
    }

    /// What the page needs to know.
    #[must_use]
    pub fn info(&self) -> LabInfo {
        (self.info)(self)
    }

    /// The lab's source text, as compiled.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Whether a run needs more than one processor.
    #[must_use]
    pub fn parallel(&self) -> bool {
        self.parallel
    }

    /// Wall-clock limit of a run, milliseconds.
    #[must_use]
    pub fn wall_ms(&self) -> u32 {
        self.wall_ms
    }

    /// Its server for programs outside of the lan, if it has one.
    #[must_use]
    pub fn open(&self) -> Option<Open> {
        self.open
    }

    /// Checks names, types and bounds and fills in defaults. `null` stands for no parameters.
    ///
    /// # Errors
    /// The first field that is wrong, and a Chinese sentence that says why.
    pub fn check(&self, params: &Value) -> Result<Value, InvalidField> {
        let empty = Map::new();
        let given = match params {
            Value::Null => &empty,
            Value::Object(given) => given,
            _ => return Err(invalid("params", "参数必须是一个 JSON 对象")),
        };
        let known = (self.params)();
        for (name, value) in given {
            let Some(param) = known.iter().find(|param| param.name == *name) else {
                return Err(invalid(name, format!("这个实验没有名为 {name} 的参数")));
            };
            params::check(param, value).map_err(|message| invalid(name, message))?;
        }
        (self.complete)(Value::Object(given.clone()))
    }

    /// Runs the lab with parameters as [`Entry::check`] returns them. The future stays on this thread.
    #[must_use]
    pub fn run(&self, params: Value, lan: Lan) -> Running {
        (self.run)(params, lan)
    }
}

fn info<L: Lab>(entry: &Entry) -> LabInfo {
    LabInfo {
        slug: L::SLUG.into(),
        title: L::TITLE.into(),
        summary: L::SUMMARY.into(),
        hosts: L::HOSTS.iter().map(|&name| name.into()).collect(),
        params: params::of::<L>(),
        input: L::INPUT.map(Into::into),
        needs_isolated: L::NEEDS_ISOLATED,
        file: entry.file.into(),
        lines: L::lines(),
        hints: L::hints(),
    }
}

/// Defaults filled in, and the rules checked that a schema cannot express.
fn complete<L: Lab>(params: Value) -> Result<Value, InvalidField> {
    let lab: L = serde_json::from_value(params)
        .map_err(|error| invalid("params", format!("参数无法读取：{error}")))?;
    if let Err(report) = lab.validate()
        && let Some((path, error)) = report.iter().next()
    {
        return Err(invalid(&path.to_string(), error.message()));
    }
    serde_json::to_value(&lab).map_err(|error| invalid("params", format!("参数无法保存：{error}")))
}

fn run<L: Lab>(params: Value, lan: Lan) -> Running {
    Box::pin(async move {
        let lab: L = serde_json::from_value(params).context("参数无法读取")?;
        lab.run(lan).await
    })
}

fn invalid(field: &str, message: impl Into<String>) -> InvalidField {
    InvalidField { field: field.into(), message: message.into() }
}
