//! Every mistake an author can make is reported with its file and line.

use crate::support::{ABOVE, FRONT, LAB, load_with};
use book::{Segment, Widget};
use serde_json::json;

/// Expects exactly one problem, in the chapter, at this line of its body (from 1), containing `part`.
#[track_caller]
fn one(body: &str, line: u32, part: &str) {
    let with_lab = format!("{body}\n{LAB}");
    let (_, problems) = load_with(&with_lab, &[]);
    let [(file, at, message)] = problems.as_slice() else { panic!("{problems:#?}") };
    assert_eq!((file.as_str(), *at), ("guide/2-tcp.md", ABOVE + line), "{message}");
    assert!(message.contains(part), "{message}");
}

#[test]
fn a_good_chapter_has_no_problem() {
    let body = "引子，见[下文](#回声)和[实验](/labs/tcp-echo)、[外面](https://example.org)。\n\n## 2.1 回声\n\n![图](../images/a.svg \"题\")\n\n```peer ws-chat\n```\n\n```lab tcp-echo\nmessage = \"线上\"\nseed = 7\nviews = [\"sequence\", \"code\"]\n[lines.client]\ndelay_ms = 20\nup.loss_percent = 10\n```\n\n```rust include=tcp_echo.rs#server\n```\n\n```勘误\nsaid = \"甲\"\nholds = \"乙 `x`\"\nproof = \"丙\"\n```\n\n尾。\n";
    let (book, problems) = load_with(body, &[]);
    assert_eq!(problems, []);
    let chapter = book.chapter(book::PartId::Guide, "tcp").unwrap();
    assert_eq!(chapter.headings[0].id, "回声");
    let [
        Segment::Prose { html },
        Segment::Peer { slug: peer },
        Segment::Lab(lab),
        Segment::Code(code),
        Segment::Correction(_),
        Segment::Prose { .. },
    ] = chapter.segments.as_slice()
    else {
        panic!("{:#?}", chapter.segments)
    };
    assert!(html.contains("<h2 id=\"回声\"><a href=\"#回声\">2.1 回声</a></h2>"), "{html}");
    assert!(html.contains("src=\"/images/a.svg\""), "{html}");
    assert_eq!(lab.params, json!({ "message": "线上" }));
    assert_eq!(lab.seed, Some(7));
    assert_eq!(peer, "ws-chat");
    let client = &lab.lines.as_ref().unwrap()["client"];
    assert_eq!((client.up.delay_ms, client.up.loss_percent), (20.0, 10.0));
    assert_eq!((client.down.delay_ms, client.down.loss_percent), (20.0, 0.0));
    assert_eq!(code.cut.as_ref().unwrap().first_line, 3);
    assert_eq!(code.lines.len(), 3);
    // The planned chapter 2 is written, chapter 1 is not.
    assert_eq!(book.parts[0].planned.len(), 1);
    assert_eq!(book.listings["tcp-echo"].lines.len(), 7);
    assert!(book.images.contains_key("a.svg"));
}

#[test]
fn links_that_leave_the_site() {
    one("见[它](http://example.org)。", 1, "https://");
    one("见[它](https://localhost:3000/a)。", 1, "主机名");
    one(
        "[甲](https://example.org/a)\n\n[乙](https://example.org/b)\n\n[丙](https://example.org/a)",
        5,
        "在第",
    );
}

#[test]
fn lab_blocks() {
    one("```lab tcp-ecko\n```", 1, "没有名为“tcp-ecko”的实验");
    one("```lab tcp-echo\n\nmesage = \"甲\"\n```", 3, "没有这个参数");
    one("```lab tcp-echo\nmessage = \"一二三四五六七八九\"\n```", 2, "最多 8 个字符");
    one("```lab tcp-echo\nmessage = 一\n```", 2, "TOML");
    one("```lab tcp-echo\nseed = -1\n```", 2, "seed");
    one("```lab tcp-echo\nviews = [\"map\"]\n```", 2, "map");
    one("```lab tcp-echo\n[lines.router]\n```", 2, "没有主机“router”");
    one("```lab tcp-echo\n[lines.client]\nlos = 1\n```", 2, "los");
    one("```lab tcp-echo\n[lines.client]\n\nup.loss_percent = 101\n```", 4, "100 %");
    one("- 甲\n\n  ```lab tcp-echo\n  ```", 3, "最外层");
    one("```peer tcp-echo\n```", 1, "ws-echo");
    one("```peer ws-echo\nname = \"甲\"\n```", 2, "没有参数");
}

#[test]
fn widgets() {
    let (book, problems) = load_with(&format!("```widget addr-parse\n```\n\n{LAB}"), &[]);
    assert_eq!(problems, []);
    assert_eq!(book.parts[0].chapters[0].segments[0], Segment::Widget(Widget::AddrParse));
    one("```widget addr-pars\n```", 1, "没有名为“addr-pars”的互动；可用的有 addr-parse");
    one("```widget\n```", 1, "没有名为“”的互动");
    one("```widget addr-parse\n甲\n```", 2, "不要写内容");
    one("```widget addr-parse\n```\n\n```widget addr-parse\n```", 4, "已经有了");
    one("- 甲\n\n  ```widget addr-parse\n  ```", 3, "最外层");
}

#[test]
fn a_bad_block_is_shown_where_it_stands() {
    let (book, _) = load_with(&format!("甲\n\n```lab nix\n```\n\n{LAB}"), &[]);
    let segments = &book.parts[0].chapters[0].segments;
    assert!(matches!(segments[1], Segment::Problem(_)), "{segments:?}");
}

#[test]
fn includes() {
    one("```rust include=udp_echo.rs#server\n```", 1, "udp_echo.rs");
    one("```rust include=tcp_echo.rs#nix\n```", 1, "ANCHOR: nix");
    one("```rust include=tcp_echo.rs#open\n```", 1, "ANCHOR: open");
    one("```rust include=tcp_echo.rs#server\nlet x;\n```", 2, "不要再写代码");
}

#[test]
fn headings() {
    one("# 甲", 1, "一级标题");
    one("## 甲\n\n#### 乙", 3, "越级");
    one("## 甲\n\n## 甲", 3, "重复");
    one("## 2.2 甲\n\n## 2.1 乙", 3, "2.1");
    one("## 3.1 甲", 1, "3.1");
    one("## [甲](/labs)", 1, "链接");
}

#[test]
fn links_and_images() {
    one("甲\n\n[乙](3-udp.md)", 3, "/guide/udp");
    one("[乙](#没有)", 1, "没有");
    one("[乙](/labs/udp-echo)", 1, "/labs/udp-echo");
    one("[乙](哪里)", 1, "看不懂");
    one("![图](../images/b.svg)", 1, "b.svg");
    one("![](../images/a.svg)", 1, "替代文字");
    one("甲\n\n<b>乙</b>", 3, "HTML");
}

#[test]
fn corrections() {
    one("```勘误\nsaid = \"甲\"\nholds = \"乙\"\n```", 2, "proof");
    one("```勘误\nsaid = \"甲\"\nholds = \"乙\"\nproof = \" \"\n```", 2, "proof");
    one("```勘误\nsaid = \"甲\"\nholds = \"乙\"\nproof = \"丙\"\nsee = \"丁\"\n```", 5, "see");
}

#[test]
fn files() {
    let twin = format!("{FRONT}甲\n");
    let (_, problems) = load_with(LAB, &[("guide/2-tls.md", &twin)]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].2.contains("编号 2 已经属于"), "{problems:?}");

    let (_, problems) = load_with(LAB, &[("guide/3-udp.md", &twin)]);
    assert!(problems[0].2.contains("number 却是 2"), "{problems:?}");

    let (_, problems) = load_with(LAB, &[("reference/Notes.md", "甲")]);
    assert_eq!(problems[0].0, "reference/Notes.md");

    let (_, problems) = load_with(LAB, &[("guide/3-udp.md", "甲")]);
    assert_eq!((problems[0].0.as_str(), problems[0].1), ("guide/3-udp.md", 1));

    let (_, problems) = load_with(LAB, &[("book.toml", "[guide]\ntitle = 3\n")]);
    assert_eq!((problems[0].0.as_str(), problems[0].1), ("book.toml", 2));
}

#[test]
fn a_lab_on_no_page_is_reported() {
    let (_, problems) = load_with("甲\n", &[]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].2.contains("实验 tcp-echo 没有出现"), "{problems:?}");
}

#[test]
fn field_notes() {
    let (book, problems) = load_with(
        LAB,
        &[("notes/tcp.toml", "[tcp.seq]\nname = \"序号\"\n\n[tcp.ack]\nname = \"确认号\"\ntext = \"甲\"\n")],
    );
    assert_eq!(book.notes["tcp.ack"].name, "确认号");
    assert_eq!((problems[0].0.as_str(), problems[0].1), ("notes/tcp.toml", 1));
}
