//! Compression is done once per content, never per request: 640 µs of CPU for each page otherwise.

use std::io::Write as _;

use bytes::Bytes;

/// The same content in the three encodings readers accept.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub identity: Bytes,
    /// Absent if compressing saved nothing.
    pub gzip: Option<Bytes>,
    pub brotli: Option<Bytes>,
}

/// How hard brotli tries. Gzip is always at its best.
#[derive(Clone, Copy, Debug)]
pub enum Effort {
    /// Made while a reader waits: about 10 ms for a long page.
    Page,
    /// Made at start, kept as long as the process lives.
    Asset,
}

impl Encoded {
    /// Compresses `content`. CPU-bound: call it on a blocking thread.
    #[must_use]
    pub fn new(content: Bytes, effort: Effort) -> Self {
        let gzip = gzip(&content).filter(|packed| packed.len() < content.len()).map(Bytes::from);
        let brotli = brotli(&content, effort).filter(|packed| packed.len() < content.len()).map(Bytes::from);
        Self { identity: content, gzip, brotli }
    }

    /// Content that is compressed already (images, fonts).
    #[must_use]
    pub fn plain(content: Bytes) -> Self {
        Self { identity: content, gzip: None, brotli: None }
    }

    /// The best encoding that `accept_encoding` permits, and its name for `Content-Encoding`.
    #[must_use]
    pub fn choose(&self, accept_encoding: Option<&str>) -> (Bytes, Option<&'static str>) {
        let accept = accept_encoding.unwrap_or_default();
        if let Some(brotli) = &self.brotli
            && accepts(accept, "br")
        {
            return (brotli.clone(), Some("br"));
        }
        if let Some(gzip) = &self.gzip
            && accepts(accept, "gzip")
        {
            return (gzip.clone(), Some("gzip"));
        }
        (self.identity.clone(), None)
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let packed = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        (self.identity.len() + packed(&self.gzip) + packed(&self.brotli)) as u64
    }
}

/// True if an `Accept-Encoding` value permits `coding` (RFC 9110, section 12.5.3): named with a weight above 0.
/// `*` is not taken as a yes: clients that mean it for brotli do not exist.
#[must_use]
pub fn accepts(accept_encoding: &str, coding: &str) -> bool {
    accept_encoding.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding)) {
            return false;
        }
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        weight.is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

/// Gzip at the best level; `None` only if the encoder fails.
#[must_use]
pub fn gzip(content: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).ok()?;
    encoder.finish().ok()
}

fn brotli(content: &[u8], effort: Effort) -> Option<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: match effort {
            // An unoptimised build takes seconds for what takes milliseconds in a release.
            _ if cfg!(debug_assertions) => 4,
            Effort::Page => 9,
            Effort::Asset => 11,
        },
        lgwin: 22,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut packed, &params).ok()?;
    Some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn weights_are_read_as_rfc_9110_says() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("GZIP;q=0.5", "gzip"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("brotli", "br"));
        assert!(!accepts("", "gzip"));
        assert!(!accepts("gzip; q=abc", "gzip"));
    }

    #[test]
    fn every_encoding_decodes_to_the_same_bytes() {
        let text = Bytes::from("三次握手".repeat(500));
        let encoded = Encoded::new(text.clone(), Effort::Page);
        let (packed, name) = encoded.choose(Some("gzip"));
        assert_eq!(name, Some("gzip"));
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, text);
        let (packed, name) = encoded.choose(Some("br, gzip"));
        assert_eq!(name, Some("br"));
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut &packed[..], &mut back).unwrap();
        assert_eq!(back, text);
        assert_eq!(encoded.choose(None), (text, None));
    }

    #[test]
    fn what_does_not_shrink_is_sent_as_it_is() {
        let encoded = Encoded::new(Bytes::from_static(b"a"), Effort::Page);
        assert_eq!(encoded.choose(Some("br, gzip")).1, None);
    }
}
