//! The text form of a chart: tables of statistics and of samples.

use super::bars::{Reported, Statistic, by_section, reported};
use super::series::named;
use crate::islands::bench::format;
use crate::islands::bench::markup::table;
use crate::islands::bench::model::{Model, Point, Series};
use crate::number;

/// More samples than this are not listed.
const MOST: usize = 600;

pub(crate) fn html(model: &Model) -> String {
    let mut html = String::new();
    let results = results(model);
    if !results.is_empty() {
        html.push_str(&table("测得", &["量", "部分", "时间 ms", "值"], &results));
    }
    if model.series.is_empty() {
        return html;
    }
    let heads = ["序列", "部分", "单位", "采样", "首值", "末值", "最小", "最大", "平均", "合计"];
    html.push_str(&table("统计", &heads, &statistics(model)));
    let (rows, left) = samples(model);
    html.push_str(&table("采样", &["时间 ms", "序列", "值"], &rows));
    if left > 0 {
        html.push_str(&format!("<p class=\"told-more\">此后还有 {left} 个采样，见下载的轨迹。</p>"));
    }
    html
}

fn results(model: &Model) -> Vec<Vec<String>> {
    let all = reported(model).into_iter().flat_map(|one| {
        let Reported { name, section, unit, all } = one;
        all.into_iter().map(move |result| {
            let value = format!("{} {unit}", number::readable(result.value));
            vec![name.clone(), section.to_owned(), format::millis(result.time), value]
        })
    });
    all.collect()
}

fn statistics(model: &Model) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for series in &model.series {
        for (section, values) in by_section(model, series, u64::MAX) {
            let told = |statistic: Statistic| number::readable(statistic.of(&values).unwrap_or(0.0));
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            rows.push(vec![
                named(model, series.host, &series.name),
                section.to_owned(),
                series.unit.clone(),
                values.len().to_string(),
                number::readable(values.first().copied().unwrap_or(0.0)),
                told(Statistic::Last),
                number::readable(least),
                told(Statistic::Max),
                told(Statistic::Mean),
                told(Statistic::Sum),
            ]);
        }
    }
    rows
}

/// In order of time, and how many are not listed.
fn samples(model: &Model) -> (Vec<Vec<String>>, usize) {
    let points =
        model.series.iter().flat_map(|series| series.points.iter().map(move |point| (point, series)));
    let mut points: Vec<_> = points.collect();
    points.sort_by_key(|(point, _)| (point.time, point.seq));
    let row = |(point, series): &(&Point, &Series)| {
        let value = format!("{} {}", number::readable(point.value), series.unit);
        let name = named(model, series.host, &series.name);
        vec![format::millis(point.time), name, value.trim_end().to_owned()]
    };
    (points.iter().take(MOST).map(row).collect(), points.len().saturating_sub(MOST))
}

#[cfg(test)]
mod tests {
    use super::super::series::tests::{model, sampled};
    use super::*;

    #[test]
    fn every_series_has_its_numbers_and_samples_come_in_order() {
        let model =
            model(vec![sampled("队列", 4.0, "个"), sampled("时延", 0.5, "ms"), sampled("队列", 1.0, "个")]);
        let rows = statistics(&model);
        assert_eq!(rows[0], ["队列", "", "个", "2", "4", "1", "1", "4", "2.5", "5"]);
        let (rows, left) = samples(&model);
        assert_eq!((rows[1][1].as_str(), rows[2][2].as_str(), left), ("时延", "1 个", 0));
    }
}
