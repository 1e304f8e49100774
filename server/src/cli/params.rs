//! `--set name=value`: text becomes the JSON that the parameter's kind asks for.

use api::lab::{LabInfo, ParamKind};
use serde_json::{Map, Value};

/// All parameters given, as a JSON object; bounds are checked by the lab afterwards.
///
/// # Errors
/// A sentence: no `=`, no such parameter, or not a value of its kind.
pub(super) fn parse(info: &LabInfo, settings: &[String]) -> Result<Value, String> {
    let mut params = Map::new();
    for setting in settings {
        let Some((name, text)) = setting.split_once('=') else {
            return Err(format!("--set {setting}：应写成 名称=值"));
        };
        let Some(param) = info.params.iter().find(|param| param.name == name) else {
            let known: Vec<&str> = info.params.iter().map(|param| param.name.as_str()).collect();
            return Err(format!("实验 {} 没有名为 {name} 的参数，有：{}", info.slug, known.join("、")));
        };
        let value = match param.kind {
            ParamKind::Text { .. } | ParamKind::Choice { .. } => Some(Value::from(text)),
            ParamKind::Integer { .. } => text.parse::<i64>().ok().map(Value::from),
            ParamKind::Number { .. } => text.parse::<f64>().ok().map(Value::from),
            ParamKind::Flag => text.parse::<bool>().ok().map(Value::from),
        };
        let bounds = super::labs::bounds(param);
        let value =
            value.ok_or_else(|| format!("参数 {name}（{}）应为{bounds}，不能是“{text}”", param.label))?;
        params.insert(name.to_owned(), value);
    }
    Ok(Value::Object(params))
}
