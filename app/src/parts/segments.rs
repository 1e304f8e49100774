//! The body of a chapter.

use book::{Segment, Widget};
use leptos::prelude::*;
use std::collections::BTreeMap;

use super::addr_examples::AddrParseWidget;
use super::bench::LabBench;
use super::correction::CorrectionBox;
use super::listing::Listing;
use super::peer::PeerHere;
use super::problems::ProblemHere;
use super::quiz::QuestionBox;

#[component]
pub fn Segments(segments: Vec<Segment>) -> impl IntoView {
    // A lab may stand on a page more than once: each bench needs a name of its own.
    let mut seen = BTreeMap::<String, u32>::new();
    segments
        .into_iter()
        .map(|segment| match segment {
            Segment::Prose { html } => view! { <div class="prose" inner_html=html></div> }.into_any(),
            Segment::Lab(block) => {
                let count = seen.entry(block.slug.clone()).or_default();
                *count += 1;
                let name = if *count == 1 { block.slug.clone() } else { format!("{}-{count}", block.slug) };
                view! { <LabBench name block/> }.into_any()
            }
            Segment::Widget(Widget::AddrParse) => view! { <AddrParseWidget/> }.into_any(),
            Segment::Code(block) => view! { <Listing block/> }.into_any(),
            Segment::Correction(correction) => view! { <CorrectionBox correction/> }.into_any(),
            Segment::Peer { slug } => view! { <PeerHere slug/> }.into_any(),
            Segment::Quiz(question) => view! { <QuestionBox question=*question/> }.into_any(),
            Segment::Problem(problem) => view! { <ProblemHere problem/> }.into_any(),
        })
        .collect_view()
}
