//! `/traces/{id}`: a saved trace, replayed without running anything.

use api::trace::Trace;
use leptos::prelude::*;
use std::sync::Arc;

use super::not_found::NotFound;
use crate::islands::late::{LateIsland, Setup};
use crate::parts::facts;
use crate::parts::page::Page;
use crate::parts::recording::Recorded;
use crate::{SavedTrace, Site};

#[component]
pub fn TraceReplay() -> impl IntoView {
    match use_context::<SavedTrace>() {
        Some(SavedTrace(trace)) => view! { <TracePage trace/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn TracePage(trace: Arc<Trace>) -> impl IntoView {
    let site = expect_context::<Site>();
    let info = site.lab(&trace.lab).cloned();
    let title = info.as_ref().map_or_else(|| trace.lab.clone(), |info| info.title.clone());
    let (id, lab) = (trace.id.clone(), trace.lab.clone());
    let account = {
        let trace = Arc::clone(&trace);
        let hints = info.as_ref().map(|info| info.hints.clone()).unwrap_or_default();
        move || view! { <Recorded trace label="轨迹" hints/> }
    };
    let replay = match info {
        Some(info) => {
            let setup = Setup {
                name: info.slug.clone(),
                info,
                params: trace.params.clone(),
                lines: Some(trace.lines.clone()),
                seed: Some(trace.seed),
                trace: Some(id.clone()),
                tier: Some(site.tier.clone()),
            };
            view! { <LateIsland island=setup>{account()}</LateIsland> }.into_any()
        }
        None => account().into_any(),
    };
    view! {
        <Page title=format!("轨迹：{title}") description=format!("“{title}”的一次真实运行：代码、线路和内核三侧的完整记录。")
            path=format!("/traces/{id}") class="trace">
            <div class="prose">
                <p class="kicker"><a href=format!("/labs/{lab}")>{title.clone()}</a></p>
                <h1>"一次运行的轨迹"</h1>
                <dl class="trace-facts">
                    <div><dt>"时间"</dt><dd>{facts::date(trace.started_at_ms)}" UTC"</dd></div>
                    <div><dt>"结果"</dt><dd>{facts::outcome(&trace.outcome)}</dd></div>
                    <div><dt>"随机种子"</dt><dd><code>{trace.seed.to_string()}</code></dd></div>
                    <div><dt>"环境"</dt><dd>{facts::tier(trace.tier)}</dd></div>
                    <div><dt>"下载"</dt><dd>
                        <a href=format!("/traces/{id}.pcapng") download>".pcapng（Wireshark）"</a>" "
                        <a href=format!("/traces/{id}.json") download>".json（完整轨迹）"</a>
                    </dd></div>
                </dl>
            </div>
            {replay}
        </Page>
    }
}
