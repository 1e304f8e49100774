//! 一个按钮，数它被按了几次。（新部件的样板）

use leptos::prelude::*;

/// Counts presses; says so without a script as well.
#[island]
pub fn Counter() -> impl IntoView {
    let presses = RwSignal::new(0_u32);
    view! {
        <button type="button" class="counter" on:click=move |_| presses.update(|n| *n = after(*n))>
            {move || format!("按过 {} 次", presses.get())}
        </button>
    }
}

fn after(presses: u32) -> u32 {
    presses.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presses_are_counted() {
        assert_eq!(after(0), 1);
        assert_eq!(after(u32::MAX), u32::MAX);
    }
}
