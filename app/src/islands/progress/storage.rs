//! The record in this browser's `localStorage`, under one key. Nothing of it is sent anywhere.
//!
//! Call these in effects and event handlers only.

use super::record::{Record, Unreadable};
use leptos::prelude::*;
use std::cell::RefCell;

/// The version is in the record.
const KEY: &str = "wirebook-progress";

thread_local! {
    static RECORD: RefCell<Option<ArcRwSignal<Record>>> = const { RefCell::new(None) };
}

/// The record as it is now, and as it changes: here, or in another tab.
pub(crate) fn record() -> ArcRwSignal<Record> {
    RECORD.with_borrow_mut(|known| known.get_or_insert_with(first).clone())
}

fn first() -> ArcRwSignal<Record> {
    let signal = ArcRwSignal::new(load().unwrap_or_default());
    let followed = signal.clone();
    let _ = window_event_listener(leptos::ev::storage, move |event| {
        // Without a key everything was cleared.
        if event.key().is_none_or(|key| key == KEY) {
            followed.set(load().unwrap_or_default());
        }
    });
    signal
}

/// Changes the record and keeps it. Where storage is forbidden it lasts as long as the page.
pub(crate) fn update(change: impl FnOnce(&mut Record)) {
    let signal = record();
    let mut record = match load() {
        // What another tab has written since counts.
        Ok(record) => record,
        Err(_) => signal.get_untracked(),
    };
    let before = record.clone();
    change(&mut record);
    if record != before
        && load() != Err(Unreadable::Newer)
        && let Some(storage) = storage()
    {
        // Full or forbidden: nothing to be done about it.
        drop(storage.set_item(KEY, &record.text()));
    }
    if signal.with_untracked(|known| *known != record) {
        signal.set(record);
    }
}

fn load() -> Result<Record, Unreadable> {
    let text = storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
    Record::parse(&text.unwrap_or_default())
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
