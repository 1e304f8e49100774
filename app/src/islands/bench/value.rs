//! Values of a lab's parameters: text in the form, JSON on the wire.

use crate::number;
use api::lab::{Param, ParamKind};
use serde_json::Value;

/// A value as its form field shows it.
pub(crate) fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map(ToOwned::to_owned).unwrap_or(text)
        }
        other => other.to_string(),
    }
}

/// What the reader typed, as JSON, or what is wrong with it.
///
/// # Errors
/// A sentence for the reader, by the same bounds as on the server.
pub(crate) fn parse(param: &Param, text: &str) -> Result<Value, String> {
    match &param.kind {
        ParamKind::Integer { min, max } => {
            let value: i64 = text.trim().parse().map_err(|_| "请填一个整数".to_owned())?;
            if (*min..=*max).contains(&value) {
                return Ok(value.into());
            }
            Err(format!("必须在 {min} 到 {max} 之间"))
        }
        ParamKind::Number { min, max } => {
            let value = number::parse(text).ok_or_else(|| "请填一个数".to_owned())?;
            if (*min..=*max).contains(&value) {
                return Ok(value.into());
            }
            Err(format!("必须在 {} 到 {} 之间", number::exact(*min), number::exact(*max)))
        }
        ParamKind::Text { min_length, max_length, .. } => {
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            if length < *min_length {
                return Err(match min_length {
                    1 => "不能为空".into(),
                    least => format!("至少要 {least} 个字符，现在 {length} 个"),
                });
            }
            if length > *max_length {
                return Err(format!("最多 {max_length} 个字符，现在 {length} 个"));
            }
            Ok(text.into())
        }
        ParamKind::Flag => Ok((text == "true").into()),
        ParamKind::Choice { options } => {
            if options.iter().any(|(value, _)| value == text) {
                return Ok(text.into());
            }
            Err("请从列表中选一项".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn param(kind: ParamKind) -> Param {
        Param { name: "x".into(), label: "某项".into(), help: String::new(), default: Value::Null, kind }
    }

    #[test]
    fn bounds_are_the_servers() {
        let integer = param(ParamKind::Integer { min: 1, max: 64 });
        assert_eq!(parse(&integer, " 64 "), Ok(json!(64)));
        assert!(parse(&integer, "65").unwrap_err().contains("1 到 64"));
        assert!(parse(&integer, "1.5").is_err());
        let number = param(ParamKind::Number { min: 0.0, max: 1.5 });
        assert_eq!(parse(&number, "1.5"), Ok(json!(1.5)));
        assert!(parse(&number, "1.6").unwrap_err().contains("0 到 1.5"));
    }

    #[test]
    fn text_is_counted_in_characters() {
        let text = param(ParamKind::Text { min_length: 1, max_length: 2, multiline: false });
        assert_eq!(parse(&text, "线上"), Ok(json!("线上")));
        assert!(parse(&text, "").is_err());
        assert!(parse(&text, "三个字").unwrap_err().contains("现在 3 个"));
    }

    #[test]
    fn flags_and_choices() {
        assert_eq!(parse(&param(ParamKind::Flag), "true"), Ok(json!(true)));
        let choice = param(ParamKind::Choice { options: vec![("a".into(), "甲".into())] });
        assert_eq!(parse(&choice, "a"), Ok(json!("a")));
        assert!(parse(&choice, "b").is_err());
    }

    #[test]
    fn texts_come_back_as_they_were() {
        assert_eq!(to_text(&json!("你好")), "你好");
        assert_eq!(to_text(&json!(3)), "3");
        assert_eq!(to_text(&json!(50.0)), "50");
        assert_eq!(to_text(&json!(true)), "true");
    }
}
