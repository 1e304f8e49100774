//! What the lab measured, as a table: a row for each quantity, a column for each section of the run.

use super::model::{Measurement, Model};
use super::number;
use super::state::Bench;
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
    /// Titles; empty for what came before the first section.
    sections: Vec<String>,
    rows: Vec<Row>,
}

/// The table of results; nothing if the lab reports none.
#[component]
pub(crate) fn Results(bench: Bench) -> impl IntoView {
    let table = Memo::new(move |_| bench.model.with(table));
    move || {
        let Table { sections, rows } = table.get();
        (!rows.is_empty()).then(|| {
            view! {
                <div class="bench-results" role="group" aria-label="测量结果" tabindex="0">
                    <table>
                        <caption>"测得"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"量"</th>
                                {sections.into_iter().map(|title| {
                                    let title = if title.is_empty() { "值".into() } else { title };
                                    view! { <th scope="col">{title}</th> }
                                }).collect_view()}
                            </tr>
                        </thead>
                        <tbody>
                            {rows.into_iter().map(|row| view! {
                                <tr>
                                    <th scope="row">{row.label}</th>
                                    {row.values.into_iter().map(|value| {
                                        view! { <td>{value.unwrap_or_else(|| "—".into())}</td> }
                                    }).collect_view()}
                                </tr>
                            }).collect_view()}
                        </tbody>
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
    Table { sections: used.iter().map(title).collect(), rows }
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
        assert_eq!(table.sections, ["TCP", "UDP"]);
        let cells = |row: &Row| row.values.iter().map(|v| v.clone().unwrap_or_default()).collect::<Vec<_>>();
        assert_eq!(cells(&table.rows[0]), ["2 ms", "3 ms"]);
        assert_eq!(cells(&table.rows[1]), ["", "4 ms"]);
    }

    #[test]
    fn without_sections_there_is_one_column() {
        let table = table(&model(vec![measured("时延", 0.5)]));
        assert_eq!((table.sections.len(), table.rows.len()), (1, 1));
        assert_eq!(super::table(&Model::default()), Table::default());
    }
}
