//! Keeps the page's address in step with the bench that the reader last did something with.

use super::address::Address;
use super::browser;
use super::settings::Settings;
use super::state::{Bench, Origin};
use leptos::prelude::*;
use std::time::Duration;

/// Writing waits until nothing changed for so long.
const CALM: Duration = Duration::from_millis(400);

/// What the page's address says about this bench, if anything. On the page of a trace there is only one bench
/// (`only`): its name may be left out, as in `/traces/…?with=…`.
pub(crate) fn read(bench: Bench, only: bool) -> Option<Address> {
    let mut pairs = browser::query();
    if only && !pairs.is_empty() && !pairs.iter().any(|(name, _)| name == "lab") {
        pairs.push(("lab".into(), bench.name.get_value()));
    }
    let address = Address::from_pairs(pairs.into_iter())?;
    bench.name.with_value(|name| *name == address.name).then_some(address)
}

/// Writes the bench into the address whenever it changed, once the reader touched it.
/// `shown` is the trace that the page itself is about: no need to repeat it.
pub(crate) fn write(bench: Bench, settings: Settings, shown: Option<String>) {
    let timer = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |_| {
        let mut address = Address { name: bench.name.get_value(), ..Address::default() };
        settings.write(&mut address);
        let trace = match bench.origin.get() {
            Origin::Saved(id) => Some(id),
            Origin::Live => bench.model.with(|model| model.trace_id.clone()),
            Origin::Nothing | Origin::Recording => None,
        };
        address.trace = trace.filter(|id| Some(id) != shown.as_ref());
        address.view = bench.view.get().map(|panel| panel.names().0.to_owned());
        address.bars = bench.bars.get();
        address.with = bench.compared.other.with(|other| other.as_ref().and_then(|other| other.id.clone()));
        address.parts = bench.compared.parts.get();
        address.selected = bench.selected.get();
        let (cursor, end) = (bench.cursor.get(), bench.model.with(|model| model.end));
        address.cursor = Some(cursor).filter(|cursor| address.selected.is_none() && *cursor < end);
        if !bench.touched.get() || bench.playing.get() || bench.follow.get() && address.cursor.is_some() {
            return;
        }
        if let Some(timer) = timer.get_value() {
            timer.clear();
        }
        let pairs = address.to_pairs();
        timer.set_value(set_timeout_with_handle(move || browser::set_query(&pairs), CALM).ok());
    });
}
