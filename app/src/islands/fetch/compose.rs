//! A request as the reader writes it, checked; and what its answer means. Pure.

use serde_json::Value;

/// Where the router is mounted.
const BASE: &str = "/peer/axum";

pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A request for the form.
#[derive(Clone, Copy)]
pub(super) struct Preset {
    pub(super) label: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) query: &'static str,
    pub(super) headers: &'static str,
    pub(super) body: &'static str,
}

const fn preset(
    label: &'static str,
    [method, path, query]: [&'static str; 3],
    headers: &'static str,
    body: &'static str,
) -> Preset {
    Preset { label, method, path, query, headers, body }
}

const JSON: &str = "Content-Type: application/json";
const ORDER: &str = r#"{"book": 2, "copies": 3}"#;

/// One for each status that the router can answer; the first stands in the form at first.
pub(super) const PRESETS: [Preset; 10] = [
    preset("下一份订单", ["POST", "/orders", ""], JSON, ORDER),
    preset("取一本书", ["GET", "/books/1", ""], "", ""),
    preset("没有这本书", ["GET", "/books/99", ""], "", ""),
    preset("书号不是数", ["GET", "/books/abc", ""], "", ""),
    preset("页码不是数", ["GET", "/books", "page=x"], "", ""),
    preset("没有令牌", ["GET", "/me", ""], "", ""),
    preset("方法不对", ["DELETE", "/books/1", ""], "", ""),
    preset("正文太大", ["POST", "/orders", ""], JSON, LONG),
    preset("忘了 Content-Type", ["POST", "/orders", ""], "", ORDER),
    preset("类型不对", ["POST", "/orders", ""], JSON, r#"{"book": 2, "copies": "三"}"#),
];

/// 1056 bytes, more than the router takes.
const LONG: &str = match std::str::from_utf8(&[b' '; 1056]) {
    Ok(spaces) => spaces,
    Err(_) => "",
};

/// A request that `fetch` will send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Composed {
    pub(super) method: String,
    /// On this site.
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
}

/// A sentence for each field, empty where nothing is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mistakes {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Composed {
    pub(super) fn new(
        method: &str,
        path: &str,
        query: &str,
        headers: &str,
        body: &str,
    ) -> Result<Self, Mistakes> {
        let body = Some(body.to_owned()).filter(|body| !body.is_empty());
        let parsed = parse_headers(headers);
        let mistakes = Mistakes {
            path: check_path(path).err().unwrap_or_default(),
            query: if query.contains('#') {
                "# 之后的部分不会发给服务器；要发送它，写成 %23".into()
            } else {
                String::new()
            },
            headers: parsed.as_ref().err().cloned().unwrap_or_default(),
            body: if body.is_some() && matches!(method, "GET" | "HEAD") {
                format!("浏览器不肯给 {method} 请求带正文")
            } else {
                String::new()
            },
        };
        match parsed {
            Ok(headers) if mistakes == Mistakes::default() => {
                let query = if query.is_empty() { String::new() } else { format!("?{query}") };
                Ok(Self { method: method.into(), url: format!("{BASE}{path}{query}"), headers, body })
            }
            _ => Err(mistakes),
        }
    }
}

fn check_path(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err("路径要以 / 开头".into());
    }
    if let Some(mark) = path.chars().find(|mark| "?#\\".contains(*mark)) {
        return Err(format!("路径里不能有“{mark}”；查询串另有一栏"));
    }
    // The address bar's rules: `%2e` is a dot, too.
    let dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dots) {
        return Err("浏览器发出请求之前会把 . 和 .. 化简掉，服务器看不到它们".into());
    }
    Ok(())
}

/// RFC 9110 section 5.6.2: the characters of a token.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Headers that scripts may not set (Fetch standard, "forbidden request-header").
fn is_forbidden(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let listed = [
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    listed.contains(&name.as_str()) || name.starts_with("sec-") || name.starts_with("proxy-")
}

fn parse_headers(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("第 {} 行", index + 1);
        let (name, value) = line.split_once(':').ok_or_else(|| format!("{at}缺少冒号，应写成“名字: 值”"))?;
        let (name, value) = (name.trim(), value.trim());
        if !is_token(name) {
            return Err(format!("{at}：“{name}”不能作首部的名字"));
        }
        if is_forbidden(name) {
            return Err(format!("{at}：{name} 只能由浏览器自己填写，脚本设了也不算数"));
        }
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            return Err(format!("{at}：值里只能有可见的 ASCII 字符和空格"));
        }
        headers.push((name.to_owned(), value.to_owned()));
    }
    if headers.len() > 20 {
        return Err("首部最多 20 个".into());
    }
    Ok(headers)
}

/// Who took or refused the request, and why.
pub(super) fn explain(status: u16, body: &str) -> String {
    let answer = serde_json::from_str::<Value>(body).unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    match (text("refused_by"), text("why")) {
        (Some(by), Some(why)) => format!("{by}拒绝了请求：{why}。"),
        _ if status < 400 => "路由找到了处理函数，每个提取器都取到了要的东西。".into(),
        _ if body.is_empty() => "响应没有正文（对 HEAD 的回答从来没有），只能从状态码去猜。".into(),
        _ if status == 413 => "还没有走到实验的路由：网站最外层的正文上限就把它挡住了。".into(),
        _ => "这个回答不是实验的路由给出的，而是网站外层的中间件。".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(method: &str, path: &str, query: &str, headers: &str, body: &str) -> Mistakes {
        Composed::new(method, path, query, headers, body).unwrap_err()
    }

    #[test]
    fn presets_are_requests_and_one_is_too_long() {
        for Preset { label, method, path, query, headers, body } in PRESETS {
            let composed = Composed::new(method, path, query, headers, body).unwrap();
            assert!(METHODS.contains(&composed.method.as_str()), "{label}");
            assert!(composed.url.starts_with("/peer/axum/"), "{label}");
        }
        assert!(PRESETS.iter().any(|preset| preset.body.len() > 1024));
    }

    #[test]
    fn a_request_is_taken_as_written() {
        let composed = Composed::new("PATCH", "/书/1", "a=b&&", "X-A: 1\n\n x-a : 2:3 ", "正文").unwrap();
        assert_eq!(composed.url, "/peer/axum/书/1?a=b&&");
        assert_eq!(composed.headers, [("X-A".into(), "1".into()), ("x-a".into(), "2:3".into())]);
        assert_eq!(composed.body.as_deref(), Some("正文"));
        assert_eq!(Composed::new("GET", "/", "", "", "").unwrap().body, None);
    }

    #[test]
    fn what_a_browser_would_change_or_refuse_is_said_before() {
        for path in ["books", "/a?b", "/a#b", "/a/../b", "/%2E%2e/live", "/./a", "/..\\live"] {
            assert!(!mistakes("GET", path, "", "", "").path.is_empty(), "{path}");
        }
        assert!(!mistakes("GET", "/", "a#b", "", "").query.is_empty());
        assert!(!mistakes("GET", "/", "", "", "x").body.is_empty());
        for headers in ["no colon", ": 1", "a b: 1", "x: 中", "Host: a", "Sec-Fetch-Mode: x", "cookie: a=b"]
        {
            assert!(!mistakes("GET", "/", "", headers, "").headers.is_empty(), "{headers}");
        }
        let many: String = (0..21).map(|n| format!("x-{n}: 1\n")).collect();
        assert!(mistakes("GET", "/", "", &many, "").headers.contains("20"));
    }

    #[test]
    fn explanations_come_from_the_server_where_it_gives_them() {
        let body = r#"{"refused_by":"Json 提取器","why":"正文不是合法的 JSON","detail":"x"}"#;
        assert_eq!(explain(400, body), "Json 提取器拒绝了请求：正文不是合法的 JSON。");
        assert!(explain(200, "[]").contains("路由"));
        assert!(explain(413, "length limit exceeded").contains("网站"));
        assert!(explain(404, "").contains("HEAD"));
    }
}
