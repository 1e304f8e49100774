//! The command line that repeats a run.

use super::knob::KNOBS;
use super::settings::Choice;
use super::{number, value};
use api::lab::LabInfo;
use api::line::Impairments;
use api::run::Congestion;

/// `wirebook run tcp-echo --set message=你好 --line client.up.loss_percent=20 --seed 7`; only what differs from the defaults.
pub(crate) fn command(info: &LabInfo, choice: &Choice) -> String {
    let mut words = vec!["wirebook".to_owned(), "run".into(), info.slug.clone()];
    for param in &info.params {
        if let Some(set) = choice.params.get(&param.name).filter(|set| **set != param.default) {
            words.push("--set".into());
            words.push(quoted(&format!("{}={}", param.name, value::to_text(set))));
        }
    }
    for (host, line) in &choice.lines {
        let usual = info.lines.get(host).cloned().unwrap_or_default();
        for (side, now, usual) in [("up", &line.up, &usual.up), ("down", &line.down, &usual.down)] {
            words.extend(turned(host, side, now, usual));
        }
    }
    if choice.congestion != Congestion::default() {
        words.push("--congestion".into());
        words.push(choice.congestion.linux_name().into());
    }
    if let Some(seed) = choice.seed {
        words.push("--seed".into());
        words.push(seed.to_string());
    }
    words.join(" ")
}

fn turned(host: &str, side: &str, now: &Impairments, usual: &Impairments) -> Vec<String> {
    let different = KNOBS.iter().filter(|knob| (knob.get)(now) != (knob.get)(usual));
    different
        .flat_map(|knob| {
            let setting = format!("{host}.{side}.{}={}", knob.field, number::exact((knob.get)(now)));
            ["--line".to_owned(), quoted(&setting)]
        })
        .collect()
}

/// As a POSIX shell takes it literally.
fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::lab::{Param, ParamKind};
    use api::line::Line;
    use std::collections::BTreeMap;

    fn info() -> LabInfo {
        let text = ParamKind::Text { min_length: 0, max_length: 9, multiline: false };
        let param = |name: &str| Param {
            name: name.into(),
            label: String::new(),
            help: String::new(),
            default: "你好".into(),
            kind: text.clone(),
        };
        LabInfo {
            slug: "tcp-echo".into(),
            title: String::new(),
            summary: String::new(),
            hosts: vec!["client".into()],
            params: vec![param("message"), param("other")],
            input: None,
            needs_isolated: false,
            file: String::new(),
            lines: BTreeMap::new(),
        }
    }

    #[test]
    fn only_what_differs_is_named_and_quoted_for_a_shell() {
        let params = serde_json::json!({"message": "it's; rm", "other": "你好"});
        let lossy = Impairments { loss_percent: 20.0, ..Impairments::default() };
        let choice = Choice {
            params: params.as_object().cloned().unwrap(),
            lines: BTreeMap::from([("client".into(), Line { up: lossy, down: Impairments::default() })]),
            seed: Some(7),
            congestion: Congestion::Reno,
        };
        assert_eq!(
            command(&info(), &choice),
            r"wirebook run tcp-echo --set 'message=it'\''s; rm' --line client.up.loss_percent=20 --congestion reno --seed 7"
        );
    }
}
