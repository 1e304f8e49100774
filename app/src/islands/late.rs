//! The islands that weigh most: their wasm is fetched when the reader comes near one of them or presses a key.
//!
//! Benches are one part of the wasm and all the others another, beside the one that every page loads. What several parts
//! share is cut into pieces of its own, one for every set of parts that share it: hence few parts.

use api::lab::LabInfo;
use api::line::Line;
use api::quiz::Question;
use api::run::TierReport;
use leptos::prelude::*;
use leptos::tachys::html::islands::Island;
use leptos::tachys::reactive_graph::OwnedView;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::progress::plan::Plan;

/// An island whose wasm comes late: all that its HTML is made from on both sides.
pub trait Late: Serialize + DeserializeOwned + 'static {
    /// The export that the hydration script calls, named in the HTML.
    const EXPORT: &'static str;

    fn view(self, children: Children) -> AnyView;
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

impl Late for Setup {
    const EXPORT: &'static str = "late_bench";

    fn view(self, children: Children) -> AnyView {
        use super::bench::Bench;
        view! { <Bench setup=self>{children()}</Bench> }.into_any()
    }
}

/// All the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LateWidget {
    AddrParse,
    Fetch,
    Grpc,
    PeerChat,
    PeerEcho,
    Progress(Vec<Plan>),
    /// A question, and the title of the lab that decides a prediction.
    Quiz(Box<Question>, Option<String>),
}

impl Late for LateWidget {
    const EXPORT: &'static str = "late_widget";

    fn view(self, _: Children) -> AnyView {
        use super::{addr_parse::AddrParse, fetch::Fetch, grpc::Grpc};
        use super::{peer_chat::PeerChat, peer_echo::PeerEcho, progress::Progress, quiz::QuizBox};
        match self {
            Self::AddrParse => view! { <AddrParse/> }.into_any(),
            Self::Fetch => view! { <Fetch/> }.into_any(),
            Self::Grpc => view! { <Grpc/> }.into_any(),
            Self::PeerChat => view! { <PeerChat/> }.into_any(),
            Self::PeerEcho => view! { <PeerEcho/> }.into_any(),
            Self::Progress(plans) => view! { <Progress plans/> }.into_any(),
            Self::Quiz(question, lab) => view! { <QuizBox question=*question lab/> }.into_any(),
        }
    }
}

/// Puts one of them on a page.
#[component]
pub fn LateIsland<I: Late>(
    island: I,
    /// What it shows until it can show more: complete and readable without wasm.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let children = children.unwrap_or_else(|| Box::new(|| ().into_any()));
    around(island, static_children(children))
}

/// The same elements on the server and in the browser.
fn around<I: Late>(island: I, children: Children) -> impl IntoView {
    // Only the server writes them; the browser need not know how.
    let props = if cfg!(feature = "ssr") {
        serde_json::to_string(&island).unwrap_or_default()
    } else {
        String::new()
    };
    let view = Owner::new().with(|| Owner::with_hydration(move || OwnedView::new(island.view(children))));
    Island::new(I::EXPORT, view).with_props(props)
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
    use super::{Late, LateWidget, Setup, around};
    use crate::islands::bench::browser::{query, when_near};
    use crate::split::{self, split_off};
    use leptos::ev;
    use leptos::prelude::*;
    use leptos::tachys::html::islands::IslandChildren;
    use leptos::tachys::view::Position;
    use std::cell::Cell;
    use std::rc::Rc;
    use web_sys::HtmlElement;

    /// Called for each bench by the hydration script.
    #[wasm_bindgen::prelude::wasm_bindgen]
    pub fn late_bench(element: HtmlElement) {
        when_wanted(element, |element| split::fetch(move || bench(element.clone()), |()| ()));
    }

    /// Called for each of the others.
    #[wasm_bindgen::prelude::wasm_bindgen]
    pub fn late_widget(element: HtmlElement) {
        when_wanted(element, |element| split::fetch(move || widget(element.clone()), |()| ()));
    }

    split_off! {
        fn bench(element: HtmlElement) -> () {
            hydrate::<Setup>(&element);
        }
    }

    split_off! {
        fn widget(element: HtmlElement) -> () {
            hydrate::<LateWidget>(&element);
        }
    }

    /// Calls back once: when the reader comes near the element; at the first key pressed, as who moves by keyboard must
    /// not meet buttons that do nothing; at once if the page's address is about a bench.
    fn when_wanted(element: HtmlElement, load: fn(HtmlElement)) {
        // The island itself has no box (`display: contents`), its first child has.
        let seen = element.first_element_child().unwrap_or_else(|| element.clone().into());
        let waiting = Cell::new(Some(element));
        let load = Rc::new(move || {
            if let Some(element) = waiting.take() {
                load(element);
            }
        });
        if query().into_iter().any(|(name, _)| name == "lab") {
            return load();
        }
        let typed = Rc::clone(&load);
        window_event_listener(ev::keydown, move |_| typed());
        when_near(&seen, move || load());
    }

    fn hydrate<I: Late>(element: &HtmlElement) {
        let Some(props) = element.get_attribute("data-props") else { return };
        match serde_json::from_str::<I>(&props) {
            Ok(island) => {
                let children = Box::new(|| IslandChildren::new(()).into_any());
                let view = around(island, children).into_view();
                // Lives as long as the page.
                std::mem::forget(view.hydrate_from_position::<true>(element, Position::Current));
            }
            Err(error) => leptos::logging::error!("{}: {error}", I::EXPORT),
        }
    }
}

#[cfg(feature = "hydrate")]
pub use browser::{late_bench, late_widget};
