//! The changing parts of a view as boxed closures.
//!
//! Leptos compiles its machinery for effects, rebuilding and hydration once for every type of closure that it meets, some
//! 5 kB of wasm each. Boxed, it is compiled once for every type of *value*: a handful.

use leptos::prelude::*;

/// A changing attribute, property, style or class. Keep to few types: `String`, `&'static str`, `bool`, `i32` and options of them.
pub(crate) fn boxed<T: 'static>(value: impl FnMut() -> T + Send + 'static) -> Box<dyn FnMut() -> T + Send> {
    Box::new(value)
}

/// A changing child.
pub(crate) fn part<V: IntoView + 'static>(
    mut content: impl FnMut() -> V + Send + 'static,
) -> Box<dyn FnMut() -> AnyView + Send> {
    Box::new(move || content().into_any())
}

/// What is done at an event.
pub(crate) fn heard<E: 'static>(handler: impl FnMut(E) + 'static) -> Box<dyn FnMut(E)> {
    Box::new(handler)
}
