//! Code with its origin and a button that copies it.

use book::CodeBlock;
use leptos::prelude::*;

/// A code block of a chapter.
#[component]
pub fn Listing(block: CodeBlock) -> impl IntoView {
    let caption = block.cut.as_ref().map(|cut| {
        let last = cut.first_line + u32::try_from(block.lines.len()).unwrap_or(0).saturating_sub(1);
        view! {
            <figcaption>
                <a href=format!("/labs/{}#L{}", cut.lab, cut.first_line) title="在完整的源代码里看">{breakable(&cut.file)}</a>
                <small>{format!("第 {}–{last} 行", cut.first_line)}</small>
            </figcaption>
        }
    });
    let label = block.cut.as_ref().map_or_else(|| "代码".to_owned(), |cut| format!("代码 {}", cut.file));
    view! {
        <figure class="listing" data-copy>
            {caption}
            <pre tabindex="0" role="group" aria-label=label><code inner_html=block.lines.join("\n")></code></pre>
        </figure>
    }
}

/// A path that goes to the next line after a slash, if it must.
fn breakable(path: &str) -> impl IntoView + use<> {
    path.split_inclusive('/').map(|part| view! { {part.to_owned()}<wbr/> }).collect_view()
}

/// The whole source of a lab, with line numbers that links can point to (`#L12`).
#[component]
pub fn Source(listing: book::Listing) -> impl IntoView {
    let lines = listing.visible().map(|(number, html)| {
        view! { <span class="line" id=format!("L{number}") data-line=number inner_html=format!("{html}\n")></span> }
    });
    let lines = lines.collect_view();
    view! {
        <figure class="listing listing-source" data-copy>
            <figcaption><span>{breakable(&listing.file)}</span></figcaption>
            <pre tabindex="0" role="group" aria-label=format!("源代码 {}", listing.file)><code>{lines}</code></pre>
        </figure>
    }
}
