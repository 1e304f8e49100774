//! Every page of a small book, rendered as the server does: complete without scripts, sound as HTML.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use any_spawner::Executor;
use api::lab::{LabInfo, Param, ParamKind};
use api::line::InvalidField;
use api::run::{Outcome, Tier, TierReport};
use api::trace::{
    Body as Seen, Code, Delivery, Event, Fate, Frame, HostInfo, InterfaceInfo, LeftOut, Level, Trace, VERSION,
};
use app::{SavedTrace, Site};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use book::{Book, Content, Files, Labs};
use leptos::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SOURCE: &str = "//! 回显。\n// ANCHOR: serve\nfn serve() {\n    // 等连接\n}\n// ANCHOR_END: serve\n";
const CHAPTER: &str = "+++\ntitle = \"TCP 编程\"\nnumber = \"2\"\nsummary = \"一条连接的一生。\"\n+++\n\n开场。\n\n## 2.1 服务器 {#server}\n\n```rust include=tcp_echo.rs#serve\n```\n\n```lab tcp-echo\nmessage = \"线上\"\n```\n\n```勘误\nsaid = \"甲\"\nholds = \"乙\"\nproof = \"丙\"\n```\n\n## 2.2 再来一次\n\n```lab tcp-echo\n```\n\n```quiz which\n```\n\n```quiz order\n```\n\n```quiz guess\n```\n\n```quiz word\n```\n";
const QUIZ: &str = "[[question]]\nid = \"which\"\nkind = \"several\"\nask = \"哪些对？\"\noptions = [\"选项 `甲`\", \"选项乙\"]\nanswer = [2]\nexplain = \"不可泄露\"\n[[question]]\nid = \"order\"\nkind = \"order\"\nask = \"排好\"\noptions = [\"第一步\", \"第二步\", \"第三步\"]\nexplain = \"不可泄露\"\n[[question]]\nid = \"guess\"\nkind = \"predict\"\nask = \"几次？\"\nlab = \"tcp-echo\"\nseed = 31\nobserve = \"handshakes\"\nanswer = 4242\nexplain = \"不可泄露\"\n[[question]]\nid = \"word\"\nkind = \"short\"\nask = \"叫什么？\"\naccept = [\"不可泄露\"]\nexplain = \"不可泄露\"\n";
const SECOND: &str = "+++\ntitle = \"UDP 编程\"\nnumber = \"3\"\nsummary = \"不连接。\"\n+++\n\n见[上一章](2-tcp.md#server)。\n\n```widget addr-parse\n```\n";
const OUTLINE: &str = "[guide]\ntitle = \"指南\"\nsummary = \"甲\"\nplanned = [{ number = \"1\", title = \"网络编程基础\" }]\n[reference]\ntitle = \"参考\"\nsummary = \"乙\"\n";

const GLOSSARY: &str = "[[term]]\nenglish = \"connection\"\nchinese = \"连接\"\ntext = \"四个数确定一条 `TCP` 连接。\"\nsee = \"/guide/tcp#server\"\n";

struct Registry;

impl Labs for Registry {
    fn infos(&self) -> Vec<LabInfo> {
        let message = Param {
            name: "message".into(),
            label: "要发送的文字".into(),
            help: "一个汉字占 3 个字节。".into(),
            default: "你好".into(),
            kind: ParamKind::Text { min_length: 1, max_length: 64, multiline: false },
        };
        vec![LabInfo {
            slug: "tcp-echo".into(),
            title: "TCP 回显".into(),
            summary: "一条 TCP 连接的一生。".into(),
            hosts: vec!["server".into(), "client".into()],
            params: vec![message],
            input: None,
            needs_isolated: false,
            file: "server/labs/src/tcp_echo.rs".into(),
            lines: BTreeMap::new(),
            hints: api::lab::Hints::default(),
        }]
    }

    fn source(&self, slug: &str) -> Option<&str> {
        (slug == "tcp-echo").then_some(SOURCE)
    }

    fn check(&self, _: &str, params: &serde_json::Value) -> Result<serde_json::Value, InvalidField> {
        Ok(params.clone())
    }
}

/// A log line and two frames, the second of them lost.
fn trace() -> Arc<Trace> {
    let host = |name: &str, last: u8| HostInfo {
        name: name.into(),
        interfaces: vec![InterfaceInfo {
            segment: 0,
            mac: Some(format!("02:00:00:00:00:{last:02x}")),
            addresses: vec![[10, 0, 0, last].into()],
        }],
    };
    let frame = |frame| {
        let bytes = vec![0xff; 60];
        Seen::Frame(Frame { frame, from: 1, segment: 0, length: 60, bytes, due: None })
    };
    let delivery = |frame, to, fate| {
        Seen::Delivery(Delivery { frame, to, fate, reordered: false, duplicate: false, flipped_bit: None })
    };
    let log = Seen::Code(Code {
        host: Some(0),
        level: Level::Info,
        target: "labs::tcp_echo".into(),
        file: None,
        line: None,
        message: "服务器在监听".into(),
        fields: Vec::new(),
        own: true,
    });
    let bodies =
        [log, frame(0), delivery(0, Some(0), Fate::Delivered), frame(1), delivery(1, None, Fate::Lost)];
    let events = (0..).zip(bodies).map(|(seq, body)| Event { seq, time: u64::from(seq) * 1_234_567, body });
    Arc::new(Trace {
        version: VERSION,
        id: "abc".into(),
        lab: "tcp-echo".into(),
        params: serde_json::json!({ "message": "你好" }),
        lines: BTreeMap::new(),
        seed: 7,
        tier: Tier::Isolated,
        started_at_ms: 1_795_241_640_000,
        hosts: vec![host("server", 1), host("client", 2)],
        outcome: Outcome::Completed,
        left_out: LeftOut::default(),
        events: events.collect(),
    })
}

fn site(development: bool) -> Site {
    let mut files = Files::new();
    files.insert("book.toml".into(), OUTLINE.into());
    files.insert("glossary.toml".into(), GLOSSARY.into());
    files.insert("guide/2-tcp.md".into(), CHAPTER.into());
    files.insert("guide/2-tcp.quiz.toml".into(), QUIZ.into());
    files.insert("guide/3-udp.md".into(), SECOND.into());
    if development {
        files.insert("guide/4-tokio.md".into(), SECOND.replace("2-tcp", "9-none").into());
    }
    let (book, problems) = Book::load(&Content::Files(files), &Registry).unwrap();
    assert_eq!(problems.is_empty(), !development, "{problems:?}");
    Site {
        book: Arc::new(book),
        labs: Registry.infos().into(),
        tier: TierReport { tier: Tier::Isolated, reason: String::new(), cure: String::new() },
        recordings: Arc::new(|slug| (slug == "tcp-echo").then(trace)),
        development,
        problems: problems.into(),
        origin: None,
    }
}

/// The whole document and its status.
fn answer(path: &str, development: bool, saved: bool) -> (StatusCode, String) {
    drop(Executor::init_tokio()); // an error says that another test was faster
    let provide = move || {
        provide_context(site(development));
        if saved {
            provide_context(SavedTrace(trace()));
        }
    };
    let options = LeptosOptions::builder().output_name("wirebook").build();
    let handler = leptos_axum::render_app_async_with_context(provide, move || app::shell(options.clone()));
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let response = handler(request).await;
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    })
}

fn render(path: &str, development: bool, saved: bool) -> String {
    answer(path, development, saved).1
}

/// Values of an attribute in order.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    html.split(&format!(" {attribute}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

const PATHS: [&str; 8] =
    ["/", "/labs", "/labs/tcp-echo", "/guide/tcp", "/guide/udp", "/glossary", "/progress", "/traces/abc"];

#[test]
fn every_page_is_sound() {
    for path in PATHS.into_iter().chain(["/guide/nowhere", "/labs/nowhere", "/nowhere"]) {
        let html = render(path, false, true);
        assert!(html.contains("<html lang=\"zh-Hans\">"), "{path}: language");
        assert!(html.contains("<meta name=\"description\" content=\""), "{path}: description");
        assert_eq!(html.matches("<title>").count(), 1, "{path}: title");
        assert_eq!(html.matches("<h1").count(), 1, "{path}: one first-level heading");
        assert_eq!(html.matches("<main").count(), 1, "{path}: one main");
        assert!(
            html.find("class=\"skip\"").unwrap() < html.find("<header").unwrap(),
            "{path}: skip link first"
        );
        let ids = values(&html, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{path}: {ids:?}");
        for attribute in ["style", "onclick", "onload"] {
            assert!(values(&html, attribute).is_empty(), "{path}: the security policy forbids {attribute}");
        }
    }
}

#[test]
fn the_glossary_names_its_terms_in_both_languages() {
    let html = render("/glossary", false, false).replace("<!>", "");
    assert!(html.contains("<div id=\"connection\"><dt><b>连接</b>"), "{html}");
    assert!(html.contains("<span lang=\"en\">connection</span>"));
    assert!(html.contains("一条 <code>TCP</code> 连接") && html.contains("href=\"/guide/tcp#server\""));
    assert!(values(&html, "href").contains(&"/glossary"), "in the header and the footer");
}

#[test]
fn every_link_leads_somewhere() {
    let pages: BTreeMap<&str, String> =
        PATHS.into_iter().map(|path| (path, render(path, false, true))).collect();
    let files = ["/traces/abc.pcapng", "/traces/abc.json"];
    for (path, html) in &pages {
        let body = html.split("<body").nth(1).unwrap();
        for link in values(body, "href") {
            let (page, id) = link.split_once('#').unwrap_or((link, ""));
            let page = if page.is_empty() { path } else { page };
            if files.contains(&page) {
                continue;
            }
            let target = pages.get(page).unwrap_or_else(|| panic!("{path} links to {link}"));
            assert!(id.is_empty() || values(target, "id").contains(&id), "{path} links to {link}");
        }
    }
}

#[test]
fn a_chapter_is_complete_without_scripts() {
    let html = render("/guide/tcp", false, false);
    for part in [
        "服务器在监听",
        "录制",
        "正常结束",
        "client → server",
        "丢失",
        "10.0.0.1",
        "勘误",
        "等连接",
        "下一章",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    // Two benches of one lab have names of their own.
    assert!(html.contains("tcp-echo-2"), "the second bench has the name of the first");
    // The current chapter is marked and unfolded.
    assert!(html.contains("href=\"#server\""), "no sections of the current chapter");
}

#[test]
fn a_widget_says_something_without_scripts() {
    let html = render("/guide/udp", false, false);
    for part in
        ["Ok([fe80::1%3]:8080)", "invalid IP address syntax", "十二个例子", "映射的 IPv4", "if_nametoindex"]
    {
        assert!(html.contains(part), "{part} is missing");
    }
}

#[test]
fn questions_are_complete_without_scripts_and_keep_their_answers() {
    let html = render("/guide/tcp", false, false);
    for part in [
        "哪些对？",
        "选项 <code>甲</code>",
        "method=\"post\" action=\"/quiz/guide/tcp/which\"",
        "type=\"checkbox\" name=\"choice\" value=\"1\"",
        "name=\"place\"",
        "第三步",
        "type=\"number\" name=\"number\"",
        "种子 31",
        "type=\"text\" name=\"text\"",
        "看答案",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    assert!(!html.contains("不可泄露") && !html.contains("4242"), "an answer is in the page");
    let (first, third) = (html.find("第一步").unwrap(), html.find("第三步").unwrap());
    let second = html.find("第二步").unwrap();
    assert!(!(first < second && second < third), "the items stand in their right order");
}

#[test]
fn progress_is_empty_on_the_server_and_says_where_it_is_kept() {
    let html = render("/progress", false, false);
    for part in ["本地存储", "2 TCP 编程", "…/2", "…/1", "…/4", "导出为文件", "导入文件", "全部清除"]
    {
        assert!(html.contains(part), "{part} is missing");
    }
    let chapter = render("/guide/udp", false, false);
    let marks = values(&chapter, "data-progress");
    assert!(marks.len() >= 2, "no marks beside the chapters");
    let plan = marks[0].replace("&quot;", "\"");
    assert!(plan.contains("\"chapter\":\"guide/tcp\"") && plan.contains("\"labs\":[\"tcp-echo\"]"), "{plan}");
}

#[test]
fn an_answer_without_scripts_is_a_page() {
    assert_eq!(answer("/quiz/guide/tcp/which", false, false).0, StatusCode::NOT_FOUND);
}

#[test]
fn unknown_addresses_say_so() {
    for path in ["/guide/nowhere", "/labs/nowhere", "/nowhere"] {
        let (status, html) = answer(path, false, false);
        assert!(html.contains("没有这一页"), "{path}");
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(answer("/traces/abc", false, false).0, StatusCode::NOT_FOUND, "a trace that is gone");
    assert_eq!(answer("/traces/abc", false, true).0, StatusCode::OK);
}

#[test]
fn problems_are_for_authors_only() {
    let html = render("/", true, false);
    assert!(html.contains("guide/4-tokio.md"), "an author must see what is wrong");
    assert!(!render("/", false, false).contains("书稿里的问题"));
}

#[test]
fn planned_chapters_are_named_and_not_linked() {
    let html = render("/", false, false);
    assert!(html.contains("网络编程基础") && html.contains("待写"), "planned chapters are missing");
    assert!(!html.contains("/guide/1"), "a planned chapter has no page");
}
