//! 读者填的五样东西：怎样才算一个能发出去的请求。

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 请求的方法
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Verb {
    /// GET：取来看看
    Get,
    /// HEAD：只要首部
    Head,
    /// POST：提交
    Post,
    /// PUT：整个替换
    Put,
    /// PATCH：改一部分
    Patch,
    /// DELETE：删除
    Delete,
    /// OPTIONS：问问能做什么
    Options,
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::GET,
            Verb::Head => Self::HEAD,
            Verb::Post => Self::POST,
            Verb::Put => Self::PUT,
            Verb::Patch => Self::PATCH,
            Verb::Delete => Self::DELETE,
            Verb::Options => Self::OPTIONS,
        }
    }
}

/// 由 HTTP 库按正文和连接自己填写的首部。
const OWN_HEADERS: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::EXPECT,
    header::TE,
    header::TRAILER,
];

/// 每行一个首部；说不通时用一句话告诉读者是哪一行。
pub(super) fn parse_headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("首部的第 {} 行", index + 1);
        let (name, value) = line.split_once(':').ok_or_else(|| format!("{at}缺少冒号，应写成“名字: 值”"))?;
        let name = HeaderName::try_from(name.trim())
            .map_err(|_| format!("{at}：“{}”不能作首部的名字", name.trim()))?;
        if OWN_HEADERS.contains(&name) {
            return Err(format!("{at}：{name} 由 HTTP 库自己填写，这里不能改"));
        }
        let value = value.trim();
        // HeaderValue 也收 ASCII 以外的字节，但它们在 HTTP 里没有约定的含义，浏览器也不肯发。
        let value = HeaderValue::from_str(value).ok().filter(|_| value.is_ascii());
        let value = value.ok_or_else(|| format!("{at}：值里只能有可见的 ASCII 字符和空格"))?;
        headers.append(name, value);
    }
    if headers.len() > 20 {
        return Err("首部最多 20 个".into());
    }
    Ok(headers)
}

pub(super) fn is_headers(text: &str, (): &()) -> garde::Result {
    parse_headers(text).map(drop).map_err(garde::Error::new)
}

pub(super) fn is_path(path: &str, (): &()) -> garde::Result {
    if let Some(mark) = path.chars().find(|mark| "?#".contains(*mark)) {
        return Err(garde::Error::new(format!(
            "路径里不能有“{mark}”；查询串另有一栏，# 之后的部分从不发给服务器"
        )));
    }
    is_target(path, "路径")
}

pub(super) fn is_query(query: &str, (): &()) -> garde::Result {
    if query.contains('#') {
        return Err(garde::Error::new("查询串里不能有“#”；要发送它，写成 %23"));
    }
    is_target(query, "查询串")
}

/// 请求行里只能有可见的 ASCII 字符，其余的要用百分号编码（RFC 3986 §2.1）。
fn is_target(text: &str, what: &str) -> garde::Result {
    match text.chars().find(|c| !c.is_ascii_graphic() || "<>\\^`".contains(*c)) {
        None => Ok(()),
        Some(c) => {
            let encoded: String = c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
            Err(garde::Error::new(format!("{what}里的“{c}”要写成 {encoded}（百分号编码）")))
        }
    }
}
