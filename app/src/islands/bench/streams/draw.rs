//! The lanes as SVG and as tables: strings, nothing in them changes by itself.

use super::layout::{Block, HALF, HEAD, LANE, Layout};
use super::span::Carrier;
use crate::islands::bench::format::{self, fit, text_width};
use crate::islands::bench::markup::{escaped, table};

/// More blocks than this are not listed.
const MOST: usize = 600;
/// Times stand at least this far apart, pixels.
const TIMES: i32 = 78;

/// The lanes' names, in a list that stays where it is while the blocks scroll.
pub(crate) fn names(layout: &Layout) -> String {
    let mut html = String::new();
    for (number, lane) in layout.lanes.iter().enumerate() {
        let [first, second] = &lane.ends;
        let inner = if lane.stream.number.is_some() { " streams-inner" } else { "" };
        html.push_str(&format!(
            "<li class=\"streams-lane-{}{inner}\"><b>{}</b><span>→ {}</span><span>← {}</span></li>",
            number % 8,
            escaped(&lane.title),
            escaped(second),
            escaped(first)
        ));
    }
    html
}

/// All blocks. `id` begins every element id.
pub(crate) fn svg(layout: &Layout, id: &str) -> String {
    let (width, height) = (layout.width, layout.height);
    let mut svg = format!(
        "<svg class=\"streams-plot\" width=\"{width}\" height=\"{height}\" role=\"presentation\" focusable=\"false\"><defs>\
         <pattern id=\"{id}-lost\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
         <path class=\"streams-cross\" d=\"M0 0L6 6M6 0L0 6\"/></pattern>\
         <pattern id=\"{id}-again\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
         <path class=\"streams-stripe\" d=\"M-1 1L1 -1M0 6L6 0M5 7L7 5\"/></pattern></defs>"
    );
    for lane in 0..layout.lanes.len() {
        let y = HEAD + i32::try_from(lane).unwrap_or(0) * LANE;
        let middle = y + HALF + 3;
        svg.push_str(&format!(
            "<g aria-hidden=\"true\"><line class=\"streams-rule\" x1=\"0\" y1=\"{y}\" x2=\"{width}\" y2=\"{y}\"/>\
             <line class=\"streams-middle\" x1=\"0\" y1=\"{middle}\" x2=\"{width}\" y2=\"{middle}\"/></g>"
        ));
    }
    folds(&mut svg, layout);
    times(&mut svg, layout);
    for (at, block) in layout.blocks.iter().enumerate() {
        draw(&mut svg, layout, block, at, id);
    }
    svg.push_str("</svg>");
    svg
}

fn folds(svg: &mut String, layout: &Layout) {
    let mut free = 0;
    for fold in layout.axis.folds() {
        let x = (fold.start + fold.end) / 2;
        svg.push_str(&format!(
            "<line class=\"streams-fold\" x1=\"{x}\" y1=\"{HEAD}\" x2=\"{x}\" y2=\"{}\" aria-hidden=\"true\"/>",
            layout.height
        ));
        // Folds may be closer than their words.
        let text = format!("⌇{}", format::brief(fold.to - fold.from));
        let half = text_width(&text) / 2;
        if x - half >= free {
            free = x + half + 4;
            svg.push_str(&format!(
                "<text class=\"streams-idle\" x=\"{x}\" y=\"10\" text-anchor=\"middle\" aria-hidden=\"true\">{}</text>",
                escaped(&text)
            ));
        }
    }
}

/// Moments of blocks, as many as there is room for.
fn times(svg: &mut String, layout: &Layout) {
    let mut free = 0;
    for block in &layout.blocks {
        if block.x < free {
            continue;
        }
        free = block.x + TIMES;
        svg.push_str(&format!(
            "<text class=\"streams-time\" x=\"{}\" y=\"21\" aria-hidden=\"true\">{}</text>",
            block.x,
            format::millis(block.span.time)
        ));
    }
}

fn draw(svg: &mut String, layout: &Layout, block: &Block, at: usize, id: &str) {
    let (x, y, width) = (block.x, block.y(), block.width);
    let lane = block.lane % 8;
    let mark = if block.span.mark.is_some() { " streams-mark" } else { "" };
    svg.push_str(&format!(
        "<g class=\"streams-block streams-lane-{lane}{mark}\" role=\"option\" id=\"{id}-{at}\" data-at=\"{at}\" \
         aria-selected=\"false\" aria-label=\"{}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" rx=\"2\"/>",
        escaped(&layout.sentence(block)),
        HALF - 2
    ));
    for (is, pattern) in [(block.span.again, "again"), (block.lost.is_some(), "lost")] {
        if is {
            svg.push_str(&format!(
                "<path fill=\"url(#{id}-{pattern})\" d=\"M{x} {y}h{width}v{}h-{width}z\"/>",
                HALF - 2
            ));
        }
    }
    let (_, content, _) = layout.words(block);
    let text = if block.lost.is_some() { "✕".to_owned() } else { content };
    let text = if text_width(&text) + 6 <= width { text } else { String::new() };
    if !text.is_empty() {
        let text = escaped(&fit(&text, width));
        svg.push_str(&format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
            x + width / 2,
            y + 15
        ));
    }
    svg.push_str("</g>");
}

/// The time cursor, what is still to come, and the selected block.
pub(crate) fn overlay(layout: &Layout, time: u64, selected: Option<usize>) -> String {
    let (width, height, x) = (layout.width, layout.height, layout.axis.at(time));
    let mut svg = format!(
        "<svg width=\"{width}\" height=\"{height}\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"streams-future\" x=\"{x}\" y=\"{HEAD}\" width=\"{}\" height=\"{}\"/>\
         <line class=\"chart-cursor\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{height}\"/>",
        (width - x).max(0),
        height - HEAD,
        HEAD - 2
    );
    if let Some(block) = selected.and_then(|at| layout.blocks.get(at)) {
        svg.push_str(&format!(
            "<rect class=\"streams-chosen\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\"/>",
            block.x - 2,
            block.y() - 2,
            block.width + 4,
            HALF + 2
        ));
    }
    svg.push_str("</svg>");
    svg
}

/// The text form: what each stream carried, then block by block.
pub(crate) fn text(layout: &Layout) -> String {
    let heads = ["流", "两端", "去", "回", "重传", "丢失的帧"];
    let lanes = layout.lanes.iter().map(|lane| {
        let [first, second] = &lane.ends;
        vec![
            lane.title.clone(),
            format!("{first} → {second}"),
            format::bytes(lane.bytes[0]),
            format::bytes(lane.bytes[1]),
            format::bytes(lane.again),
            lane.lost.to_string(),
        ]
    });
    let mut html = table("各个流", &heads, &lanes.collect::<Vec<_>>());
    let blocks = layout.blocks.iter().take(MOST).map(|block| {
        let (range, content, fate) = layout.words(block);
        let (from, to) = layout.way(block);
        let title = layout.lanes.get(block.lane).map_or("", |lane| lane.title.as_str());
        vec![
            format::millis(block.span.time),
            title.to_owned(),
            format!("{from} → {to}"),
            range,
            block.span.length().to_string(),
            content,
            fate,
        ]
    });
    let heads = ["时间 ms", "流", "方向", "字节范围", "长度", "内容", "备注"];
    html.push_str(&table("按时间", &heads, &blocks.collect::<Vec<_>>()));
    let more = layout.blocks.len().saturating_sub(MOST);
    if more > 0 {
        html.push_str(&format!("<p class=\"told-more\">此后还有 {more} 块，见“报文”。</p>"));
    }
    html
}

/// What is not drawn, in words.
pub(crate) fn missing(layout: &Layout) -> Option<String> {
    match layout.left_out {
        (0, 0) => None,
        (0, blocks) => Some(format!("太长了：最后 {blocks} 块没有画。")),
        (lanes, _) => Some(format!("太多了：还有 {lanes} 个流没有画。")),
    }
}

/// True if streams inside connections are among the lanes.
pub(crate) fn has_inner(layout: &Layout) -> bool {
    layout.lanes.iter().any(|lane| lane.stream.number.is_some() || lane.stream.carrier == Carrier::Quic)
}

#[cfg(test)]
mod tests {
    use super::super::layout::tests::lossy;
    use super::*;

    #[test]
    fn blocks_are_options_and_patterns_tell_what_went_wrong() {
        let (_, layout) = lossy();
        let svg = svg(&layout, "x");
        assert_eq!(svg.matches("role=\"option\"").count(), 4);
        assert_eq!((svg.matches("url(#x-lost)").count(), svg.matches("url(#x-again)").count()), (1, 1));
        assert!(svg.contains(
            "aria-label=\"301.200 ms，TCP 连接 0，client 到 server，第 12–511 字节（500 字节），重传\""
        ));
        assert!(svg.contains("⌇300ms"), "{svg}");
        assert!(names(&layout).contains("<b>TCP 连接 0</b><span>→ server</span><span>← client</span>"));
        assert!(overlay(&layout, 1_000_000, Some(2)).contains("streams-chosen"));
        assert!(!has_inner(&layout) && missing(&layout).is_none());
    }

    #[test]
    fn the_text_form_lists_lanes_and_blocks() {
        let html = text(&lossy().1);
        assert!(html.contains("<td>512 B</td><td>0 B</td><td>500 B</td><td>1</td>"), "{html}");
        assert!(html.contains("<td>12–511</td><td>500</td><td></td><td>丢失</td>"), "{html}");
    }
}
