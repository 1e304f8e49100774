//! wasm entry point of the server-rendered edition.

#[expect(unused_imports, reason = "without the glob the island exports are dropped from the wasm")]
use app::*;

/// Called by the page's bootstrap script.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
