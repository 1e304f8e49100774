//! How large an element is now, and whenever that changes.

use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, ResizeObserver};

/// Inner size of an element in pixels; zero until it is on the page (and while it is hidden).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: i32,
    pub(crate) height: i32,
}

/// The size of `element`, watched by a `ResizeObserver`. Stays zero on the server.
pub(crate) fn use_size(element: NodeRef<Div>) -> ReadSignal<Size> {
    let (size, set_size) = signal(Size::default());
    let watching = StoredValue::new_local(None);
    Effect::new(move |_| {
        if let Some(element) = element.get() {
            watching.set_value(Watching::start(&element, set_size));
        }
    });
    size
}

/// Ends the observation when dropped, before the closure goes.
struct Watching {
    observer: ResizeObserver,
    _changed: Closure<dyn FnMut()>,
}

impl Watching {
    fn start(element: &Element, set_size: WriteSignal<Size>) -> Option<Self> {
        let watched = element.clone();
        let changed = Closure::<dyn FnMut()>::new(move || {
            let size = Size { width: watched.client_width(), height: watched.client_height() };
            // Gone with its owner: nothing left to tell.
            let _ = set_size.try_maybe_update(|known| (std::mem::replace(known, size) != size, ()));
        });
        let observer = ResizeObserver::new(changed.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { observer, _changed: changed })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
