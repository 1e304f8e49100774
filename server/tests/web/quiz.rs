//! Questions: judged over HTTP, and every prediction of the book compared with a real run.

use std::sync::Arc;

use api::quiz::{Given, Observe, Prediction, Verdict};
use api::run::{Congestion, Limits, Outcome, RunSpec, Tier};
use api::trace::Trace;
use app::islands::quiz::observe::{Undecided, observe};
use book::{Book, Kind, Question};
use futures::StreamExt as _;
use http::{Method, StatusCode};
use server::catalog;
use server::runs::{Engine, record};

use super::support::Stage;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

const TOML: &str = "[[question]]\nid = \"a\"\nkind = \"several\"\nask = \"哪些？\"\noptions = [\"一\", \"二\", \"三\"]\nanswer = [1, 3]\nexplain = \"因为如此\"\n\n[[question]]\nid = \"o\"\nkind = \"order\"\nask = \"排\"\noptions = [\"先\", \"中\", \"后\"]\nexplain = \"时间如此\"\n";
const CHAPTER: &str =
    "+++\ntitle = \"题目\"\nnumber = \"2\"\nsummary = \"两题。\"\n+++\n\n```quiz a\n```\n\n```quiz o\n```\n";

async fn stage() -> Stage {
    let stage = Stage::new().await;
    let guide = stage.folder.path().join("content/guide");
    std::fs::write(guide.join("2-two.quiz.toml"), TOML).unwrap();
    std::fs::write(guide.join("2-two.md"), CHAPTER).unwrap();
    let library = stage.state.library.clone();
    tokio::task::spawn_blocking(move || library.reload().map(drop)).await.unwrap().unwrap();
    stage
}

async fn judged(stage: &Stage, id: &str, given: &Given) -> Verdict {
    let body = serde_json::to_string(given).unwrap();
    let answer = stage.post(&format!("/quiz/guide/two/{id}"), JSON, &body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn the_answer_is_not_in_the_page_and_comes_when_it_is_found() {
    let stage = stage().await;
    let page = stage.get("/guide/two", &[]).await;
    let page = String::from_utf8_lossy(page.body()).into_owned();
    assert!(page.contains("哪些？") && page.contains("action=\"/quiz/guide/two/a\""), "{page}");
    assert!(!page.contains("因为如此") && !page.contains("时间如此"), "the explanation is in the page");

    let wrong = judged(&stage, "a", &Given::Chosen(vec![0])).await;
    assert!(!wrong.right && wrong.told.is_none() && wrong.hint.contains("没有选全"), "{wrong:?}");
    let right = judged(&stage, "a", &Given::Chosen(vec![0, 2])).await;
    assert!(right.right && right.told.unwrap().explain == "因为如此");
    let told = judged(&stage, "o", &Given::Reveal).await;
    assert!(!told.right && told.told.is_some());
}

#[tokio::test]
async fn a_form_is_answered_with_a_page() {
    let stage = stage().await;
    let text = async |body: &str| {
        let page = stage.post("/quiz/guide/two/a", FORM, body).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        String::from_utf8_lossy(page.body()).into_owned()
    };
    let right = text("choice=0&choice=2").await;
    assert!(right.contains("答对了") && right.contains("因为如此") && right.contains("/guide/two#quiz-a"));
    let wrong = text("choice=1").await;
    assert!(wrong.contains("还不对") && !wrong.contains("因为如此"), "{wrong}");
    assert!(text("choice=1&reveal=1").await.contains("因为如此"));
    assert!(text("").await.contains("还不对"));
}

#[tokio::test]
async fn what_is_no_answer_is_refused() {
    let stage = stage().await;
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(20_000));
    for (path, kind, body, status) in [
        ("/quiz/guide/two/b", JSON, "\"reveal\"", StatusCode::NOT_FOUND),
        ("/quiz/guide/none/a", JSON, "\"reveal\"", StatusCode::NOT_FOUND),
        ("/quiz/manual/two/a", JSON, "\"reveal\"", StatusCode::NOT_FOUND),
        ("/quiz/guide/two/a", JSON, "{}", StatusCode::UNPROCESSABLE_ENTITY),
        ("/quiz/guide/two/a", JSON, "{\"number\":1}", StatusCode::UNPROCESSABLE_ENTITY),
        ("/quiz/guide/two/a", JSON, "{\"chosen\":[-1]}", StatusCode::UNPROCESSABLE_ENTITY),
        ("/quiz/guide/two/a", "text/plain", "x", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("/quiz/guide/two/a", JSON, &long, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(stage.post(path, kind, body).await.status(), status, "{path} {kind} {body:.40}");
    }
    let get = stage.request(Method::GET, "/quiz/guide/two/a", &[], "").await;
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
}

/// Of a question, until one is as the book says.
const RUNS: usize = 3;

/// The whole book, every prediction, in this tier. Says all that differ at once.
async fn predictions(tier: Tier) {
    let engine: Arc<dyn Engine> = Arc::new(runner_of(tier).await);
    if engine.tier().tier != tier {
        eprintln!("this machine does not permit {tier:?}: {}", engine.tier().reason);
        return;
    }
    let (book, problems) = Book::load(&book::Content::default(), &Registry).unwrap();
    assert_eq!(problems, []);
    let questions: Vec<Question> = book.chapters().flat_map(book::Chapter::questions).cloned().collect();
    let two_at_once = futures::stream::iter(&questions).map(|question| check(Arc::clone(&engine), question));
    let mut checked: Vec<_> = two_at_once.buffered(2).collect().await;
    // What a run counts may hang on when threads got a processor, which this test shares with others; so a run that
    // differs is made again, alone. What the book has wrong differs every time.
    for (question, checked) in questions.iter().zip(&mut checked) {
        for _ in 1..RUNS {
            let Err(why) = &checked else { break };
            eprintln!("once more: {why}");
            *checked = check(Arc::clone(&engine), question).await;
        }
    }
    let decided = checked.iter().filter(|checked| **checked == Ok(true)).count();
    let wrong: Vec<_> = checked.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(decided >= if tier == Tier::Isolated { 4 } else { 1 }, "only {decided} were decided by a run");
}

/// True if a run decided this question, as the book says.
async fn check(engine: Arc<dyn Engine>, question: &Question) -> Result<bool, String> {
    let Kind::Predict { run, answer } = &question.kind else { return Ok(false) };
    let name = format!("{}#{}", question.chapter, question.id);
    let Some(trace) = play(engine.as_ref(), run).await else { return Ok(false) };
    if trace.outcome != Outcome::Completed {
        return Err(format!("{name}: the run ended with {:?}", trace.outcome));
    }
    match observe(&trace, &run.observe) {
        Ok(seen) if seen == *answer => Ok(true),
        Ok(seen) => Err(format!("{name}: the book says {answer}, the run {seen} ({:?})", trace.tier)),
        Err(Undecided::Loopback) if trace.tier == Tier::Loopback => Ok(false),
        Err(why) => Err(format!("{name}: {} cannot be read off the trace: {why:?}", run.observe)),
    }
}

/// `None` if the lab does not exist in this tier.
async fn play(engine: &dyn Engine, run: &Prediction) -> Option<Trace> {
    let lab = catalog::find(&run.lab).unwrap();
    let turned = |lines: &std::collections::BTreeMap<_, api::line::Line>| {
        lines.values().any(|line| !line.up.is_perfect() || !line.down.is_perfect())
    };
    let lines = run.lines.clone().unwrap_or_else(|| lab.info.lines.clone());
    let wire = !matches!(run.observe, Observe::Measured { .. }) || turned(&lines);
    if engine.tier().tier == Tier::Loopback && (lab.info.needs_isolated || wire) {
        return None;
    }
    let spec = RunSpec {
        lab: run.lab.clone(),
        params: lab.entry.check(&run.params).unwrap(),
        lines,
        seed: run.seed,
        congestion: Congestion::default(),
    };
    let limits = Limits { wall_ms: lab.entry.wall_ms(), ..Limits::default() };
    Some(record(engine, "test".into(), spec, limits).await.unwrap())
}

async fn runner_of(tier: Tier) -> runner::Runner {
    let exe = env!("CARGO_BIN_EXE_wirebook");
    match tier {
        Tier::Isolated => runner::Runner::start(exe.into(), vec!["runner".into()]).await.unwrap(),
        Tier::Loopback => {
            let args = ["WIREBOOK_TIER=loopback", exe, "runner"].map(Into::into);
            runner::Runner::start("/usr/bin/env".into(), args.into()).await.unwrap()
        }
    }
}

/// The labs as the book needs them.
struct Registry;

impl book::Labs for Registry {
    fn infos(&self) -> Vec<api::lab::LabInfo> {
        catalog::infos().to_vec()
    }

    fn source(&self, slug: &str) -> Option<&str> {
        catalog::find(slug).map(|lab| lab.entry.source())
    }

    fn check(
        &self,
        slug: &str,
        params: &serde_json::Value,
    ) -> Result<serde_json::Value, api::line::InvalidField> {
        catalog::find(slug).unwrap().entry.check(params)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_prediction_is_what_a_run_yields() {
    predictions(Tier::Isolated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_prediction_without_frames_holds_on_loopback() {
    predictions(Tier::Loopback).await;
}
