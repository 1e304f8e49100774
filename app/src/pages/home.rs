//! `/`: what this book is, a real run, and the table of contents.

use book::{Part, Planned};
use leptos::prelude::*;

use crate::Site;
use crate::parts::facts;
use crate::parts::page::Page;
use crate::parts::problems::Problems;
use crate::parts::sequence::SequenceDrawing;

const DESCRIPTION: &str =
    "一本讲 Rust 网络编程的书。书里的每个程序都真的在跑，跑的时候同时看得见代码、线路和内核。";

#[component]
pub fn Home() -> impl IntoView {
    let site = expect_context::<Site>();
    let parts = site.book.parts.iter().map(|part| view! { <PartOfBook part=part.clone()/> }).collect_view();
    view! {
        <Page title="线上 Wirebook · Rust 网络编程" description=DESCRIPTION path="/" class="home">
            <Problems file=String::new()/>
            <div class="home-title">
                <h1>"线上"</h1>
                <p class="home-subtitle">"Rust 网络编程，每一行都真的在跑"</p>
            </div>
            <div class="prose home-lead">
                <p>
                    "书里的时序图没有一张是画出来的。每个实验都是一个普通的 Rust 网络程序，按下“运行”，它就在一个小小的虚拟网络里真的跑一遍：真实的内核，真实的套接字，真实的以太网帧。运行的同时，有三双眼睛在看。"
                </p>
                <dl class="home-observers">
                    <div><dt>"代码"</dt><dd>"哪一行正在执行，它记下了什么日志，它所用的库又在做什么。"</dd></div>
                    <div><dt>"线路"</dt><dd>"每一个帧何时出发、何时到达，还是丢在了路上；点开就是字段和比特。"</dd></div>
                    <div><dt>"内核"</dt><dd>"套接字处在什么状态，拥塞窗口有多大，重传了几次。"</dd></div>
                </dl>
                <p>"三份记录合在同一条时间轴上，可以播放、单步、改参数、再跑一遍，也可以存成链接，或者导出给 Wireshark。"</p>
            </div>
            <RealRun/>
            <h2 id="contents-of-the-book">"目录"</h2>
            {parts}
        </Page>
    }
}

/// The beginning of a recorded run, drawn; nothing while there is no recording.
#[component]
fn RealRun() -> impl IntoView {
    let site = expect_context::<Site>();
    let hints = site.lab("tcp-echo").map(|info| info.hints.clone()).unwrap_or_default();
    (site.recordings)("tcp-echo").map(|trace| {
        let date = facts::date(trace.started_at_ms);
        view! {
            <figure class="home-run">
                <SequenceDrawing trace hints/>
                <figcaption>
                    <span class="recorded-label">"录制"</span>
                    {format!("{date}（UTC），“")}<a href="/labs/tcp-echo">"TCP 回显"</a>
                    "”在这台服务器上真实运行时最初的几个帧。"
                </figcaption>
            </figure>
        }
    })
}

#[component]
fn PartOfBook(part: Part) -> impl IntoView {
    let mut entries: Vec<_> = part
        .chapters
        .iter()
        .map(|chapter| (chapter.number.clone(), written(chapter).into_any()))
        .chain(part.planned.iter().map(|planned| (planned.number.clone(), unwritten(planned).into_any())))
        .collect();
    entries.sort_by_key(|(number, _)| order(number));
    let entries = entries.into_iter().map(|(_, view)| view).collect_view();
    view! {
        <section class="home-part" aria-labelledby=part.id.slug()>
            <h3 id=part.id.slug()>{part.title.clone()}</h3>
            <p class="home-part-summary">{part.summary.clone()}</p>
            <ol class="home-chapters">{entries}</ol>
        </section>
    }
}

fn written(chapter: &book::Chapter) -> impl IntoView + use<> {
    view! {
        <li class=depth(&chapter.number)>
            <span class="number">{chapter.number.clone()}</span>
            <div>
                <a href=chapter.path()>{chapter.title.clone()}</a>
                <p>{chapter.summary.clone()}</p>
            </div>
        </li>
    }
}

fn unwritten(planned: &Planned) -> impl IntoView + use<> {
    view! {
        <li class=format!("{} unwritten", depth(&planned.number))>
            <span class="number">{planned.number.clone()}</span>
            <div>{planned.title.clone()}<small>"待写"</small></div>
        </li>
    }
}

/// Sections of a chapter (`1.1`) stand in.
fn depth(number: &str) -> &'static str {
    if number.contains('.') { "inner" } else { "outer" }
}

/// `1.10` after `1.9`.
fn order(number: &str) -> Vec<u32> {
    number.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}
