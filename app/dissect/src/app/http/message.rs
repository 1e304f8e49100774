//! Where a message of HTTP/1.1 and its parts begin and end (RFC 9112). Positions count from its first byte.

use std::ops::Range;

/// A start line and its headers may have this many bytes together.
const LONGEST_HEAD: usize = 1 << 16;
/// More header lines or chunks than this in a message, and it is not followed.
const MOST_HEADERS: usize = 1 << 10;
const MOST_CHUNKS: usize = 1 << 14;

/// The start line and the header section, up to and with the empty line.
#[derive(Debug)]
pub(crate) struct Head {
    /// Without its line end.
    pub(crate) start_line: Range<usize>,
    pub(crate) headers: Vec<Header>,
    /// First byte of the body.
    pub(crate) end: usize,
}

/// A header field line (RFC 9112 section 5), with the lines that continue it.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) name: Range<usize>,
    /// Without the blanks around it.
    pub(crate) value: Range<usize>,
    /// With its line end.
    pub(crate) line: Range<usize>,
}

impl Head {
    /// The last header of this name, in any case.
    pub(crate) fn header(&self, bytes: &[u8], name: &str) -> Option<&Header> {
        let named = |header: &&Header| {
            bytes.get(header.name.clone()).is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
        };
        self.headers.iter().rfind(named)
    }
}

/// How far a part reaches, if that shows already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    Yes(T),
    /// More bytes must come.
    NotYet,
    /// This is not HTTP.
    Never,
}

/// A chunk (RFC 9112 section 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) size: usize,
    /// Its size in hexadecimal and extensions, with the line end.
    pub(crate) line: Range<usize>,
    pub(crate) data: Range<usize>,
    /// The line end after the data.
    pub(crate) boundary: Range<usize>,
}

/// A chunked body up to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    /// The last one is empty.
    pub(crate) list: Vec<Chunk>,
    /// The header lines after the last chunk, without the empty line.
    pub(crate) trailers: Range<usize>,
    pub(crate) end: usize,
}

/// The line that begins at `start`: without its line end, and where the next begins.
fn line(bytes: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
    let rest = bytes.get(start..)?;
    let length = rest.iter().position(|byte| *byte == b'\n')?;
    let content = rest.get(..length)?;
    let content = content.strip_suffix(b"\r").unwrap_or(content).len();
    Some((start..start + content, start + length + 1))
}

/// Reads up to the empty line.
pub(crate) fn head(bytes: &[u8]) -> Found<Head> {
    if !may_begin(bytes) {
        return Found::Never;
    }
    let not_yet = || if bytes.len() > LONGEST_HEAD { Found::Never } else { Found::NotYet };
    let Some((start_line, mut at)) = line(bytes, 0) else { return not_yet() };
    let mut headers: Vec<Header> = Vec::new();
    while let Some((content, next)) = line(bytes, at) {
        if content.is_empty() {
            return Found::Yes(Head { start_line, headers, end: next });
        }
        if headers.len() >= MOST_HEADERS {
            return Found::Never;
        }
        let folded = matches!(bytes.get(at), Some(b' ' | b'\t'));
        match headers.last_mut() {
            // A line that begins with a blank continues the one before (RFC 9112 section 5.2).
            Some(last) if folded => {
                last.line.end = next;
                last.value.end = trim(bytes, last.value.start..content.end).end;
            }
            _ => headers.push(header(bytes, content, next)),
        }
        at = next;
    }
    not_yet()
}

fn header(bytes: &[u8], content: Range<usize>, next: usize) -> Header {
    let text = bytes.get(content.clone()).unwrap_or_default();
    let colon = text.iter().position(|byte| *byte == b':').map_or(content.end, |colon| content.start + colon);
    let value = trim(bytes, (colon + 1).min(content.end)..content.end);
    Header { name: content.start..colon, value, line: content.start..next }
}

/// Without blanks at either end.
pub(crate) fn trim(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let blank = |at: &usize| matches!(bytes.get(*at), Some(b' ' | b'\t' | b'\r' | b'\n'));
    let start = range.clone().find(|at| !blank(at)).unwrap_or(range.end);
    let end = (start..range.end).rfind(|at| !blank(at)).map_or(start, |last| last + 1);
    start..end
}

/// True if these are, or could become, the first bytes of a request line or a status line.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    const VERSION: &[u8] = b"HTTP/1.";
    if bytes.starts_with(VERSION) || VERSION.starts_with(bytes) {
        return true;
    }
    let Some((content, _)) = line(bytes, 0) else {
        // No line end yet: a method in capitals, then something printable.
        let method = bytes.iter().take_while(|byte| is_method(**byte)).count();
        let rest = bytes.get(method..).unwrap_or_default();
        let printable = rest.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\r');
        return method <= 24 && (rest.is_empty() || (method > 0 && rest[0] == b' ' && printable));
    };
    let words: Vec<_> = bytes.get(content).unwrap_or_default().split(|byte| *byte == b' ').collect();
    matches!(words.as_slice(), [method, .., version]
        if words.len() >= 3 && !method.is_empty() && method.iter().all(|byte| is_method(*byte)) && version.starts_with(VERSION))
}

fn is_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'-'
}

/// Reads a chunked body that begins at `at`, trailers and the last empty line included.
pub(crate) fn chunks(bytes: &[u8], mut at: usize) -> Found<Chunks> {
    let mut list = Vec::new();
    loop {
        let Some((content, data)) = line(bytes, at) else {
            return if bytes.len() - at.min(bytes.len()) > LONGEST_HEAD {
                Found::Never
            } else {
                Found::NotYet
            };
        };
        let Some(size) = chunk_size(bytes.get(content).unwrap_or_default()) else { return Found::Never };
        if list.len() >= MOST_CHUNKS {
            return Found::Never;
        }
        if size == 0 {
            list.push(Chunk { size, line: at..data, data: data..data, boundary: data..data });
            return trailers(bytes, list, data);
        }
        let Some(end) = data.checked_add(size) else { return Found::Never };
        let boundary = match bytes.get(end..) {
            Some([b'\r', b'\n', ..]) => end..end + 2,
            Some([] | [b'\r']) | None => return Found::NotYet,
            Some(_) => return Found::Never,
        };
        let next = boundary.end;
        list.push(Chunk { size, line: at..data, data: data..end, boundary });
        at = next;
    }
}

/// Hexadecimal digits before an extension.
fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    usize::from_str_radix(digits, 16).ok()
}

fn trailers(bytes: &[u8], list: Vec<Chunk>, start: usize) -> Found<Chunks> {
    let mut at = start;
    while let Some((content, next)) = line(bytes, at) {
        if content.is_empty() {
            return Found::Yes(Chunks { list, trailers: start..at, end: next });
        }
        at = next;
    }
    if bytes.len() - at.min(bytes.len()) > LONGEST_HEAD { Found::Never } else { Found::NotYet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_the_empty_line() {
        let bytes = b"GET / HTTP/1.1\r\nHost:  a \r\nX: 1\r\n  2\r\n\r\nbody";
        let Found::Yes(head) = head(bytes) else { panic!() };
        assert_eq!((head.start_line, head.end), (0..14, bytes.len() - 4));
        let told: Vec<_> = head.headers.iter().map(|header| &bytes[header.value.clone()]).collect();
        assert_eq!(told, [&b"a"[..], b"1\r\n  2"]);
        assert_eq!(head.headers[1].line, 27..38);
        for end in 0..bytes.len() - 4 {
            assert!(matches!(super::head(&bytes[..end]), Found::NotYet), "{end}");
        }
    }

    #[test]
    fn only_http_looks_like_http() {
        for bytes in ["", "G", "GET", "GET /a", "HTTP/1.1 200", "H", "PRI * HTTP/1.1\n", "GET / HTTP/1.0\r\n"]
        {
            assert!(may_begin(bytes.as_bytes()), "{bytes}");
        }
        for bytes in
            ["hello", "GET /\r\n", "HELLO\n", "\r\n", "你好", "GET\0", "PRI * HTTP/2.0\r\n", " HTTP/1.1\n"]
        {
            assert!(!may_begin(bytes.as_bytes()), "{bytes}");
        }
    }

    #[test]
    fn chunks_end_with_an_empty_one() {
        let bytes = b"3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\nGET";
        let Found::Yes(found) = chunks(bytes, 0) else { panic!() };
        assert_eq!((found.list.len(), found.trailers, found.end), (2, 15..21, 23));
        assert_eq!(found.list[0], Chunk { size: 3, line: 0..7, data: 7..10, boundary: 10..12 });
        for end in 0..23 {
            assert_eq!(chunks(&bytes[..end], 0), Found::NotYet, "{end}");
        }
        assert_eq!(chunks(b"zz\r\n", 0), Found::Never);
        assert_eq!(chunks(b"1\r\nab\r\n", 0), Found::Never);
        assert_eq!(chunks(b"ffffffffffffffff\r\nab\r\n", 0), Found::Never);
    }
}
