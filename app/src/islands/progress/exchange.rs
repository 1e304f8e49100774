//! The record as a file: out of this browser, and into it.

use super::record::{MAX_BYTES, Record, Unreadable};
use super::storage;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, HtmlInputElement};

/// An address that holds the file itself. Browser only.
pub(crate) fn address(record: &Record) -> String {
    let text = String::from(js_sys::encode_uri_component(&record.text()));
    format!("data:application/json;charset=utf-8,{text}")
}

/// Adds what the chosen file has; `said` is for the reader.
pub(crate) fn import(event: &Event, said: RwSignal<String>) {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
        return;
    };
    let Some(file) = input.files().and_then(|files| files.get(0)) else { return };
    // The same file may be chosen again.
    input.set_value("");
    if file.size() > MAX_BYTES as f64 {
        said.set("这个文件太大，不像是学习进度。".into());
        return;
    }
    spawn_local(async move {
        let text = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
        match Record::parse(&text.unwrap_or_default()) {
            Ok(other) => {
                storage::update(|record| record.merge(other));
                said.set("已导入，并与这台设备上的进度合并。".into());
            }
            Err(Unreadable::Newer) => said.set("这个文件来自更新的版本，请先刷新页面。".into()),
            Err(Unreadable::Garbage) => said.set("这个文件不是从这里导出的学习进度，什么也没有改。".into()),
        }
    });
}
