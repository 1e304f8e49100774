//! One gRPC-Web call by `fetch`, told as it happens. Browser only.

use js_sys::{Reflect, Uint8Array};
use leptos::prelude::window;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::wire::{Frame, Frames, Reply, Status, request};

/// What happened, and when: milliseconds since the call of `fetch`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) milliseconds: f64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Status and headers are here, the body may not be.
    Head {
        http: u16,
        kind: String,
        status: Option<Status>,
    },
    Message {
        prefix: [u8; 5],
        reply: Reply,
    },
    Trailers {
        prefix: [u8; 5],
        status: Status,
    },
    /// A sentence for the reader.
    Failed(&'static str),
}

/// Calls the method and tells each step. Dropping `signal`'s controller does nothing; aborting it ends the call.
pub(super) async fn call(
    method: &str,
    message: Vec<u8>,
    signal: &web_sys::AbortSignal,
    mut tell: impl FnMut(Row),
) {
    let started = now();
    let mut say = |what| tell(Row { milliseconds: now() - started, what });
    if exchange(method, &message, signal, &mut say).await.is_err() {
        say(What::Failed(if signal.aborted() {
            "调用已取消：浏览器断开了这个请求，服务器会发现没有人要了。"
        } else {
            "没有得到完整的回答：连接断了，或者正文不合 gRPC-Web 的格式。"
        }));
    }
}

async fn exchange(
    method: &str,
    message: &[u8],
    signal: &web_sys::AbortSignal,
    say: &mut impl FnMut(What),
) -> Result<(), JsValue> {
    const KIND: &str = "application/grpc-web+proto";
    let headers = web_sys::Headers::new()?;
    headers.set("content-type", KIND)?;
    headers.set("accept", KIND)?;
    headers.set("x-grpc-web", "1")?;
    let options = web_sys::RequestInit::new();
    options.set_method("POST");
    options.set_headers(&headers);
    options.set_cache(web_sys::RequestCache::NoStore);
    options.set_credentials(web_sys::RequestCredentials::Omit);
    options.set_signal(Some(signal));
    options.set_body(&Uint8Array::from(request(message).as_slice()));
    let url = format!("/peer/grpc/wirebook.greeter.v1.Greeter/{method}");
    let asked = window().fetch_with_str_and_init(&url, &options);
    let response: web_sys::Response = JsFuture::from(asked).await?.unchecked_into();
    let header = |name| response.headers().get(name).ok().flatten();
    // A call without any message has its status among the headers.
    let status = header("grpc-status").and_then(|code| Status::of(&code, header("grpc-message").as_deref()));
    say(What::Head { http: response.status(), kind: header("content-type").unwrap_or_default(), status });

    let body = response.body().ok_or(JsValue::NULL)?;
    let reader: web_sys::ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut frames = Frames::default();
    loop {
        let piece = JsFuture::from(reader.read()).await?;
        if Reflect::get(&piece, &"done".into())?.is_truthy() {
            return Ok(());
        }
        let bytes: Uint8Array = Reflect::get(&piece, &"value".into())?.unchecked_into();
        frames.push(&bytes.to_vec());
        while let Some((prefix, frame)) = frames.take().map_err(|_| JsValue::NULL)? {
            say(match frame {
                Frame::Message(message) => {
                    let reply = Reply::decode(&message).ok_or(JsValue::NULL)?;
                    What::Message { prefix, reply }
                }
                Frame::Trailers(trailers) => {
                    let status = Status::of_trailers(&trailers).ok_or(JsValue::NULL)?;
                    What::Trailers { prefix, status }
                }
            });
        }
    }
}

fn now() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}
