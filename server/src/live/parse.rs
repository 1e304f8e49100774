//! From text to [`ClientMessage`], field by field, so that every mistake can be named.
//!
//! serde reads internally tagged enums through a buffer and forgets where it was; the messages are few and
//! flat, so each field is read on its own here and only its inside by serde.

use api::line::InvalidField;
use api::live::ClientMessage;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads one message.
///
/// # Errors
/// The field that is wrong (empty if the text is no JSON object), and a sentence about it.
pub(super) fn parse(text: &str) -> Result<ClientMessage, InvalidField> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| invalid("", format!("不是有效的 JSON：{error}")))?;
    let Value::Object(map) = value else {
        return Err(invalid("", "消息必须是一个 JSON 对象".into()));
    };
    let mut fields = Fields(map);
    let kind: String = fields.required("type")?;
    let message = match kind.as_str() {
        "start" => ClientMessage::Start {
            request: fields.required("request")?,
            lab: fields.required("lab")?,
            params: fields.optional("params")?.unwrap_or_default(),
            lines: fields.optional("lines")?,
            seed: fields.optional("seed")?,
            congestion: fields.optional("congestion")?.unwrap_or_default(),
        },
        "input" => ClientMessage::Input { run: fields.required("run")?, text: fields.required("text")? },
        "line" => ClientMessage::Line {
            run: fields.required("run")?,
            host: fields.required("host")?,
            line: fields.required("line")?,
        },
        "stop" => ClientMessage::Stop { run: fields.required("run")? },
        "watch" => {
            ClientMessage::Watch { run: fields.required("run")?, after_seq: fields.optional("after_seq")? }
        }
        _ => return Err(invalid("type", "没有这种消息".into())),
    };
    match fields.0.keys().next() {
        Some(unknown) => Err(invalid(unknown, "这种消息没有这一项".into())),
        None => Ok(message),
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, InvalidField> {
        self.optional(name)?.ok_or_else(|| invalid(name, "缺少这一项".into()))
    }

    /// `null` counts as absent.
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, InvalidField> {
        let Some(value) = self.0.remove(name).filter(|value| !value.is_null()) else { return Ok(None) };
        serde_path_to_error::deserialize(value).map(Some).map_err(|error| {
            let inside = error.path().to_string();
            let field = if inside == "." { name.to_owned() } else { format!("{name}.{inside}") };
            invalid(&field, format!("这一项的值不对：{}", error.inner()))
        })
    }
}

fn invalid(field: &str, message: String) -> InvalidField {
    // A field name comes from the message and goes back to its sender: keep it short.
    InvalidField { field: field.chars().take(100).collect(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> String {
        parse(text).unwrap_err().field
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(field("{"), "");
        assert_eq!(field("[]"), "");
        assert_eq!(field(r#"{"request":1}"#), "type");
        assert_eq!(field(r#"{"type":"dance"}"#), "type");
        assert_eq!(field(r#"{"type":"start","request":1}"#), "lab");
        assert_eq!(field(r#"{"type":"start","request":-1,"lab":"x"}"#), "request");
        assert_eq!(field(r#"{"type":"start","request":1,"lab":"x","seed":"7"}"#), "seed");
        assert_eq!(field(r#"{"type":"start","request":1,"lab":"x","extra":7}"#), "extra");
        let line = r#"{"type":"start","request":1,"lab":"x","lines":{"client":{"up":{"loss_percent":"a"}}}}"#;
        assert_eq!(field(line), "lines.client.up.loss_percent");
        assert_eq!(field(r#"{"type":"line","run":"r","host":"h","line":{"sideways":1}}"#), "line.sideways");
    }

    #[test]
    fn every_message_that_serde_writes_is_read() {
        let messages = [
            ClientMessage::Start {
                request: 1,
                lab: "tcp-echo".into(),
                params: serde_json::json!({"message": "你好"}),
                lines: Some([("client".to_owned(), api::line::Line::default())].into()),
                seed: Some(u64::MAX),
                congestion: api::run::Congestion::Reno,
            },
            ClientMessage::Input { run: "r".into(), text: "t".into() },
            ClientMessage::Line { run: "r".into(), host: "h".into(), line: api::line::Line::default() },
            ClientMessage::Stop { run: "r".into() },
            ClientMessage::Watch { run: "r".into(), after_seq: Some(3) },
            ClientMessage::Watch { run: "r".into(), after_seq: None },
        ];
        for message in messages {
            assert_eq!(parse(&serde_json::to_string(&message).unwrap()), Ok(message));
        }
    }
}
