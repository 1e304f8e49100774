//! Answers with bytes that are kept in memory: encoding, `ETag`, 304; and what every answer carries.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::compress::{Effort, Encoded};
use crate::csp;

/// Sent with everything.
const SECURE: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=()",
    ),
];

/// Adds what every answer carries; only pages have a content security policy of their own.
pub(crate) fn secure(head: &mut HeaderMap) {
    for (name, value) in SECURE {
        head.insert(name, HeaderValue::from_static(value));
    }
    head.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(csp::NOTHING));
}

/// How long a browser may use its copy without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// Ask every time; a 304 costs a few bytes.
    Ask,
    /// An hour: pictures, icons.
    Hour,
    /// The name changes with the content.
    Forever,
}

/// Content in memory with all that its answers need.
#[derive(Clone, Debug)]
pub struct Stored {
    pub content: Encoded,
    pub status: StatusCode,
    /// Of the whole answer, so that a request costs one copy. `Content-Encoding` has its place and not yet its value.
    head: HeaderMap,
}

impl Stored {
    #[must_use]
    pub fn new(content: Encoded, content_type: &str, fresh: Fresh) -> Self {
        let digest = Sha256::digest(&content.identity);
        let tag = URL_SAFE_NO_PAD.encode(&digest[..12]);
        // Weak: the three encodings of one content share it (RFC 9110, section 8.8.1).
        let etag =
            HeaderValue::try_from(format!("W/\"{tag}\"")).unwrap_or(HeaderValue::from_static("W/\"\""));
        let content_type = HeaderValue::try_from(content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let cache = match fresh {
            Fresh::Ask => "no-cache",
            Fresh::Hour => "public, max-age=3600",
            Fresh::Forever => "public, max-age=31536000, immutable",
        };
        let mut head = HeaderMap::from_iter([
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_ENCODING, HeaderValue::from_static("identity")),
            (header::ETAG, etag),
            (header::VARY, HeaderValue::from_static("Accept-Encoding")),
            (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        ]);
        secure(&mut head);
        Self { content, status: StatusCode::OK, head }
    }

    /// JSON, compressed. CPU-bound.
    ///
    /// # Errors
    /// The value does not serialize.
    pub fn json(value: &impl serde::Serialize) -> serde_json::Result<Self> {
        let json = Bytes::from(serde_json::to_vec(value)?);
        Ok(Self::new(Encoded::new(json, Effort::Page), "application/json", Fresh::Ask))
    }

    /// A page with its status and content security policy. CPU-bound.
    #[must_use]
    pub fn page(html: String, status: StatusCode, policy: &str) -> Self {
        let content = Encoded::new(Bytes::from(html), Effort::Page);
        let mut page = Self { status, ..Self::new(content, "text/html; charset=utf-8", Fresh::Ask) };
        if let Ok(policy) = HeaderValue::try_from(policy) {
            page.head.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        page
    }

    /// The answer to a GET or HEAD with these headers.
    #[must_use]
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let mut head = self.head.clone();
        let (status, body) = if self.status == StatusCode::OK && self.is_known(request) {
            head.remove(header::CONTENT_TYPE);
            head.remove(header::CONTENT_ENCODING);
            (StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            let accept = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
            let (bytes, encoding) = self.content.choose(accept);
            match encoding {
                Some(encoding) => head.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding)),
                None => head.remove(header::CONTENT_ENCODING),
            };
            (self.status, Body::from(bytes))
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = head;
        response
    }

    /// RFC 9110, section 13.1.2, with weak comparison.
    fn is_known(&self, request: &HeaderMap) -> bool {
        let Some(known) = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let ours = self.head.get(header::ETAG).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let ours = ours.trim_start_matches("W/");
        known.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == ours)
    }
}

/// A refusal that a program can read and a reader too.
#[must_use]
pub fn problem(status: StatusCode, message: &str) -> Response {
    let mut response = (status, axum::Json(serde_json::json!({ "message": message }))).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
