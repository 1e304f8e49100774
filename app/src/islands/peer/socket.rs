//! A WebSocket of the page, as the browser gives it: events in, messages out, and how much still waits.
//! (gloo-net's socket hides `bufferedAmount`, which is half of what there is to see.)

use leptos::prelude::window;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

/// What the browser tells about a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Opened,
    Text(String),
    /// Its length; the content is of no interest here.
    Binary(u32),
    /// Always the last. 1005: the Close frame had no code; 1006: there was none.
    Closed {
        code: u16,
        reason: String,
        clean: bool,
    },
}

/// An open or opening socket. Closed when dropped, without telling any more.
pub(crate) struct Socket {
    socket: WebSocket,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
    _open: Closure<dyn FnMut()>,
}

impl Socket {
    /// Opens a socket to a path of this site. `None` if the browser refuses at once.
    pub(crate) fn open(path: &str, happened: impl Fn(Happened) + Clone + 'static) -> Option<Self> {
        let socket = WebSocket::new(&url(path)?).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let tell = happened.clone();
        let open = Closure::<dyn FnMut()>::new(move || tell(Happened::Opened));
        let tell = happened.clone();
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data();
            match data.as_string() {
                Some(text) => tell(Happened::Text(text)),
                None => tell(Happened::Binary(js_sys::ArrayBuffer::from(data).byte_length())),
            }
        });
        let close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            happened(Happened::Closed {
                code: event.code(),
                reason: event.reason(),
                clean: event.was_clean(),
            });
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Some(Self { socket, _message: message, _close: close, _open: open })
    }

    /// Hands a text to the browser; false if the socket is not open.
    pub(crate) fn send(&self, text: &str) -> bool {
        self.socket.ready_state() == WebSocket::OPEN && self.socket.send_with_str(text).is_ok()
    }

    /// Hands bytes to the browser; false if the socket is not open.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> bool {
        self.socket.ready_state() == WebSocket::OPEN && self.socket.send_with_u8_array(bytes).is_ok()
    }

    /// Begins the closing handshake. Pages may use 1000 and 3000 to 4999 only.
    pub(crate) fn close(&self, code: u16, reason: &str) -> bool {
        self.socket.close_with_code_and_reason(code, reason).is_ok()
    }

    /// Bytes that were handed over and are not yet given to the network.
    pub(crate) fn buffered(&self) -> u32 {
        self.socket.buffered_amount()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // It may be closed already.
        drop(self.socket.close());
    }
}

pub(crate) fn url(path: &str) -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}{path}", location.host().ok()?))
}
