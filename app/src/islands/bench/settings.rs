//! What the reader chose for the next run.

use super::address::Address;
use super::value;
use api::lab::{LabInfo, Param};
use api::line::Line;
use api::run::Congestion;
use leptos::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A complete choice, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) params: Map<String, Value>,
    pub(crate) lines: BTreeMap<String, Line>,
    /// Absent: the server draws one.
    pub(crate) seed: Option<u64>,
    pub(crate) congestion: Congestion,
}

/// One parameter and the text in its form field.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) param: Param,
    /// What it is unless the reader changes it: this block's value, or the lab's default.
    pub(crate) initial: String,
    pub(crate) text: RwSignal<String>,
}

/// The form of one bench.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) fields: StoredValue<Vec<Field>>,
    /// Of every host that has a lane, and as the block or lab has it at first.
    pub(crate) lines: RwSignal<BTreeMap<String, Line>>,
    pub(crate) initial_lines: StoredValue<BTreeMap<String, Line>>,
    /// Text of the seed field; empty: draw one.
    pub(crate) seed: RwSignal<String>,
    pub(crate) initial_seed: StoredValue<String>,
    pub(crate) congestion: RwSignal<Congestion>,
    /// What the server refused: message by path (`params.message`, `lines.client.up.loss_percent`).
    pub(crate) refused: RwSignal<BTreeMap<String, String>>,
    /// Knobs whose text is no number now, by the same path.
    pub(crate) mistyped: RwSignal<BTreeMap<String, String>>,
    /// Shared with the bench.
    touched: RwSignal<bool>,
}

impl Settings {
    pub(crate) fn new(
        info: &LabInfo,
        params: Value,
        lines: Option<BTreeMap<String, Line>>,
        seed: Option<u64>,
        touched: RwSignal<bool>,
    ) -> Self {
        let params = if let Value::Object(params) = params { params } else { Map::new() };
        let fields = info.params.iter().map(|param| {
            let initial = value::to_text(params.get(&param.name).unwrap_or(&param.default));
            Field { param: param.clone(), text: RwSignal::new(initial.clone()), initial }
        });
        let mut all: BTreeMap<_, _> = info.hosts.iter().map(|host| (host.clone(), Line::default())).collect();
        all.extend(info.lines.clone());
        all.extend(lines.unwrap_or_default());
        let seed = seed.map(|seed| seed.to_string()).unwrap_or_default();
        Self {
            fields: StoredValue::new(fields.collect()),
            lines: RwSignal::new(all.clone()),
            initial_lines: StoredValue::new(all),
            seed: RwSignal::new(seed.clone()),
            initial_seed: StoredValue::new(seed),
            congestion: RwSignal::new(Congestion::default()),
            refused: RwSignal::new(BTreeMap::new()),
            mistyped: RwSignal::new(BTreeMap::new()),
            touched,
        }
    }

    /// What to run, or `None` if a field has a mistake. Tracks every field.
    pub(crate) fn choice(self) -> Option<Choice> {
        let params = self.fields.with_value(|fields| {
            let values = fields.iter().map(|field| {
                let value = field.text.with(|text| value::parse(&field.param, text));
                Some((field.param.name.clone(), value.ok()?))
            });
            values.collect::<Option<Map<_, _>>>()
        })?;
        let seed = parse_seed(&self.seed.get()).ok()?;
        let lines = self.lines.get();
        if self.mistyped.with(|mistyped| !mistyped.is_empty()) {
            return None;
        }
        Some(Choice { params, lines, seed, congestion: self.congestion.get() })
    }

    /// Back to what the block or the lab has.
    pub(crate) fn reset(self) {
        self.fields.with_value(|fields| {
            for field in fields {
                field.text.set(field.initial.clone());
            }
        });
        self.lines.set(self.initial_lines.get_value());
        self.seed.set(self.initial_seed.get_value());
        self.congestion.set(Congestion::default());
        self.refused.set(BTreeMap::new());
        self.mistyped.set(BTreeMap::new());
    }

    /// The server's complaint about a path no longer holds once the reader changed it.
    pub(crate) fn forgive(self, path: &str) {
        self.touched.set(true);
        if self.refused.with_untracked(|refused| refused.keys().any(|key| key.starts_with(path))) {
            self.refused.update(|refused| refused.retain(|key, _| !key.starts_with(path)));
        }
    }

    /// Writes what differs from the initial form. Tracks every field.
    pub(crate) fn write(self, address: &mut Address) {
        self.fields.with_value(|fields| {
            for field in fields {
                let text = field.text.get();
                if text != field.initial {
                    address.params.insert(field.param.name.clone(), text);
                }
            }
        });
        let initial = self.initial_lines.get_value();
        address.lines = self.lines.get();
        address.lines.retain(|host, line| initial.get(host) != Some(line));
        address.seed = parse_seed(&self.seed.get()).ok().flatten();
        address.congestion = Some(self.congestion.get()).filter(|c| *c != Congestion::default());
    }

    /// Fills the form from an address; hosts and parameters the lab does not have are ignored.
    pub(crate) fn read(self, address: &Address) {
        self.fields.with_value(|fields| {
            for field in fields {
                if let Some(text) = address.params.get(&field.param.name) {
                    field.text.set(text.clone());
                }
            }
        });
        self.lines.update(|lines| {
            for (host, line) in lines {
                if let Some(wanted) = address.lines.get(host) {
                    line.clone_from(wanted);
                }
            }
        });
        if let Some(seed) = address.seed {
            self.seed.set(seed.to_string());
        }
        if let Some(congestion) = address.congestion {
            self.congestion.set(congestion);
        }
    }
}

/// The seed field: empty, or a whole number.
///
/// # Errors
/// A sentence for the reader.
pub(crate) fn parse_seed(text: &str) -> Result<Option<u64>, &'static str> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| "种子是一个非负整数，留空则由服务器抽取"),
    }
}
