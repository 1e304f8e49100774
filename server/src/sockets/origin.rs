//! Which pages may open a live socket. Browsers let any page connect to any WebSocket and only say who asks.

use http::{HeaderMap, Uri, header};

/// The site itself (by the request's own `Host`), and those the operator added.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    also: Vec<String>,
}

impl Origins {
    /// `also`: further origins, such as `https://book.example.com`.
    #[must_use]
    pub fn new(also: &[String]) -> Self {
        let also =
            also.iter().map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase()).collect();
        Self { also }
    }

    /// False if the request names no origin or a foreign one.
    #[must_use]
    pub fn permit(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
        let origin = origin.to_ascii_lowercase();
        self.also.contains(&origin) || is_same(&origin, &host.to_ascii_lowercase()).unwrap_or(false)
    }
}

/// True if `origin` is where `host` points to. The scheme is not in the request (a proxy may have ended TLS),
/// so a missing port stands for either default.
fn is_same(origin: &str, host: &str) -> Option<bool> {
    let origin: Uri = origin.parse().ok()?;
    let default = match origin.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host: http::uri::Authority = host.parse().ok()?;
    let same_port = match (origin.port_u16(), host.port_u16()) {
        (None, None) => true,
        (a, b) => a.unwrap_or(default) == b.unwrap_or(default),
    };
    Some(origin.host()? == host.host() && same_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(origins: &Origins, origin: Option<&str>, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        origins.permit(&headers)
    }

    #[test]
    fn only_our_own_pages() {
        let ours = Origins::default();
        assert!(permits(&ours, Some("http://127.0.0.1:3000"), "127.0.0.1:3000"));
        assert!(permits(&ours, Some("http://[::1]:3000"), "[::1]:3000"));
        assert!(permits(&ours, Some("https://Book.example"), "book.example"));
        assert!(permits(&ours, Some("http://book.example"), "book.example:80"));
        for foreign in
            ["http://127.0.0.1:3001", "http://127.0.0.1", "http://evil.example", "null", "", "file://"]
        {
            assert!(!permits(&ours, Some(foreign), "127.0.0.1:3000"), "{foreign}");
        }
        assert!(!permits(&ours, None, "127.0.0.1:3000"));
    }

    #[test]
    fn the_operator_may_add_some() {
        let more = Origins::new(&["https://Book.example.com/".into()]);
        assert!(permits(&more, Some("https://book.example.com"), "10.0.0.5:3000"));
        assert!(!permits(&more, Some("http://book.example.com"), "10.0.0.5:3000"));
    }
}
