//! The fields of a start line and of the headers.

use super::Request;
use super::message::{Head, Header, trim};
use super::names::*;
use crate::fields::Fields;
use crate::spec::clipped;
use crate::types::Value;
use std::ops::Range;

/// Characters of a target in a summary.
const SHOWN: usize = 80;

/// What a head says.
pub(super) struct Told<'a> {
    pub(super) fields: Fields<'a>,
    /// `GET /path`, `200 OK`
    pub(super) summary: String,
    /// 0 in a request.
    pub(super) code: u16,
    /// Empty in a response.
    pub(super) method: String,
    /// What a request asks for; empty in a response.
    pub(super) target: String,
    pub(super) upgrade: Option<Upgrade>,
    /// The extension `permessage-deflate` (RFC 7692).
    pub(super) compressed: bool,
}

/// What an `Upgrade` header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    WebSocket,
    Http2,
}

/// `request`: the one that a response answers. `encrypted`: the scheme is `https`.
pub(super) fn read<'a>(bytes: &'a [u8], head: &Head, request: Option<&Request>, encrypted: bool) -> Told<'a> {
    let mut told = Told {
        fields: Fields::new(bytes, 0, bytes.len()),
        summary: String::new(),
        code: 0,
        method: String::new(),
        target: String::new(),
        upgrade: None,
        compressed: false,
    };
    let response = bytes.starts_with(b"HTTP/");
    // Every range lies within the head, so nothing of this can fail.
    let _ = if response { status_line(&mut told, bytes, head) } else { request_line(&mut told, bytes, head) };
    for header in &head.headers {
        let name = bytes.get(header.name.clone()).unwrap_or_default();
        let value = text(bytes, &header.value);
        if name.eq_ignore_ascii_case(b"upgrade") {
            told.upgrade = match value.to_ascii_lowercase().as_str() {
                "websocket" => Some(Upgrade::WebSocket),
                "h2c" => Some(Upgrade::Http2),
                _ => told.upgrade,
            };
        }
        told.compressed |= name.eq_ignore_ascii_case(b"sec-websocket-extensions")
            && value.to_ascii_lowercase().contains("permessage-deflate");
        let _ = self::header(&mut told.fields, bytes, header, response);
    }
    if response {
        if let Some(request) = request {
            let _ = told.fields.derived(&REQUEST_IN, 0, u64::from(request.frame));
            told.fields.say(|field| format!("第 {} 帧", field.value));
        }
    } else {
        let host = head.header(bytes, "host");
        let target = &told.target;
        let scheme = if encrypted { "https" } else { "http" };
        let uri = host
            .filter(|_| target.starts_with('/'))
            .map(|host| format!("{scheme}://{}{target}", text(bytes, &host.value)));
        if let Some(uri) = uri {
            let _ = told.fields.made(&FULL_URI, Value::Text(uri), 0, 0);
        }
    }
    told
}

/// Method, target, version (RFC 9112 section 3).
fn request_line(told: &mut Told<'_>, bytes: &[u8], head: &Head) -> Option<()> {
    let line = bytes.get(head.start_line.clone())?;
    let method = line.iter().position(|byte| *byte == b' ')?;
    let version = line.iter().rposition(|byte| *byte == b' ')? + 1;
    let target = trim(bytes, method..version);
    told.method = text(bytes, &(0..method));
    told.target = text(bytes, &target);
    told.summary = format!("{} {}", told.method, clipped(&told.target, SHOWN));
    let fields = &mut told.fields;
    fields.made(&METHOD, string(bytes, &(0..method)), 0, method)?;
    let value = string(bytes, &target);
    fields.made_over(&URI, value, target.start, target.end, |fields| uri(fields, bytes, &target))?;
    let version = version..head.start_line.end;
    fields.made(&REQUEST_VERSION, string(bytes, &version), version.start, version.end)
}

/// Path and query of a target that has a query (RFC 9110 section 4.2).
fn uri(fields: &mut Fields<'_>, bytes: &[u8], target: &Range<usize>) -> Option<()> {
    let question = bytes.get(target.clone())?.iter().position(|byte| *byte == b'?');
    let Some(question) = question.map(|at| target.start + at) else { return Some(()) };
    fields.made(&PATH, string(bytes, &(target.start..question)), target.start, question)?;
    let query = question + 1..target.end;
    fields.made_over(&QUERY, string(bytes, &query), query.start, query.end, |fields| {
        for part in pieces(bytes, &query, b'&') {
            fields.made(&PARAMETER, string(bytes, &part), part.start, part.end)?;
        }
        Some(())
    })
}

/// Version, code, phrase (RFC 9112 section 4).
fn status_line(told: &mut Told<'_>, bytes: &[u8], head: &Head) -> Option<()> {
    let end = head.start_line.end;
    let space = |from: usize| {
        let rest = bytes.get(from..end)?;
        rest.iter().position(|byte| *byte == b' ').map(|at| from + at)
    };
    let version = space(0).unwrap_or(end);
    told.fields.made(&RESPONSE_VERSION, string(bytes, &(0..version)), 0, version)?;
    let code = trim(bytes, version..end).start;
    let code = code..space(code).unwrap_or(end);
    let number = text(bytes, &code).parse().ok().filter(|number| *number < 1000)?;
    told.code = number;
    let phrase = trim(bytes, code.end..end);
    told.summary = format!("{number} {}", clipped(&text(bytes, &phrase), SHOWN)).trim_end().to_owned();
    told.fields.made(&CODE, Value::Unsigned(number.into()), code.start, code.end)?;
    if !phrase.is_empty() {
        told.fields.made(&PHRASE, string(bytes, &phrase), phrase.start, phrase.end)?;
    }
    Some(())
}

fn header(fields: &mut Fields<'_>, bytes: &[u8], header: &Header, response: bool) -> Option<()> {
    let name = bytes.get(header.name.clone())?;
    let Range { start, end } = header.line;
    let Some(spec) = super::names::header(name) else {
        let spec = if response { &RESPONSE_LINE } else { &REQUEST_LINE };
        fields.made(spec, string(bytes, &header.line), start, end)?;
        fields.say(|field| clipped(field.value.to_string().trim_end(), 200));
        return Some(());
    };
    let value = string(bytes, &header.value);
    fields.made_over(spec, value, start, end, |fields| {
        if spec.name == CONTENT_LENGTH_HEADER.name {
            let length = text(bytes, &header.value).parse().ok()?;
            fields.made(&CONTENT_LENGTH, Value::Unsigned(length), start, end)?;
        } else if spec.name == COOKIE.name {
            for pair in pieces(bytes, &header.value, b';') {
                let pair = trim(bytes, pair);
                fields.made(&COOKIE_PAIR, string(bytes, &pair), pair.start, pair.end)?;
            }
        }
        Some(())
    })
}

/// The parts of a range between separators.
fn pieces(bytes: &[u8], range: &Range<usize>, separator: u8) -> Vec<Range<usize>> {
    let mut start = range.start;
    let parts = bytes.get(range.clone()).unwrap_or_default().split(|byte| *byte == separator);
    let mut list = Vec::new();
    for part in parts {
        list.push(start..start + part.len());
        start += part.len() + 1;
    }
    list
}

pub(super) fn text(bytes: &[u8], range: &Range<usize>) -> String {
    String::from_utf8_lossy(bytes.get(range.clone()).unwrap_or_default()).into_owned()
}

pub(super) fn string(bytes: &[u8], range: &Range<usize>) -> Value {
    Value::Text(text(bytes, range))
}
