//! 勘误: what was said, what holds, how this page proves it.

use book::Correction;
use leptos::prelude::*;

#[component]
pub fn CorrectionBox(correction: Correction) -> impl IntoView {
    let Correction { said, holds, proof } = correction;
    view! {
        <div class="correction" role="note" aria-label="勘误">
            <p class="correction-title" aria-hidden="true">"勘误"</p>
            <dl>
                <div class="correction-said"><dt>"原先的说法"</dt><dd inner_html=said></dd></div>
                <div><dt>"今天的事实"</dt><dd inner_html=holds></dd></div>
                <div><dt>"本页的证据"</dt><dd inner_html=proof></dd></div>
            </dl>
        </div>
    }
}
