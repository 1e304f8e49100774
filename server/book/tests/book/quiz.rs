//! Questions beside a chapter: read, placed, and every mistake reported with its file and line.

use crate::support::{ABOVE, LAB, load_with};
use api::quiz::{Answer, Form, Given, Observe};
use book::{Kind, PartId, Segment};
use serde_json::json;

const FILE: &str = "guide/2-tcp.quiz.toml";
const SINGLE: &str = "[[question]]\nid = \"a\"\nkind = \"single\"\nask = \"甲 `x`？\"\noptions = [\"一\", \"二\"]\nanswer = [2]\nexplain = \"因为\"\n";
const PREDICT: &str = "[[question]]\nid = \"p\"\nkind = \"predict\"\nask = \"几个？\"\nlab = \"tcp-echo\"\nparams = { message = \"你\" }\nline = { client = { delay_ms = 5, up = { loss_percent = 20 } } }\nseed = 3\nobserve = \"retransmissions\"\noptions = [0, 1]\nanswer = 1\nexplain = \"因为\"\n";

/// Problems of a book whose chapter places these questions of this file.
fn problems(toml: &str, placed: &[&str]) -> Vec<(String, u32, String)> {
    let blocks: String = placed.iter().map(|id| format!("```quiz {id}\n```\n\n")).collect();
    load_with(&format!("{LAB}\n{blocks}"), &[(FILE, toml)]).1
}

/// Expects exactly one problem, in the file of questions, at this line, containing `part`.
#[track_caller]
fn one(toml: &str, line: u32, part: &str) {
    let problems = problems(toml, &["a"]);
    let [(file, at, message)] = problems.as_slice() else { panic!("{problems:#?}") };
    assert_eq!((file.as_str(), *at), (FILE, line), "{message}");
    assert!(message.contains(part), "{message}");
}

/// As [`one`], with one line of a good question replaced; lines count from 1.
#[track_caller]
fn changed(toml: &str, line: usize, to: &str, part: &str) {
    let changed: Vec<&str> =
        toml.lines().enumerate().map(|(at, old)| if at + 1 == line { to } else { old }).collect();
    let toml = changed.join("\n").replace("id = \"p\"", "id = \"a\"");
    one(&toml, u32::try_from(line).unwrap(), part);
}

#[test]
fn good_questions_have_no_problem() {
    let toml = format!(
        "# 题\n{SINGLE}\n{PREDICT}\n[[question]]\nid = \"o\"\nkind = \"order\"\nask = \"排\"\noptions = [\"一\", \"二\", \"三\"]\nexplain = \"丙\"\n\n[[question]]\nid = \"s\"\nkind = \"short\"\nask = \"写\"\naccept = [\"RST\"]\nexplain = \"丁\"\n"
    );
    let body = format!("{LAB}\n```quiz s\n```\n\n```quiz a\n```\n\n```quiz p\n```\n\n```quiz o\n```\n");
    let (book, problems) = load_with(&body, &[(FILE, &toml)]);
    assert_eq!(problems, []);
    let chapter = book.chapter(PartId::Guide, "tcp").unwrap();
    let ids: Vec<_> = chapter.questions().map(|question| question.id.as_str()).collect();
    assert_eq!(ids, ["s", "a", "p", "o"], "in the order of the chapter");
    let single = book.question(PartId::Guide, "tcp", "a").unwrap();
    assert_eq!((single.ask.as_str(), single.chapter.as_str()), ("甲 <code>x</code>？", "guide/tcp"));
    assert!(single.judge(&Given::Chosen(vec![1])).unwrap().right);
    let Kind::Predict { run, answer } = &book.question(PartId::Guide, "tcp", "p").unwrap().kind else {
        panic!("a prediction")
    };
    assert_eq!((&run.observe, run.seed, *answer), (&Observe::Retransmissions, 3, 1.0));
    assert_eq!(run.params, json!({ "message": "你" }));
    let client = &run.lines.as_ref().unwrap()["client"];
    assert_eq!((client.up.loss_percent, client.down.loss_percent), (20.0, 0.0));
    assert_eq!((client.up.delay_ms, client.down.delay_ms), (5.0, 5.0));
    let order = book.question(PartId::Guide, "tcp", "o").unwrap();
    let (Form::Order { items }, Answer::Order(right)) = (order.asked().form, order.told().answer) else {
        panic!("an order")
    };
    let sorted: Vec<_> = right.iter().map(|at| items[*at as usize].as_str()).collect();
    assert_eq!(sorted, ["一", "二", "三"]);
    assert_ne!(items, ["一", "二", "三"]);
}

#[test]
fn what_a_page_is_told_does_not_hold_the_answer() {
    let (book, _) = load_with(&format!("{LAB}\n```quiz p\n```\n"), &[(FILE, PREDICT)]);
    let asked = serde_json::to_string(&book.question(PartId::Guide, "tcp", "p").unwrap().asked()).unwrap();
    assert!(asked.contains("几个") && !asked.contains("answer") && !asked.contains("因为"), "{asked}");
}

#[test]
fn choices() {
    let found = problems(&SINGLE.replace("\"a\"", "\"A\""), &["A"]);
    assert!(found.len() == 1 && found[0].1 == 2 && found[0].2.contains("id“A”"), "{found:?}");
    changed(SINGLE, 3, "kind = \"both\"", "both");
    changed(SINGLE, 4, "ask = \"\"", "ask 是空的");
    changed(SINGLE, 4, "ask = \"甲\\n\\n乙\"", "一段");
    changed(SINGLE, 4, "ask = \"[甲](3-udp.md)\"", "/guide/udp");
    changed(SINGLE, 5, "options = [\"一\"]", "两项");
    changed(SINGLE, 5, "options = [\"一\", \"一\"]", "两次");
    changed(SINGLE, 5, "options = [1, 2]", "文字");
    changed(SINGLE, 6, "answer = [0]", "序号从 1 到 2");
    changed(SINGLE, 6, "answer = [3]", "序号从 1 到 2");
    changed(SINGLE, 6, "answer = [1, 2]", "several");
    changed(SINGLE, 6, "answer = []", "是空的");
    changed(SINGLE, 6, "answer = 2", "answer = [2]");
    changed(SINGLE, 6, "answr = [2]", "answr");
    one(&SINGLE.replace("explain", "seed = 2\nexplain"), 7, "没有 seed");
    changed(SINGLE, 7, "explain = 一", "TOML");
}

#[test]
fn an_explanation_is_needed() {
    let toml = SINGLE.replace("explain = \"因为\"\n", "");
    one(&toml, 1, "explain");
    changed(SINGLE, 7, "explain = \" \"", "explain 是空的");
}

#[test]
fn predictions() {
    changed(PREDICT, 5, "lab = \"tcp-ecko\"", "没有名为“tcp-ecko”的实验");
    changed(PREDICT, 6, "params = { mesage = \"你\" }", "没有这个参数");
    changed(PREDICT, 7, "line = { router = { delay_ms = 5 } }", "没有主机“router”");
    changed(PREDICT, 7, "line = { client = { up = { loss = 20 } } }", "loss_percent");
    changed(PREDICT, 7, "line = { client = { up = { loss_percent = 120 } } }", "100 %");
    changed(PREDICT, 8, "seed = -1", "TOML");
    changed(PREDICT, 9, "observe = \"acks\"", "handshakes");
    changed(PREDICT, 10, "options = [\"一\"]", "都是数");
    changed(PREDICT, 11, "answer = 2", "不在 options 里");
    changed(PREDICT, 11, "answer = [1]", "一个数");
    let without = PREDICT.replace("seed = 3\n", "").replace("id = \"p\"", "id = \"a\"");
    one(&without, 1, "缺少 seed");
}

#[test]
fn short_and_order() {
    let short = "[[question]]\nid = \"a\"\nkind = \"short\"\nask = \"写\"\naccept = []\nexplain = \"丁\"\n";
    one(short, 5, "accept");
    let order = "[[question]]\nid = \"a\"\nkind = \"order\"\nask = \"排\"\noptions = [\"一\", \"二\"]\nanswer = [1]\nexplain = \"丁\"\n";
    one(order, 6, "没有 answer");
}

#[test]
fn every_question_stands_in_its_chapter_once() {
    let found = problems(SINGLE, &[]);
    assert_eq!((found[0].0.as_str(), found[0].1), (FILE, 1));
    assert!(found.len() == 1 && found[0].2.contains("没有放进章节"), "{found:?}");

    let found = problems(SINGLE, &["a", "b"]);
    assert_eq!((found[0].0.as_str(), found[0].1), ("guide/2-tcp.md", ABOVE + 7));
    assert!(found.len() == 1 && found[0].2.contains("没有 id 为“b”的题目"), "{found:?}");

    let found = problems(SINGLE, &["a", "a"]);
    assert!(found.len() == 1 && found[0].2.contains("已经出现过"), "{found:?}");

    let found = problems(&format!("{SINGLE}\n{SINGLE}"), &["a"]);
    assert_eq!((found.len(), found[0].1), (1, 10), "{found:?}");
    assert!(found[0].2.contains("在第 1 行"), "{found:?}");

    let (_, found) = load_with(LAB, &[("guide/3-udp.quiz.toml", SINGLE)]);
    assert!(found.len() == 1 && found[0].2.contains("3-udp.md"), "{found:?}");

    let (_, found) = load_with(&format!("{LAB}\n```quiz a\n甲\n```\n"), &[(FILE, SINGLE)]);
    assert!(found.iter().any(|problem| problem.2.contains("不要写内容")), "{found:?}");

    let (_, found) = load_with(&format!("{LAB}\n- 甲\n\n  ```quiz a\n  ```\n"), &[(FILE, SINGLE)]);
    assert!(found.iter().any(|problem| problem.2.contains("最外层")), "{found:?}");
}

#[test]
fn one_bad_question_does_not_take_the_others_with_it() {
    let toml = format!("[[question]]\nid = \"b\"\nkind = single\n\n{SINGLE}");
    let (book, found) = load_with(&format!("{LAB}\n```quiz b\n```\n\n```quiz a\n```\n"), &[(FILE, &toml)]);
    assert_eq!((found.len(), found[0].1), (1, 3), "{found:?}");
    let segments = &book.parts[0].chapters[0].segments;
    assert!(matches!(segments[1], Segment::Problem(_)) && matches!(segments[2], Segment::Quiz(_)));
}
