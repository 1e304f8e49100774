//! How a TCP connection felt its way: congestion window, threshold, data in flight, round-trip time.
//!
//! Segments and milliseconds have a panel each; two units on one axis would invent crossings.

mod path;

use super::axis::ticks;
use super::format;
use super::measure::use_size;
use super::model::SocketHistory;
use super::state::Bench;
use crate::islands::boxed::{heard, part};
use leptos::ev::MouseEvent;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use path::{Plot, Sample, at, steps};
use std::sync::Arc;

/// Left margin for the numbers, and heights of the panels, pixels.
const LEFT: i32 = 46;
const RIGHT: i32 = 8;
const UPPER: i32 = 130;
const LOWER: i32 = 70;
const BETWEEN: i32 = 26;
const TOP: i32 = 18;

/// The curves of one connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curves {
    cwnd: Vec<Sample>,
    ssthresh: Vec<Sample>,
    flight: Vec<Sample>,
    rtt: Vec<Sample>,
    /// When the last of them ends, ns.
    until: u64,
    /// What the chart shows: the connection's life and a little after it, from 0 unless it began late.
    shown: (u64, u64),
}

impl Curves {
    /// What the kernel said of a connection over a run that lasted until `end`.
    pub(crate) fn new(history: &SocketHistory, end: u64) -> Self {
        let mut curves = Self::default();
        for (time, _, kernel) in &history.samples {
            let Some(tcp) = kernel.tcp.as_ref() else { continue };
            curves.cwnd.push((*time, Some(tcp.cwnd)));
            curves.ssthresh.push((*time, tcp.ssthresh));
            curves.flight.push((*time, Some(tcp.unacked)));
            curves.rtt.push((*time, Some(tcp.rtt_us).filter(|rtt| *rtt > 0)));
        }
        // Without a full socket (TIME_WAIT, gone) nothing more is known.
        let after =
            history.samples.iter().rposition(|(_, _, kernel)| kernel.tcp.is_some()).map(|last| last + 1);
        curves.until = after.and_then(|after| history.samples.get(after)).map_or(end, |(time, ..)| *time);
        let first = curves.cwnd.first().map_or(0, |(time, _)| *time);
        let begins_late = first > curves.until / 3;
        let start = if begins_late { first.saturating_sub((curves.until - first) / 20) } else { 0 };
        curves.shown = (start, end.min(curves.until + (curves.until - start) / 20).max(start + 1));
        curves
    }

    fn is_empty(&self) -> bool {
        self.cwnd.is_empty()
    }

    fn samples(&self, curve: Curve) -> &[Sample] {
        match curve {
            Curve::Cwnd => &self.cwnd,
            Curve::Ssthresh => &self.ssthresh,
            Curve::Flight => &self.flight,
            Curve::Rtt => &self.rtt,
        }
    }

    fn max(&self, curves: &[Curve]) -> u32 {
        let values = curves.iter().flat_map(|curve| self.samples(*curve)).filter_map(|(_, value)| *value);
        values.max().unwrap_or(0).max(1)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    Cwnd,
    Ssthresh,
    Flight,
    Rtt,
}

impl Curve {
    const ALL: [Self; 4] = [Self::Cwnd, Self::Ssthresh, Self::Flight, Self::Rtt];
    const SEGMENTS: [Self; 3] = [Self::Flight, Self::Ssthresh, Self::Cwnd];

    /// Name, and class that gives stroke and dashes.
    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Cwnd => ("拥塞窗口 cwnd", "chart-cwnd"),
            Self::Ssthresh => ("慢启动阈值 ssthresh", "chart-ssthresh"),
            Self::Flight => ("在途未确认", "chart-flight"),
            Self::Rtt => ("往返时间 rtt", "chart-rtt"),
        }
    }

    fn value(self, value: Option<u32>) -> String {
        match (self, value) {
            (Self::Ssthresh, None) => "无穷大".to_owned(),
            (_, None) => "—".to_owned(),
            (Self::Rtt, Some(us)) => format::micros(us),
            (_, Some(segments)) => format!("{segments} 段"),
        }
    }
}

/// The chart of one socket.
#[component]
pub(crate) fn Chart(
    bench: Bench,
    /// What to draw.
    curves: Memo<Arc<Curves>>,
) -> impl IntoView {
    let area = NodeRef::<Div>::new();
    let size = use_size(area);
    let width = Memo::new(move |_| size.get().width);
    let legend = Curve::ALL.map(|curve| {
        let (name, class) = curve.name();
        let value = move || {
            let time = bench.cursor.get();
            curves.with(|curves| {
                let known = curves.samples(curve).first().is_some_and(|(first, _)| *first <= time)
                    && time < curves.until.max(1);
                if known || time == curves.until {
                    curve.value(at(curves.samples(curve), time))
                } else {
                    "—".to_owned()
                }
            })
        };
        view! {
            <div class="chart-key">
                <dt>
                    <svg class="chart-swatch" width="28" height="10" aria-hidden="true">
                        <path class=format!("chart-line {class}") d="M1 5H27"></path>
                    </svg>
                    {name}
                </dt>
                <dd>{value}</dd>
            </div>
        }
    });
    let plots = Memo::new(move |_| {
        let width = width.get() - LEFT - RIGHT;
        curves.with(|curves| {
            let (start, end) = curves.shown;
            let upper = Plot {
                left: LEFT,
                top: TOP,
                width,
                height: UPPER,
                start,
                end,
                max: curves.max(&Curve::SEGMENTS),
            };
            let top = TOP + UPPER + BETWEEN;
            let lower = Plot { top, height: LOWER, max: curves.max(&[Curve::Rtt]), ..upper };
            (upper, lower)
        })
    });
    let cursor = Memo::new(move |_| plots.get().0.x(bench.cursor.get()));
    let cursor_class = move || {
        let (start, end) = curves.with(|curves| curves.shown);
        if (start..=end).contains(&bench.cursor.get()) {
            "chart-cursor"
        } else {
            "chart-cursor chart-outside"
        }
    };
    let on_click = move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if let Some(drawing) = target.and_then(|target| target.closest("svg").ok().flatten()) {
            let x = f64::from(event.client_x()) - drawing.get_bounding_client_rect().left();
            bench.seek(plots.get_untracked().0.time(x as i32));
        }
    };
    let height = TOP + UPPER + BETWEEN + LOWER + 24;
    view! {
        <div class="chart" node_ref=area>
            <dl class="chart-legend">{legend}</dl>
            <Show when=move || { width.get() > 80 }>
                <svg class="chart-plot" width=width height=height role="img" aria-label="cwnd、ssthresh、在途段数与 rtt 随时间的变化，数值见下面的采样表" on:click=heard(on_click)>
                    {part(move || {
                        let (upper, lower) = plots.get();
                        curves.with(|curves| (
                            panel(curves, &upper, &Curve::SEGMENTS, "段"),
                            panel(curves, &lower, &[Curve::Rtt], "ms"),
                            times(&lower),
                        ))
                    })}
                    <line class=cursor_class x1=cursor x2=cursor y1=TOP y2=height - 22></line>
                </svg>
            </Show>
        </div>
    }
}

/// One panel: grid, numbers, unit, curves.
fn panel(curves: &Curves, plot: &Plot, shown: &[Curve], unit: &'static str) -> impl IntoView + use<> {
    let (left, right) = (plot.left, plot.left + plot.width);
    let is_rtt = shown.contains(&Curve::Rtt);
    let grid =
        ticks(plot.max.into(), 4).into_iter().filter_map(|tick| u32::try_from(tick).ok()).map(|tick| {
            let y = plot.y(tick);
            let text = if is_rtt { thousandths(tick) } else { tick.to_string() };
            view! {
                <line class="chart-grid" x1=left y1=y x2=right y2=y></line>
                <text class="chart-number" x=left - 6 y=y + 4 text-anchor="end">{text}</text>
            }
        });
    let lines = shown.iter().map(|curve| {
        let path = steps(curves.samples(*curve), curves.until, plot);
        view! { <path class=format!("chart-line {}", curve.name().1) d=path></path> }
    });
    view! {
        {grid.collect_view()}
        <text class="chart-unit" x=left y=plot.top - 6>{unit}</text>
        {lines.collect_view()}
    }
}

/// Microseconds in milliseconds, without needless zeros.
fn thousandths(us: u32) -> String {
    let text = format!("{}.{:03}", us / 1_000, us % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The time axis below the panels.
fn times(plot: &Plot) -> impl IntoView + use<> {
    let count = u64::try_from(plot.width / 90).unwrap_or(1).max(1);
    let bottom = plot.top + plot.height;
    // As many steps as fit the part that is shown.
    let steps = count * plot.end / (plot.end - plot.start).max(1);
    let marks = ticks(plot.end, steps.min(10_000)).into_iter().filter(|tick| *tick >= plot.start).map(|tick| {
        let x = plot.x(tick);
        let anchor = if x + 24 > plot.left + plot.width { "end" } else { "middle" };
        view! {
            <line class="chart-tick" x1=x y1=bottom x2=x y2=bottom + 4></line>
            <text class="chart-number" x=x y=bottom + 17 text-anchor=anchor>{if tick == 0 { "0".to_owned() } else { format::brief(tick) }}</text>
        }
    });
    marks.collect_view()
}

/// Nothing to draw for this socket.
pub(crate) fn nothing(curves: &Curves) -> bool {
    curves.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::kernel::sockets::tests::history;
    use super::*;
    use api::trace::{SocketState, TcpInfo};

    #[test]
    fn curves_end_where_the_full_socket_does() {
        let tcp = |cwnd, rtt_us| Some(TcpInfo { cwnd, rtt_us, ..TcpInfo::default() });
        let history = history(&[
            (10, Some(SocketState::SynSent), tcp(10, 0)),
            (20, Some(SocketState::Established), tcp(12, 40)),
            (30, Some(SocketState::TimeWait), None),
        ]);
        let curves = Curves::new(&history, 100);
        assert_eq!(curves.cwnd, [(10, Some(10)), (20, Some(12))]);
        assert_eq!(curves.rtt, [(10, None), (20, Some(40))]);
        assert_eq!((curves.until, curves.max(&Curve::SEGMENTS), curves.shown), (30, 12, (0, 31)));
        assert_eq!(Curve::Ssthresh.value(None), "无穷大");
        assert_eq!(thousandths(1_500), "1.5");
        assert_eq!(thousandths(20_000), "20");
    }
}
