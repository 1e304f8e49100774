//! The field tree of one frame, and what the selected field means.

pub(crate) mod note;
pub(crate) mod tree;

use super::marks;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Ul;
use leptos::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use tree::Node;

/// A frame taken apart.
pub(crate) struct Opened {
    pub(crate) frame: u32,
    pub(crate) bytes: Vec<u8>,
    /// Bits that were flipped on the way to some receiver.
    pub(crate) flipped: Vec<u32>,
    /// How many secrets were known then.
    pub(crate) secrets: usize,
    /// Told by decoders that came late.
    pub(crate) anew: bool,
    pub(crate) nodes: Vec<Node>,
}

/// The frame on show; the same as long as the pointer is.
pub(crate) type Shared = Memo<Option<Arc<Opened>>>;

/// The row of the tree that is selected.
#[derive(Clone, Copy)]
pub(crate) struct Active {
    bench: Bench,
    opened: Shared,
    /// Frame and row, to tell fields of the same range apart.
    chosen: RwSignal<Option<(u32, usize)>>,
}

impl Active {
    pub(crate) fn new(bench: Bench, opened: Shared) -> Self {
        Self { bench, opened, chosen: RwSignal::new(None) }
    }

    /// The selected row of the frame on show.
    pub(crate) fn get(self) -> Option<usize> {
        let (frame, start, end) = self.bench.selected_bytes.get()?;
        let chosen = self.chosen.get();
        self.opened.with(|opened| {
            let opened = opened.as_ref().filter(|opened| opened.frame == frame)?;
            let known = chosen.filter(|(of, _)| *of == frame).map(|(_, at)| at);
            let known =
                known.filter(|at| opened.nodes.get(*at).is_some_and(|n| n.start == start && n.end == end));
            known.or_else(|| tree::with_range(&opened.nodes, start, end))
        })
    }

    pub(crate) fn set(self, at: usize) {
        let found = self.opened.with_untracked(|opened| {
            let opened = opened.as_ref()?;
            let node = opened.nodes.get(at)?;
            Some((opened.frame, node.start, node.end))
        });
        if let Some((frame, start, end)) = found {
            self.chosen.set(Some((frame, at)));
            self.bench.selected_bytes.set(Some((frame, start, end)));
        }
    }

    /// The selected row itself.
    pub(crate) fn node(self) -> Option<Node> {
        let at = self.get()?;
        self.opened.with(|opened| opened.as_ref()?.nodes.get(at).cloned())
    }
}

/// The layers and fields of a frame as a tree.
#[component]
pub(crate) fn Fields(
    bench: Bench,
    /// The frame.
    opened: Shared,
    active: Active,
) -> impl IntoView {
    let unfolded = RwSignal::new(HashMap::<String, bool>::new());
    let list = NodeRef::<Ul>::new();
    let rows = Memo::new(move |_| {
        opened.with(|opened| {
            let nodes = opened.as_ref().map_or(&[][..], |opened| &opened.nodes);
            unfolded.with(|unfolded| tree::visible(nodes, unfolded))
        })
    });
    // A byte chosen in the hex dump may lie in a closed branch.
    Effect::new(move |_| {
        let Some(at) = active.get() else { return };
        let hidden = opened.with_untracked(|opened| {
            let nodes = &opened.as_ref()?.nodes;
            let parents = std::iter::successors(nodes[at].parent, |parent| nodes[*parent].parent);
            let closed = unfolded.with_untracked(|unfolded| {
                parents
                    .filter(|at| !tree::is_open(nodes, *at, unfolded))
                    .map(|at| nodes[at].key.clone())
                    .collect()
            });
            Some::<Vec<String>>(closed)
        });
        let hidden = hidden.unwrap_or_default();
        if !hidden.is_empty() {
            unfolded.update(|unfolded| unfolded.extend(hidden.into_iter().map(|key| (key, true))));
        }
    });
    Effect::new(move |_| {
        let at = active.get();
        rows.track();
        request_animation_frame(move || {
            let row = at.and_then(|at| document().get_element_by_id(&bench.id(&format!("field-{at}"))));
            // The view may have gone by now.
            if let (Some(Some(list)), Some(row)) = (list.try_get_untracked(), row) {
                let (list_box, row_box) = (list.get_bounding_client_rect(), row.get_bounding_client_rect());
                if row_box.top() < list_box.top() || row_box.bottom() > list_box.bottom() {
                    let by = row_box.top() - list_box.top() - list_box.height() / 3.0;
                    list.set_scroll_top(list.scroll_top() + by as i32);
                }
            }
        });
    });
    let set_open = move |at: usize, open: bool| {
        let key = opened.with_untracked(|opened| {
            let nodes = &opened.as_ref()?.nodes;
            nodes.get(at).filter(|node| node.has_children).map(|node| node.key.clone())
        });
        if let Some(key) = key {
            unfolded.update(|unfolded| {
                unfolded.insert(key, open);
            });
        }
    };
    let is_open = move |at: usize| {
        opened.with(|opened| {
            let nodes = opened.as_ref().map_or(&[][..], |opened| &opened.nodes);
            at < nodes.len() && unfolded.with(|unfolded| tree::is_open(nodes, at, unfolded))
        })
    };
    let on_key = move |event: KeyboardEvent| {
        if marks::is_shortcut(&event) {
            return;
        }
        let at = untrack(move || active.get());
        let parent_of = |at: usize| opened.with_untracked(|opened| opened.as_ref()?.nodes.get(at)?.parent);
        let open_now = |at| untrack(|| is_open(at));
        let next = rows.with_untracked(|rows| {
            let here = at.and_then(|at| rows.iter().position(|row| *row == at));
            match event.key().as_str() {
                "ArrowDown" => rows.get(here.map_or(0, |here| here + 1)).copied(),
                "ArrowUp" => rows.get(here?.checked_sub(1)?).copied(),
                "Home" => rows.first().copied(),
                "End" => rows.last().copied(),
                _ => None,
            }
        });
        match (event.key().as_str(), at) {
            ("ArrowRight", Some(at)) if !open_now(at) => set_open(at, true),
            ("ArrowRight", Some(at)) => {
                // The first child is the next row, if there is one.
                let child = at + 1;
                if parent_of(child) == Some(at) {
                    active.set(child);
                }
            }
            ("ArrowLeft", Some(at)) if open_now(at) && has_children(opened, at) => set_open(at, false),
            ("ArrowLeft", Some(at)) => {
                if let Some(parent) = parent_of(at) {
                    active.set(parent);
                }
            }
            ("Enter" | " ", Some(at)) => set_open(at, !open_now(at)),
            ("ArrowDown" | "ArrowUp" | "Home" | "End", _) => {
                if let Some(next) = next {
                    active.set(next);
                }
            }
            _ => return,
        }
        marks::used(&event);
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = marks::target(&event) else { return };
        let Some(at) = marks::number(&target, "data-at") else { return };
        // The triangle opens; anything else selects, and opens a row that is selected already.
        let again = untrack(move || active.get()) == Some(at);
        if again || marks::around(&target, ".fields-twist").is_some() {
            set_open(at, !untrack(|| is_open(at)));
        }
        active.set(at);
    };
    let chosen = Memo::new(move |_| active.get());
    // It names a row only while no branch above it is closed.
    let descendant = move || {
        let at = chosen.get().filter(|at| rows.with(|rows| rows.contains(at)))?;
        Some(bench.id(&format!("field-{at}")))
    };
    view! {
        <ul
            class="fields-tree"
            node_ref=list
            role="tree"
            tabindex="0"
            aria-label="报文的字段"
            aria-activedescendant=boxed(descendant)
            on:keydown=heard(on_key)
            on:click=heard(on_click)
        >
            <For
                each=move || opened.with(|opened| {
                    let rows = rows.get();
                    opened.iter().flat_map(|opened| rows.iter().map(|at| (*at, Arc::clone(opened)))).collect::<Vec<_>>()
                })
                key=|(at, opened)| (*at, Arc::as_ptr(opened) as usize)
                let((at, opened))
            >
                {opened.nodes.get(at).map(|node| row(bench, node, at, chosen, move || is_open(at)))}
            </For>
        </ul>
    }
}

fn has_children(opened: Shared, at: usize) -> bool {
    opened.with_untracked(|opened| {
        opened.as_ref().is_some_and(|opened| opened.nodes.get(at).is_some_and(|node| node.has_children))
    })
}

fn row<F: Fn() -> bool + Copy + Send + Sync + 'static>(
    bench: Bench,
    node: &Node,
    at: usize,
    chosen: Memo<Option<usize>>,
    is_open: F,
) -> impl IntoView + use<F> {
    let selected = Memo::new(move |_| chosen.get() == Some(at));
    let has_children = node.has_children;
    let value =
        (!node.text.is_empty()).then(|| view! { <span class="fields-value">{node.text.clone()}</span> });
    view! {
        <li
            class=format!("fields-row fields-depth-{}", node.depth.min(6))
            class:fields-selected=selected
            role="treeitem"
            id=bench.id(&format!("field-{at}"))
            data-at=at.to_string()
            title=node.name
            attr:aria-level=(node.depth + 1).to_string()
            aria-selected=boxed(move || selected.get().to_string())
            aria-expanded=boxed(move || has_children.then(|| is_open().to_string()))
        >
            <span class="fields-twist" aria-hidden="true">
                {part(move || match (has_children, is_open()) { (true, true) => "▾", (true, false) => "▸", _ => "" })}
            </span>
            <span class="fields-label">{node.label.clone()}</span>
            {value}
        </li>
    }
}
