//! A checked question, and how answers to it are judged.

use api::quiz::{Answer, Form, Given, MAX_TEXT, Prediction, Told, Verdict};
use serde::{Deserialize, Serialize};

/// A question with its answer: never sent to a page as it is, see [`Question::asked`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// `guide/tcp`
    pub chapter: String,
    pub id: String,
    /// Safe inline HTML.
    pub ask: String,
    /// Safe inline HTML.
    pub explain: String,
    pub kind: Kind,
    /// Line of the question in its file, from 1.
    pub line: u32,
}

/// Options and answers; indices count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Single {
        options: Vec<String>,
        answer: u32,
    },
    Several {
        options: Vec<String>,
        /// Ascending.
        answer: Vec<u32>,
    },
    Short {
        accept: Vec<String>,
    },
    Order {
        /// In the right order.
        items: Vec<String>,
        /// Which item the page shows first, second, …
        shown: Vec<u32>,
    },
    Predict {
        run: Prediction,
        answer: f64,
    },
}

impl Question {
    /// What the page is told.
    #[must_use]
    pub fn asked(&self) -> api::quiz::Question {
        let form = match &self.kind {
            Kind::Single { options, .. } => Form::Single { options: options.clone() },
            Kind::Several { options, .. } => Form::Several { options: options.clone() },
            Kind::Short { .. } => Form::Short,
            Kind::Order { items, shown } => {
                let item = |index: &u32| items.get(usize::try_from(*index).ok()?).cloned();
                Form::Order { items: shown.iter().filter_map(item).collect() }
            }
            Kind::Predict { run, .. } => Form::Predict(run.clone()),
        };
        api::quiz::Question {
            chapter: self.chapter.clone(),
            id: self.id.clone(),
            ask: self.ask.clone(),
            form,
        }
    }

    /// Judges an answer. `None` if it is not an answer to this kind of question.
    #[must_use]
    pub fn judge(&self, given: &Given) -> Option<Verdict> {
        let (right, hint) = match (&self.kind, given) {
            (_, Given::Reveal) => (false, ""),
            (Kind::Single { answer, .. }, Given::Chosen(chosen)) => (chosen.as_slice() == [*answer], ""),
            (Kind::Several { answer, .. }, Given::Chosen(chosen)) => several(answer, chosen),
            (Kind::Short { accept }, Given::Text(text)) => {
                let text: String = text.chars().take(MAX_TEXT as usize).collect();
                let text = fold(&text);
                (accept.iter().any(|accepted| fold(accepted) == text), "")
            }
            (Kind::Order { shown, .. }, Given::Order(order)) => return Some(self.judge_order(shown, order)),
            (Kind::Predict { answer, .. }, Given::Number(number)) => (number == answer, ""),
            _ => return None,
        };
        let told = (right || *given == Given::Reveal).then(|| self.told());
        Some(Verdict { right, hint: hint.to_owned(), told })
    }

    fn judge_order(&self, shown: &[u32], order: &[u32]) -> Verdict {
        let place = |at: &u32| shown.get(usize::try_from(*at).ok()?).copied();
        let given: Vec<_> = order.iter().map(place).collect();
        let fits = (0..).zip(&given).take_while(|(want, have)| Some(*want) == **have).count();
        let right = fits == shown.len() && given.len() == shown.len();
        let hint = match fits {
            _ if right => String::new(),
            0 => "第一项就不在这里。".into(),
            fits => format!("前 {fits} 项对了。"),
        };
        Verdict { right, hint, told: right.then(|| self.told()) }
    }

    /// The answer and why.
    #[must_use]
    pub fn told(&self) -> Told {
        let answer = match &self.kind {
            Kind::Single { answer, .. } => Answer::Chosen(vec![*answer]),
            Kind::Several { answer, .. } => Answer::Chosen(answer.clone()),
            Kind::Short { accept } => Answer::Text(accept.first().cloned().unwrap_or_default()),
            Kind::Order { shown, .. } => {
                let mut order: Vec<(u32, u32)> = shown.iter().copied().zip(0..).collect();
                order.sort_unstable();
                Answer::Order(order.into_iter().map(|(_, at)| at).collect())
            }
            Kind::Predict { answer, .. } => Answer::Number(*answer),
        };
        Told { explain: self.explain.clone(), answer }
    }
}

fn several(answer: &[u32], chosen: &[u32]) -> (bool, &'static str) {
    let missing = answer.iter().any(|index| !chosen.contains(index));
    let extra = chosen.iter().any(|index| !answer.contains(index));
    let hint = match (missing, extra) {
        (false, false) => "",
        (true, false) => "选中的都对，但还没有选全。",
        (false, true) => "该选的都选了，但多选了。",
        (true, true) => "有该选的没有选，也有不该选的选了。",
    };
    (!missing && !extra, hint)
}

/// Without what does not matter in a short answer: space around it, case, full-width letters.
fn fold(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    };
    text.chars().map(narrow).collect::<String>().trim().to_lowercase()
}

/// An order to show `count` items in: always the same for the same question, never the right one.
pub(crate) fn shuffle(count: u32, chapter: &str, id: &str) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    // FNV-1a, then a step of xorshift for every draw: mixing, not secrecy, is what is wanted.
    let hash = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let mut state = chapter.bytes().chain(id.bytes()).fold(0xcbf2_9ce4_8422_2325, hash) | 1;
    for end in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let at = state % (end as u64 + 1);
        order.swap(end, usize::try_from(at).unwrap_or(end));
    }
    if order.is_sorted() {
        order.rotate_left(1);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: Kind) -> Question {
        let text = String::new;
        Question {
            chapter: "guide/tcp".into(),
            id: "a".into(),
            ask: text(),
            explain: "为什么".into(),
            kind,
            line: 1,
        }
    }

    #[test]
    fn the_explanation_comes_with_the_right_answer_or_on_demand() {
        let single = question(Kind::Single { options: vec!["甲".into(), "乙".into()], answer: 1 });
        let wrong = single.judge(&Given::Chosen(vec![0])).unwrap();
        assert!(!wrong.right && wrong.told.is_none());
        let right = single.judge(&Given::Chosen(vec![1])).unwrap();
        assert!(right.right && right.told.unwrap().explain == "为什么");
        let revealed = single.judge(&Given::Reveal).unwrap();
        assert_eq!((revealed.right, revealed.told.unwrap().answer), (false, Answer::Chosen(vec![1])));
        assert!(!single.judge(&Given::Chosen(vec![0, 1])).unwrap().right, "both is not one");
        assert_eq!(single.judge(&Given::Number(1.0)), None);
    }

    #[test]
    fn several_says_how_far_off() {
        let several = question(Kind::Several { options: vec![String::new(); 4], answer: vec![0, 2] });
        let hint = |chosen: &[u32]| several.judge(&Given::Chosen(chosen.to_vec())).unwrap().hint;
        assert!(several.judge(&Given::Chosen(vec![2, 0])).unwrap().right);
        assert!(hint(&[0]).contains("没有选全") && hint(&[0, 1, 2]).contains("多选"));
        assert!(hint(&[1]).contains("也有不该选"));
    }

    #[test]
    fn short_answers_ignore_case_width_and_space() {
        let short = question(Kind::Short { accept: vec!["EADDRINUSE".into(), "AddrInUse".into()] });
        for text in [" eaddrinuse ", "ＡｄｄｒＩｎＵｓｅ", "AddrInUse\u{3000}"] {
            assert!(short.judge(&Given::Text(text.into())).unwrap().right, "{text}");
        }
        assert!(!short.judge(&Given::Text("Addr In Use".into())).unwrap().right);
        assert!(!short.judge(&Given::Text(String::new())).unwrap().right);
    }

    #[test]
    fn order_is_judged_as_shown() {
        let items: Vec<String> = ["一", "二", "三", "四"].map(Into::into).into();
        let shown = vec![2, 0, 3, 1];
        let order = question(Kind::Order { items, shown });
        let Form::Order { items } = order.asked().form else { panic!("an order") };
        assert_eq!(items, ["三", "一", "四", "二"]);
        let Answer::Order(right) = order.told().answer else { panic!("an order") };
        assert_eq!(right, [1, 3, 0, 2]);
        assert!(order.judge(&Given::Order(right)).unwrap().right);
        assert!(order.judge(&Given::Order(vec![1, 3, 2, 0])).unwrap().hint.contains("前 2 项"));
        for broken in [vec![], vec![1, 3, 0], vec![1, 3, 0, 9], vec![1, 3, 0, 2, 2]] {
            assert!(!order.judge(&Given::Order(broken)).unwrap().right);
        }
    }

    #[test]
    fn shuffles_stay_and_are_never_right() {
        for count in 2..9 {
            let order = shuffle(count, "guide/tcp", "close");
            assert_eq!(order, shuffle(count, "guide/tcp", "close"));
            assert!(!order.is_sorted(), "{order:?}");
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert!(sorted.iter().copied().eq(0..count));
        }
        assert_ne!(shuffle(8, "guide/tcp", "a"), shuffle(8, "guide/tcp", "b"));
    }
}
