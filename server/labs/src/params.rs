//! From a lab's struct to its form: the JSON schema of the struct read as a list of [`Param`]s.

use api::lab::{Param, ParamKind};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::lab::Lab;

/// Bounds of a parameter whose type sets them and no `#[garde]` attribute does.
const MAX_TEXT: u32 = 4096;

/// The parameters of `L` in the order of its fields.
pub(crate) fn of<L: Lab>() -> Vec<Param> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<L>();
    let defaults = serde_json::to_value(L::default()).unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Vec::new();
    };
    properties
        .iter()
        .filter_map(|(name, property)| {
            let property = property.as_object()?;
            let (label, help) = documentation(property);
            Some(Param {
                name: name.clone(),
                label,
                help,
                default: defaults[name].clone(),
                kind: kind(property)?,
            })
        })
        .collect()
}

/// Says in Chinese why `value` does not fit `param`.
pub(crate) fn check(param: &Param, value: &Value) -> Result<(), String> {
    let label = &param.label;
    match &param.kind {
        ParamKind::Integer { min, max } => match value.as_i64() {
            Some(number) if (*min..=*max).contains(&number) => Ok(()),
            _ => Err(format!("“{label}”必须是 {min} 到 {max} 之间的整数")),
        },
        ParamKind::Number { min, max } => match value.as_f64() {
            Some(number) if (*min..=*max).contains(&number) => Ok(()),
            _ => Err(format!("“{label}”必须是 {min} 到 {max} 之间的数")),
        },
        ParamKind::Text { min_length, max_length, .. } => {
            let length = value.as_str().map(|text| text.chars().count());
            match length.and_then(|length| u32::try_from(length).ok()) {
                Some(length) if (*min_length..=*max_length).contains(&length) => Ok(()),
                _ => Err(format!("“{label}”必须是 {min_length} 到 {max_length} 个字符的文字")),
            }
        }
        ParamKind::Flag => match value {
            Value::Bool(_) => Ok(()),
            _ => Err(format!("“{label}”只能是 true 或 false")),
        },
        ParamKind::Choice { options } => {
            if options.iter().any(|(option, _)| value.as_str() == Some(option)) {
                return Ok(());
            }
            let names: Vec<&str> = options.iter().map(|(option, _)| option.as_str()).collect();
            Err(format!("“{label}”只能是以下之一：{}", names.join("、")))
        }
    }
}

/// First line and rest of a doc comment.
fn documentation(property: &Map<String, Value>) -> (String, String) {
    let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
    let (label, help) = text.split_once('\n').unwrap_or((text, ""));
    // Source lines are joined: Chinese has no spaces between words.
    let help: String = help.lines().map(str::trim).collect();
    (label.trim().into(), help)
}

fn kind(property: &Map<String, Value>) -> Option<ParamKind> {
    if let Some(options) = property.get("oneOf").and_then(Value::as_array) {
        let option = |schema: &Value| {
            let (label, _) = documentation(schema.as_object()?);
            Some((schema.get("const")?.as_str()?.to_owned(), label))
        };
        return Some(ParamKind::Choice { options: options.iter().map(option).collect::<Option<_>>()? });
    }
    let integer = |key: &str| property.get(key).and_then(Value::as_f64).map(|number| number as i64);
    let number = |key: &str| property.get(key).and_then(Value::as_f64);
    let length =
        |key: &str| property.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    Some(match property.get("type")?.as_str()? {
        "integer" => ParamKind::Integer { min: integer("minimum")?, max: integer("maximum")? },
        "number" => ParamKind::Number { min: number("minimum")?, max: number("maximum")? },
        "string" => ParamKind::Text {
            min_length: length("minLength").unwrap_or(0),
            max_length: length("maxLength").unwrap_or(MAX_TEXT),
            multiline: property.get("multiline").and_then(Value::as_bool).unwrap_or(false),
        },
        "boolean" => ParamKind::Flag,
        _ => return None,
    })
}
