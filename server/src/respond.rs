//! Answers with bytes that are kept in memory: encoding, `ETag`, 304.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::compress::{Effort, Encoded};

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
    content_type: HeaderValue,
    etag: HeaderValue,
    fresh: Fresh,
    /// Only pages have one of their own.
    policy: Option<HeaderValue>,
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
        Self { content, status: StatusCode::OK, content_type, etag, fresh, policy: None }
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
        let policy = HeaderValue::try_from(policy).ok();
        Self { status, policy, ..Self::new(content, "text/html; charset=utf-8", Fresh::Ask) }
    }

    /// The answer to a GET or HEAD with these headers.
    #[must_use]
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let mut response = if self.status == StatusCode::OK && self.is_known(request) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.full(request)
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        let cache = match self.fresh {
            Fresh::Ask => "no-cache",
            Fresh::Hour => "public, max-age=3600",
            Fresh::Forever => "public, max-age=31536000, immutable",
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        if let Some(policy) = &self.policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
    }

    fn full(&self, request: &HeaderMap) -> Response {
        let accept = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let (bytes, encoding) = self.content.choose(accept);
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, self.content_type.clone());
        if let Some(encoding) = encoding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }

    /// RFC 9110, section 13.1.2, with weak comparison.
    fn is_known(&self, request: &HeaderMap) -> bool {
        let Some(known) = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let ours = self.etag.to_str().unwrap_or_default().trim_start_matches("W/");
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
