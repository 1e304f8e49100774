//! The command line that repeats a run.

use super::knob::KNOBS;
use super::settings::Choice;
use super::value;
use crate::number;
use api::lab::LabInfo;
use api::line::Line;
use api::run::Congestion;

/// `wirebook run tcp-echo --set message=你好 --loss client:20 --seed 7`; only what differs from the defaults.
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
        words.extend(turned(host, line, &usual));
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

/// `--loss client:20` for both directions, `--loss client.up:20` for one.
fn turned(host: &str, now: &Line, usual: &Line) -> Vec<String> {
    let mut words = Vec::new();
    for knob in KNOBS {
        let mut turn = |place: &str, value: f64| {
            // The command line says `--loss` for `loss_percent`.
            let flag = knob.field.split('_').next().unwrap_or_default();
            words.push(format!("--{flag}"));
            words.push(quoted(&format!("{place}:{}", number::exact(value))));
        };
        let values = |line: &Line| ((knob.get)(&line.up), (knob.get)(&line.down));
        let ((up, down), before) = (values(now), values(usual));
        if (up, down) == before {
            continue;
        }
        if up == down {
            turn(host, up);
            continue;
        }
        for (side, value, before) in [("up", up, before.0), ("down", down, before.1)] {
            if value != before {
                turn(&format!("{host}.{side}"), value);
            }
        }
    }
    words
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
    use api::line::Impairments;
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
            hints: api::lab::Hints::default(),
        }
    }

    #[test]
    fn only_what_differs_is_named_and_quoted_for_a_shell() {
        let params = serde_json::json!({"message": "it's; rm", "other": "你好"});
        let lossy = Impairments { loss_percent: 20.0, ..Impairments::default() };
        let choice = Choice {
            params: params.as_object().cloned().unwrap(),
            lines: BTreeMap::from([
                ("client".into(), Line { up: lossy, down: Impairments::default() }),
                ("server".into(), Line::both(Impairments { delay_ms: 50.5, ..Impairments::default() })),
            ]),
            seed: Some(7),
            congestion: Congestion::Reno,
        };
        assert_eq!(
            command(&info(), &choice),
            r"wirebook run tcp-echo --set 'message=it'\''s; rm' --loss client.up:20 --delay server:50.5 --congestion reno --seed 7"
        );
    }
}
