//! The bench of a lab, around the static form of what it will show.

use book::LabBlock;
use leptos::prelude::*;

use super::recording::Recorded;
use crate::Site;
use crate::islands::late::{LateIsland, Setup};

/// A bench at one place of the book. Until the browser has taken over, the lab's recorded default run
/// can be read here as text.
#[component]
pub fn LabBench(
    /// Unique on the page.
    name: String,
    block: LabBlock,
) -> impl IntoView {
    let site = expect_context::<Site>();
    let info = site.lab(&block.slug).cloned();
    info.map(|info| {
        let recording = (site.recordings)(&info.slug);
        let hints = info.hints.clone();
        let LabBlock { params, lines, seed, .. } = block;
        let tier = Some(site.tier.clone());
        let setup = Setup { name, info, params, lines, seed, trace: None, tier };
        view! {
            <LateIsland island=setup>
                {match recording {
                    Some(trace) => view! { <Recorded trace label="录制" hints/> }.into_any(),
                    None => view! { <p class="recorded-none">"这个实验的默认运行还没有录制好，稍后刷新就能看到。"</p> }.into_any(),
                }}
            </LateIsland>
        }
    })
}
