//! Panels as SVG, a string: nothing in it changes by itself.

use super::panels::{Line, Panel, Panels, TITLES, marks};
use super::path::{Plot, slopes, steps};
use crate::islands::bench::axis::ticks;
use crate::islands::bench::format;
use crate::islands::bench::markup::escaped;
use crate::number;

/// Up to so many points get a mark of their own.
const MARKED: usize = 60;

/// The whole drawing.
pub(crate) fn svg(panels: &Panels, plots: &[Plot], width: i32, height: i32) -> String {
    let mut svg = format!(
        "<svg class=\"chart-plot\" width=\"{width}\" height=\"{height}\" aria-hidden=\"true\" focusable=\"false\">"
    );
    for (panel, plot) in panels.list.iter().zip(plots) {
        draw(&mut svg, panel, plot);
    }
    if let (Some(first), Some(last)) = (plots.first(), plots.last()) {
        sections(&mut svg, panels, first, last);
        times(&mut svg, last);
    }
    svg.push_str("</svg>");
    svg
}

/// One panel: grid, numbers, unit, curves.
fn draw(svg: &mut String, panel: &Panel, plot: &Plot) {
    let (left, right) = (plot.left, plot.left + plot.width);
    let count = (plot.height / 28).max(2);
    for mark in marks(plot.min, plot.max, count, panel.is_whole()) {
        let (y, text) = (plot.y(mark), number::readable(mark));
        svg.push_str(&format!(
            "<line class=\"chart-grid\" x1=\"{left}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\"/>\
             <text class=\"chart-number\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{text}</text>",
            left - 6,
            y + 4
        ));
    }
    let unit = escaped(&panel.unit);
    svg.push_str(&format!("<text class=\"chart-unit\" x=\"{left}\" y=\"{}\">{unit}</text>", plot.top - 7));
    // The first line lies on top.
    for line in panel.lines.iter().rev() {
        let path =
            if line.holds { steps(&line.samples, line.until, plot) } else { slopes(&line.samples, plot) };
        let class = escaped(&line.class);
        svg.push_str(&format!("<path class=\"chart-line {class}\" d=\"{path}\"/>"));
        if !line.holds && line.samples.len() <= MARKED {
            points(svg, line, plot);
        }
    }
}

fn points(svg: &mut String, line: &Line, plot: &Plot) {
    let mut path = String::new();
    for (time, value) in &line.samples {
        if let Some(value) = value {
            path.push_str(&format!("M{} {}h0", plot.x(*time), plot.y(*value)));
        }
    }
    svg.push_str(&format!("<path class=\"chart-points {}\" d=\"{path}\"/>", escaped(&line.class)));
}

/// Where parts of the run begin: a line through all panels, its title above them.
fn sections(svg: &mut String, panels: &Panels, first: &Plot, last: &Plot) {
    let right = first.left + first.width;
    for (at, (time, title)) in panels.sections.iter().enumerate() {
        if !(first.start..=first.end).contains(time) {
            continue;
        }
        let x = first.x(*time);
        let next = panels.sections.get(at + 1).map_or(right, |(time, _)| first.x(*time));
        let title = if next - x > 24 { escaped(&format::fit(title, next - x - 8)) } else { String::new() };
        svg.push_str(&format!(
            "<line class=\"chart-section\" x1=\"{x}\" y1=\"2\" x2=\"{x}\" y2=\"{}\"/>\
             <text class=\"chart-title\" x=\"{}\" y=\"{}\">{title}</text>",
            last.top + last.height,
            x + 4,
            TITLES - 5
        ));
    }
}

/// The time axis below the panels.
fn times(svg: &mut String, plot: &Plot) {
    let count = u64::try_from(plot.width / 90).unwrap_or(1).max(1);
    let bottom = plot.top + plot.height;
    // As many steps as fit the part that is shown.
    let steps = count.saturating_mul(plot.end) / (plot.end - plot.start).max(1);
    for tick in ticks(plot.end, steps.clamp(1, 10_000)).into_iter().filter(|tick| *tick >= plot.start) {
        let x = plot.x(tick);
        let anchor = if x + 24 > plot.left + plot.width { "end" } else { "middle" };
        let text = if tick == 0 { "0".to_owned() } else { format::brief(tick) };
        svg.push_str(&format!(
            "<line class=\"chart-tick\" x1=\"{x}\" y1=\"{bottom}\" x2=\"{x}\" y2=\"{}\"/>\
             <text class=\"chart-number\" x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>",
            bottom + 4,
            bottom + 17
        ));
    }
}

/// The names of the curves, each with a piece of it and its value at a moment.
pub(crate) fn legend(panels: &Panels, time: u64) -> String {
    let mut html = String::new();
    for panel in &panels.list {
        for line in &panel.lines {
            let (class, name) = (escaped(&line.class), escaped(&line.name));
            let value = escaped(&line.told(time, &panel.unit));
            let point = if line.holds {
                String::new()
            } else {
                format!("<path class=\"chart-points {class}\" d=\"M14 5h0\"/>")
            };
            html.push_str(&format!(
                "<div class=\"chart-key\"><dt><svg class=\"chart-swatch\" width=\"28\" height=\"10\" aria-hidden=\"true\">\
                 <path class=\"chart-line {class}\" d=\"M1 5H27\"/>{point}</svg>{name}</dt><dd>{value}</dd></div>"
            ));
        }
    }
    html
}

/// The time cursor, and rings around the samples of the selected event.
pub(crate) fn overlay(
    panels: &Panels,
    plots: &[Plot],
    size: (i32, i32),
    time: u64,
    selected: Option<u32>,
) -> String {
    let (width, height) = size;
    let mut svg =
        format!("<svg width=\"{width}\" height=\"{height}\" aria-hidden=\"true\" focusable=\"false\">");
    if let (Some(first), Some(last)) = (plots.first(), plots.last())
        && (first.start..=first.end).contains(&time)
    {
        let (x, y, bottom) = (first.x(time), first.top, last.top + last.height);
        svg.push_str(&format!(
            "<line class=\"chart-cursor\" x1=\"{x}\" y1=\"{y}\" x2=\"{x}\" y2=\"{bottom}\"/>"
        ));
    }
    for (x, y) in selected.map(|event| panels.places(plots, event)).unwrap_or_default() {
        svg.push_str(&format!("<circle class=\"chart-ring\" cx=\"{x}\" cy=\"{y}\" r=\"6\"/>"));
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::super::panels::tests::line;
    use super::*;

    #[test]
    fn names_from_a_trace_are_text_and_nothing_else() {
        let mut evil = line("<script>", &[(1, 2.0), (3, 4.0)]);
        evil.class = "\"><b".to_owned();
        let panel = Panel { unit: "</text>".to_owned(), height: 60, lines: vec![evil] };
        let panels = Panels { list: vec![panel], shown: (0, 10), sections: vec![(0, "<i>".to_owned())] };
        let (plots, height) = panels.plots(400);
        let all = svg(&panels, &plots, 400, height) + &legend(&panels, 3);
        assert!(!all.contains("<script") && !all.contains("<b") && !all.contains("<i>"), "{all}");
        assert!(all.contains("&lt;script&gt;") && all.contains("<dd>4 &lt;/text&gt;</dd>"), "{all}");
        assert_eq!(all.matches("chart-section").count(), 1);
        let over = overlay(&panels, &plots, (400, height), 3, Some(3));
        assert!(over.contains("chart-cursor") && over.contains("chart-ring"), "{over}");
        assert!(!overlay(&panels, &plots, (400, height), 11, None).contains("chart-cursor"));
    }
}
