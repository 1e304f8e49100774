//! What the lab measured, as a table: a row for each quantity, and a column for each section of the run if sections
//! are there to be compared, else a group of rows.

use super::model::{Measurement, Model};
use super::state::Bench;
use crate::number;
use leptos::prelude::*;

/// Rows shown at most.
const MOST: usize = 60;

/// One quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// With the host's name if it was measured at one.
    label: String,
    /// With unit; one for each section, the last value if there were several.
    values: Vec<Option<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    /// Above the values; empty for what came before the first section.
    columns: Vec<String>,
    groups: Vec<Group>,
}

/// Rows of one section, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    title: Option<String>,
    rows: Vec<Row>,
}

/// The table of results; nothing if the lab reports none.
#[component]
pub(crate) fn Results(bench: Bench) -> impl IntoView {
    let table = Memo::new(move |_| bench.model.with(table));
    move || {
        let Table { columns, groups } = table.get();
        (!groups.is_empty()).then(|| {
            view! {
                <div class="bench-results" role="group" aria-label="测量结果" tabindex="0">
                    <table>
                        <caption>"测得"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"量"</th>
                                {columns.into_iter().map(|title| {
                                    let title = if title.is_empty() { "值".into() } else { title };
                                    view! { <th scope="col">{title}</th> }
                                }).collect_view()}
                            </tr>
                        </thead>
                        {groups.into_iter().map(|Group { title, rows }| view! {
                            <tbody>
                                {title.map(|title| view! {
                                    <tr><th class="bench-results-section" scope="rowgroup" colspan="2">{title}</th></tr>
                                })}
                                {rows.into_iter().map(|row| view! {
                                    <tr>
                                        <th scope="row">{row.label}</th>
                                        {row.values.into_iter().map(|value| {
                                            view! { <td>{value.unwrap_or_else(|| "—".into())}</td> }
                                        }).collect_view()}
                                    </tr>
                                }).collect_view()}
                            </tbody>
                        }).collect_view()}
                    </table>
                </div>
            }
        })
    }
}

fn table(model: &Model) -> Table {
    let section_of = |m: &Measurement| {
        model.sections.partition_point(|section| (section.time, section.seq) <= (m.time, m.seq))
    };
    let mut used: Vec<usize> = model.measured.iter().map(section_of).collect();
    used.sort_unstable();
    used.dedup();
    let title = |section: &usize| {
        section
            .checked_sub(1)
            .and_then(|at| model.sections.get(at))
            .map_or(String::new(), |s| s.title.clone())
    };
    let mut rows = Vec::<Row>::new();
    for measurement in &model.measured {
        let Ok(column) = used.binary_search(&section_of(measurement)) else { continue };
        let label = match measurement.host {
            Some(host) => format!("{}（{}）", measurement.label, model.host_name(host)),
            None => measurement.label.clone(),
        };
        let at = rows.iter().position(|row| row.label == label).unwrap_or_else(|| {
            rows.push(Row { label, values: vec![None; used.len()] });
            rows.len() - 1
        });
        let value = format!("{} {}", number::readable(measurement.value), measurement.unit);
        rows[at].values[column] = Some(value.trim_end().to_owned());
    }
    rows.truncate(MOST);
    arranged(used.iter().map(title).collect(), rows)
}

/// Side by side if most quantities were measured in several sections, else section by section: such a table would be
/// empty but for a diagonal.
fn arranged(sections: Vec<String>, rows: Vec<Row>) -> Table {
    let several = rows.iter().filter(|row| row.values.iter().flatten().count() > 1).count();
    if sections.len() < 2 || several * 2 >= rows.len() {
        let group = (!rows.is_empty()).then_some(Group { title: None, rows });
        return Table { columns: sections, groups: group.into_iter().collect() };
    }
    let own = |at: usize| {
        let value = |row: &Row| {
            let value = row.values.get(at).cloned().flatten()?;
            Some(Row { label: row.label.clone(), values: vec![Some(value)] })
        };
        rows.iter().filter_map(value).collect()
    };
    let groups = sections.iter().enumerate().map(|(at, title)| {
        let title = Some(title.clone()).filter(|title| !title.is_empty());
        Group { title, rows: own(at) }
    });
    Table { columns: vec![String::new()], groups: groups.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::trace::{Body, Event, Lifecycle};

    fn model(lifecycles: Vec<Lifecycle>) -> Model {
        let events = lifecycles.into_iter().zip(0_u32..);
        let mut model = Model::default();
        model.apply(
            events.map(|(l, seq)| Event { seq, time: u64::from(seq), body: Body::Lifecycle(l) }).collect(),
        );
        model
    }

    fn measured(label: &str, value: f64) -> Lifecycle {
        Lifecycle::Measured { host: None, label: label.into(), value, unit: "ms".into() }
    }

    #[test]
    fn sections_are_columns() {
        let section = |title: &str| Lifecycle::Section { title: title.into() };
        let model = model(vec![
            section("TCP"),
            measured("时延", 1.0),
            measured("时延", 2.0),
            section("UDP"),
            measured("时延", 3.0),
            measured("丢失", 4.0),
        ]);
        let table = table(&model);
        assert_eq!(table.columns, ["TCP", "UDP"]);
        let [Group { title: None, rows }] = &table.groups[..] else { panic!("{table:?}") };
        let cells = |row: &Row| row.values.iter().map(|v| v.clone().unwrap_or_default()).collect::<Vec<_>>();
        assert_eq!(cells(&rows[0]), ["2 ms", "3 ms"]);
        assert_eq!(cells(&rows[1]), ["", "4 ms"]);
    }

    #[test]
    fn sections_with_little_in_common_are_groups() {
        let section = |title: &str| Lifecycle::Section { title: title.into() };
        let model = model(vec![
            measured("准备", 0.5),
            section("握手"),
            measured("往返", 1.0),
            section("数据"),
            measured("往返", 2.0),
            measured("吞吐", 3.0),
            measured("丢失", 4.0),
        ]);
        let table = table(&model);
        assert_eq!(table.columns, [""]);
        let told: Vec<_> = table
            .groups
            .iter()
            .map(|group| (group.title.as_deref().unwrap_or("-"), group.rows.len()))
            .collect();
        assert_eq!(told, [("-", 1), ("握手", 1), ("数据", 3)]);
        assert_eq!(table.groups[2].rows[0].values, [Some("2 ms".to_owned())]);
    }

    #[test]
    fn without_sections_there_is_one_column() {
        let table = table(&model(vec![measured("时延", 0.5)]));
        assert_eq!((table.columns.len(), table.groups[0].rows.len()), (1, 1));
        assert_eq!(super::table(&Model::default()), Table::default());
    }
}
