//! The islands that weigh most: their wasm is fetched when the reader comes near one of them.
//!
//! They are one lazy function and so one part of the wasm, beside the one that every page loads. (Each an
//! `#[island(lazy)]`, they would be cut into a part for every set of islands that share some code.)

use api::lab::LabInfo;
use api::line::Line;
use api::quiz::Question;
use api::run::TierReport;
use leptos::prelude::*;
use leptos::tachys::html::islands::Island;
use leptos::tachys::reactive_graph::OwnedView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::progress::plan::Plan;

/// One of them, with all that its HTML is made from on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Late {
    AddrParse,
    Bench(Box<Setup>),
    Fetch,
    Grpc,
    PeerChat,
    PeerEcho,
    Progress(Vec<Plan>),
    /// A question, and the title of the lab that decides a prediction.
    Quiz(Box<Question>, Option<String>),
}

/// What a bench begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Unique on the page and stable over time, normally the slug: part of element ids and of the address.
    pub name: String,
    /// The lab: its form is made from this.
    pub info: LabInfo,
    /// Parameters of this block that differ from the lab's defaults: a JSON object (or null).
    pub params: serde_json::Value,
    /// Line settings of this block by host, if they differ from the lab's own.
    pub lines: Option<BTreeMap<String, Line>>,
    /// Seed of this block; absent: the server draws one for each run.
    pub seed: Option<u64>,
    /// Id of a saved trace to show at first; absent: the lab's recording.
    pub trace: Option<String>,
    /// What this machine permits, if the page knows.
    pub tier: Option<TierReport>,
}

/// The export that the hydration script calls, named in the HTML.
const EXPORT: &str = "late";

/// Puts one of them on a page.
#[component]
pub fn LateIsland(
    island: Late,
    /// What it shows until it can show more: complete and readable without wasm.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let children = children.unwrap_or_else(|| Box::new(|| ().into_any()));
    around(island, static_children(children))
}

/// The same elements on the server and in the browser.
fn around(island: Late, children: Children) -> impl IntoView {
    // Only the server writes them; the browser need not know how.
    let props = if cfg!(feature = "ssr") {
        serde_json::to_string(&island).unwrap_or_default()
    } else {
        String::new()
    };
    let view = Owner::new().with(|| Owner::with_hydration(move || OwnedView::new(view(island, children))));
    Island::new(EXPORT, view).with_props(props)
}

fn view(island: Late, children: Children) -> AnyView {
    use super::{addr_parse::AddrParse, bench::Bench, fetch::Fetch, grpc::Grpc};
    use super::{peer_chat::PeerChat, peer_echo::PeerEcho, progress::Progress, quiz::QuizBox};
    match island {
        Late::AddrParse => view! { <AddrParse/> }.into_any(),
        Late::Bench(setup) => view! { <Bench setup=*setup>{children()}</Bench> }.into_any(),
        Late::Fetch => view! { <Fetch/> }.into_any(),
        Late::Grpc => view! { <Grpc/> }.into_any(),
        Late::PeerChat => view! { <PeerChat/> }.into_any(),
        Late::PeerEcho => view! { <PeerEcho/> }.into_any(),
        Late::Progress(plans) => view! { <Progress plans/> }.into_any(),
        Late::Quiz(question, lab) => view! { <QuizBox question=*question lab/> }.into_any(),
    }
}

/// Children of an island: rendered on the server, left alone in the browser.
fn static_children(children: Children) -> Children {
    use leptos::tachys::html::islands::IslandChildren;
    Box::new(move || {
        let before = Owner::current_shared_context().map(|context| (context.get_is_hydrating(), context));
        let view = Owner::new()
            .with(|| Owner::with_no_hydration(move || OwnedView::new(IslandChildren::new(children()))));
        if let Some((hydrating, context)) = before {
            context.set_is_hydrating(hydrating);
        }
        view.into_any()
    })
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::{EXPORT, Late, around};
    use crate::islands::bench::browser::{query, when_near};
    use leptos::prelude::*;
    use leptos::tachys::html::islands::IslandChildren;
    use leptos::tachys::view::Position;
    use leptos::task::spawn_local;
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;
    use web_sys::HtmlElement;

    /// How long one that nobody comes near may wait: who moves by keyboard must not meet buttons that do nothing.
    const PATIENCE: Duration = Duration::from_millis(2500);

    /// Called for each of them by the hydration script. What the page's address is about is wanted at once.
    #[wasm_bindgen::prelude::wasm_bindgen]
    pub fn late(element: HtmlElement) {
        debug_assert_eq!(EXPORT, "late");
        // The island itself has no box (`display: contents`), its first child has.
        let seen = element.first_element_child().unwrap_or_else(|| element.clone().into());
        let waiting = Cell::new(Some(element));
        let load = Rc::new(move || {
            if let Some(element) = waiting.take() {
                spawn_local(hydrate(element));
            }
        });
        if query().into_iter().any(|(name, _)| name == "lab") {
            return load();
        }
        let later = Rc::clone(&load);
        when_near(&seen, move || load());
        set_timeout(move || later(), PATIENCE);
    }

    /// A part of its own where the build splits the wasm (feature `split` and `cargo leptos … --split`), else just a call.
    #[cfg_attr(feature = "split", lazy)]
    async fn hydrate(element: HtmlElement) {
        let Some(props) = element.get_attribute("data-props") else { return };
        match serde_json::from_str::<Late>(&props) {
            Ok(island) => {
                let children = Box::new(|| IslandChildren::new(()).into_any());
                let view = around(island, children).into_view();
                // Lives as long as the page.
                std::mem::forget(view.hydrate_from_position::<true>(&element, Position::Current));
            }
            Err(error) => leptos::logging::error!("{EXPORT}: {error}"),
        }
    }
}

#[cfg(feature = "hydrate")]
pub use browser::late;
