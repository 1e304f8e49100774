use super::super::labels::Turned;
use super::super::scene::Course;
use super::super::scene::tests::{arrow, frame};
use super::*;
use api::trace::{Fate, Level};

fn code(seq: u32, time: u64, host: HostId, text: &str) -> Mark {
    Mark { seq, time, text: text.into(), what: What::Code { host, level: Level::Info } }
}

fn state(seq: u32, time: u64, host: HostId, text: &str) -> Mark {
    Mark { seq, time, text: text.into(), what: What::State { host, gone: false } }
}

/// A handshake and an echo over a line of 50 ms, everything else within microseconds, then a second of silence.
fn conversation() -> Vec<Mark> {
    let ms = 1_000_000;
    vec![
        state(0, 1_000, 1, "LISTEN"),
        code(1, 2_000, 1, "监听 10.0.0.1:8080"),
        state(2, 30_000, 0, "SYN_SENT"),
        frame(3, 35_000, 0, vec![arrow(1, 50 * ms)]),
        state(5, 50 * ms + 10_000, 1, "SYN_RECEIVED"),
        frame(6, 50 * ms + 15_000, 1, vec![arrow(0, 100 * ms)]),
        state(8, 100 * ms + 9_000, 0, "ESTABLISHED"),
        frame(9, 100 * ms + 12_000, 0, vec![arrow(1, 150 * ms)]),
        code(10, 100 * ms + 20_000, 0, "已连接"),
        frame(11, 100 * ms + 30_000, 0, vec![arrow(1, 150 * ms + 18_000)]),
        code(14, 1_150 * ms, 1, "一秒之后"),
    ]
}

fn boxes(layout: &Layout, marks: &[Mark], lanes: &Lanes) -> Vec<(String, Turned, Rect)> {
    let labels = layout.placed.iter().filter_map(|placed| {
        let (text, spot) = placed.label.clone()?;
        let width = text_width(&text);
        let x = match marks[placed.mark].what {
            What::Code { host, .. } if lanes.message_side(host.into()).left => spot.x - width / 2,
            What::Code { .. } => spot.x + width / 2,
            _ => spot.x,
        };
        let spot = Spot { x, ..spot };
        Some((text, Turned::new(spot, width), Rect::around(x, spot.y, width, HEIGHT)))
    });
    labels.collect()
}

/// Pairs of labels that cover each other. All must be on the page.
fn collisions(marks: &[Mark], lanes: &Lanes, zoom: Zoom) -> Vec<(String, String)> {
    let layout = arrange(marks, lanes, zoom, marks.last().unwrap().time);
    let boxes = boxes(&layout, marks, lanes);
    let mut found = Vec::new();
    for (i, (a, left, rect)) in boxes.iter().enumerate() {
        assert!(rect.left >= 0 && rect.right <= lanes.width, "{a} {rect:?} leaves the page");
        let covered = boxes[i + 1..].iter().filter(|(_, right, _)| left.overlaps(right));
        found.extend(covered.map(|(b, ..)| (a.clone(), b.clone())));
    }
    found
}

#[test]
fn labels_never_cover_each_other() {
    let marks = conversation();
    for width in [326, 358, 800, 1200] {
        for zoom in [Zoom::default(), Zoom::default().closer(), Zoom::FARTHEST] {
            assert_eq!(collisions(&marks, &Lanes::new(width, 2), zoom), []);
        }
    }
}

#[test]
fn positions_follow_time() {
    let marks = conversation();
    let layout = arrange(&marks, &Lanes::new(800, 2), Zoom::default(), 1_150_000_000);
    let mut last = i32::MIN;
    for placed in &layout.placed {
        assert!(placed.y >= last);
        last = placed.y;
        for way in &placed.ways {
            assert!(way.line.y1 > way.line.y0);
        }
        let on_axis = layout.axis.at(marks[placed.mark].time);
        assert!((placed.y - on_axis).abs() <= 1, "the cursor's line meets the mark: {} {on_axis}", placed.y);
    }
    assert!(layout.height > last);
}

#[test]
fn transit_times_are_slopes_and_silence_is_folded() {
    let marks = conversation();
    let layout = arrange(&marks, &Lanes::new(800, 2), Zoom::default(), 1_150_000_000);
    let syn = &layout.placed[3].ways[0].line;
    assert!(syn.y1 - syn.y0 >= 20, "{syn:?}");
    let folds = layout.axis.folds();
    assert_eq!(folds.len(), 1, "{folds:?}");
    assert!(folds[0].to - folds[0].from > 900_000_000);
}

#[test]
fn a_lost_frame_ends_on_the_way() {
    let lost = Arrow { course: Course::Sealed(Fate::Lost), ..arrow(1, 0) };
    let marks = vec![frame(0, 0, 0, vec![lost])];
    let lanes = Lanes::new(800, 2);
    let layout = arrange(&marks, &lanes, Zoom::default(), 10);
    let line = layout.placed[0].ways[0].line;
    assert!(line.x1 > lanes.x(0) + 50 && line.x1 < lanes.x(1) - 50);
    assert!(layout.placed[0].label.as_ref().unwrap().0.ends_with("丢失"));
}

#[test]
fn a_broadcast_fans_out_and_tells_each_fate() {
    let lost = Arrow { course: Course::Sealed(Fate::Lost), ..arrow(2, 12_000) };
    let marks = vec![frame(0, 0, 0, vec![arrow(1, 10_000), lost, arrow(3, 11_000)])];
    let layout = arrange(&marks, &Lanes::new(800, 4), Zoom::default(), 12_000);
    let ways = &layout.placed[0].ways;
    assert_eq!(ways.len(), 3);
    assert!(ways[0].remark.is_none() && ways[1].remark.is_some());
    assert!(!layout.placed[0].label.as_ref().unwrap().0.contains("丢失"));
}

#[test]
fn on_five_narrow_lanes_texts_keep_clear_of_each_other() {
    let marks: Vec<Mark> = (0..40_u32)
        .map(|i| {
            let (time, host) = (u64::from(i) * 7_000, (i % 5) as u8);
            match i % 3 {
                0 => frame(i, time, host, vec![arrow((host + 1) % 5, time + 20_000)]),
                1 => code(i, time, host, "收到 18 字节，来自 10.0.0.1:9000"),
                _ => state(i, time, host, "SYN_RECEIVED"),
            }
        })
        .collect();
    let lanes = Lanes::new(358, 5);
    let is_arrow = |text: &str| text.starts_with("TCP");
    let found = collisions(&marks, &lanes, Zoom::default());
    // Texts with a place of their own never do; an arrow between close lanes may find none.
    assert!(found.iter().all(|(a, b)| is_arrow(a) || is_arrow(b)), "{found:?}");
    assert!(found.len() <= 2, "{found:?}");
}

#[test]
fn nothing_hides_where_an_arrow_arrives() {
    let marks = vec![
        frame(0, 0, 0, vec![arrow(1, 5_000_000)]),
        frame(1, 1_000, 0, vec![arrow(1, 5_001_000)]),
        state(4, 5_002_000, 1, "SYN_RECEIVED"),
        code(5, 5_003_000, 1, "新连接"),
        frame(6, 5_004_000, 1, vec![arrow(0, 10_000_000)]),
    ];
    let layout = arrange(&marks, &Lanes::new(420, 2), Zoom::default(), 10_000_000);
    let end = |at: usize| layout.placed[at].ways[0].line.y1;
    let chip = layout.placed[2].y - HEIGHT / 2 - 1;
    assert!(end(1) > end(0) && chip > end(1), "{} {} {chip}", end(0), end(1));
    assert!(layout.placed[3].y - layout.placed[2].y >= HEIGHT);
}

#[test]
fn only_what_is_seen_is_drawn() {
    let marks: Vec<Mark> = (0..5_000_u32)
        .map(|i| {
            frame(
                i,
                u64::from(i) * 20_000,
                (i % 2) as u8,
                vec![arrow(1 - (i % 2) as u8, u64::from(i) * 20_000 + 15_000)],
            )
        })
        .collect();
    let layout = arrange(&marks, &Lanes::new(800, 2), Zoom::default(), 100_000_000);
    let middle = layout.height / 2;
    let seen = layout.window(middle, middle + 600).count();
    assert!((10..80).contains(&seen), "{seen}");
    let far = arrange(&marks, &Lanes::new(800, 2), Zoom::FARTHEST, 100_000_000);
    assert!(far.height * 10 < layout.height, "{} {}", far.height, layout.height);
}

#[test]
fn nothing_yet() {
    let layout = arrange(&[], &Lanes::new(800, 2), Zoom::default(), 0);
    assert_eq!(layout.window(0, 500).count(), 0);
}
