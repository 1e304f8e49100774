//! What a field means: fetched once for the whole page, shown for the selected field.

use super::tree::Node;
use crate::islands::bench::browser;
use crate::islands::boxed::{heard, part};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A note as `/notes.json` has it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Note {
    /// The field's full name.
    name: String,
    /// Rendered by the server from this site's own content.
    html: String,
}

type Notes = Arc<HashMap<String, Note>>;

thread_local! {
    /// One download for all benches of a page.
    static NOTES: RefCell<Option<ArcRwSignal<Option<Notes>>>> = const { RefCell::new(None) };
}

/// The notes, as soon as they are here. Asks for them at the first call.
fn notes() -> ArcRwSignal<Option<Notes>> {
    NOTES.with_borrow_mut(|known| {
        let signal = known.get_or_insert_with(|| {
            let signal = ArcRwSignal::new(None);
            let answer = signal.clone();
            spawn_local(async move {
                // Without notes the names and values still stand; the next page tries again.
                if let Ok(notes) = browser::json::<HashMap<String, Note>>("/notes.json").await {
                    answer.set(Some(Arc::new(notes)));
                }
            });
            signal
        });
        signal.clone()
    })
}

/// The note, the filter name to copy, and where the field is.
#[component]
pub(crate) fn FieldNote(
    /// The selected field.
    #[prop(into)]
    node: Signal<Option<Node>>,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let body = move || {
        let node = node.get()?;
        let place = match place(&node) {
            place if node.decrypted => format!("{place}（线路上是密文，用这次运行的密钥解密）"),
            place => place,
        };
        let notes = notes();
        let name = node.name;
        let html = move || {
            notes.with(|notes| {
                let note = notes.as_ref()?.get(name)?;
                Some((note.name.clone(), note.html.clone()))
            })
        };
        let filter = node.filter.clone();
        Some(view! {
            <p class="fields-note-head">
                <strong>{node.label}</strong>
                <span class="fields-note-place">{place}</span>
            </p>
            <p class="fields-note-filter">
                <code>{node.filter}</code>
                <button type="button" title="复制为 Wireshark 显示过滤器" on:click=heard(move |_| browser::copy(filter.clone(), copied))>
                    {part(move || if copied.get() { "已复制" } else { "复制" })}
                </button>
            </p>
            {part(move || {
                html().map(|(name, html)| {
                    view! {
                        <p class="fields-note-name">{name}</p>
                        <div class="fields-note-text" inner_html=html></div>
                    }
                })
            })}
        })
    };
    view! { <div class="fields-note" aria-live="polite">{body}</div> }
}

/// `第 66–87 字节`, or in which frames: `第 4 帧第 66–120 字节，第 6 帧第 66–70 字节`.
fn place(node: &Node) -> String {
    /// Frames told one by one; of more, how many there are.
    const FRAMES: usize = 4;
    let Some((first, last)) = node.parts.first().zip(node.parts.last()) else {
        return range(node.start, node.end);
    };
    if node.parts.len() > FRAMES {
        let (count, from, to) = (node.parts.len(), first.frame, last.frame);
        return format!("分在 {count} 个段里，从第 {from} 帧到第 {to} 帧");
    }
    let told =
        node.parts.iter().map(|part| format!("第 {} 帧{}", part.frame, range(part.start_bit, part.end_bit)));
    told.collect::<Vec<_>>().join("，")
}

/// Bits of a frame in words.
fn range(start: u32, end: u32) -> String {
    match (start % 8, (end - start) % 8) {
        _ if start == end => "由其他字段推算".to_owned(),
        (0, 0) if end - start == 8 => format!("第 {} 字节", start / 8),
        (0, 0) => format!("第 {}–{} 字节", start / 8, end / 8 - 1),
        _ if end - start == 1 => format!("第 {} 字节第 {} 位", start / 8, 7 - start % 8),
        _ => format!("第 {} 字节起 {} 位", start / 8, end - start),
    }
}
