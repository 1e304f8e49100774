//! Both sides' events as one trace: two hosts, the browser and the server, on the browser's clock.

use api::peer::{Passed, Seen};
use api::run::Outcome;
use api::trace::{Body, Code, Event, HostId, HostInfo, LeftOut, Level, Message};

use super::clock::Clock;
use crate::islands::bench::model::Model;

pub(crate) const BROWSER: HostId = 0;
pub(crate) const SERVER: HostId = 1;
/// Events kept of one connection; later ones are counted.
const MOST: usize = 600;
/// Characters of a message that are written beside its arrow.
const PREVIEW: usize = 16;

/// What is known of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    events: Vec<Event>,
    left_out: u64,
    clock: Option<Clock>,
    /// Data messages of this socket so far, by direction; in each the place of its event, once there is one.
    to_server: Vec<Option<usize>>,
    to_browser: Vec<Incoming>,
}

/// A message on its way to the browser, as far as the two sides have told about it.
#[derive(Clone, Debug, Default)]
struct Incoming {
    event: Option<usize>,
    /// Time and text, once the browser has it.
    arrived: Option<(u64, String)>,
}

impl Timeline {
    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// The page did something, or the browser told it something.
    pub(crate) fn browser(&mut self, time: u64, level: Level, words: String, fields: &[(&str, String)]) {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let code = Code {
            host: Some(BROWSER),
            level,
            target: "browser".into(),
            file: None,
            line: None,
            message: words,
            fields,
            own: true,
        };
        self.push(time, Body::Code(code));
    }

    /// The page has handed a data message to the browser; `label` is written beside its arrow.
    pub(crate) fn sent(&mut self, time: u64, label: String) {
        let message = Message { from: BROWSER, to: SERVER, text: label, arrived: None };
        let place = self.push(time, Body::Message(message));
        self.to_server.push(place);
    }

    /// The browser has handed a data message to the page.
    pub(crate) fn received(&mut self, time: u64, label: String) {
        let number = self.to_browser.iter().position(|incoming| incoming.arrived.is_none());
        let number = number.unwrap_or_else(|| {
            self.to_browser.push(Incoming::default());
            self.to_browser.len() - 1
        });
        self.to_browser[number].arrived = Some((time, label));
        self.join(number);
    }

    /// The server's code did something.
    pub(crate) fn server(&mut self, seen: Seen) {
        let Some(clock) = self.clock else { return };
        let time = clock.on_page(seen.time);
        let code = Code { host: Some(SERVER), ..seen.code };
        match seen.passed {
            Some(Passed::Received(number)) => {
                let place = self.to_server.get(number as usize).copied().flatten();
                if let Some(Event { time: left, body: Body::Message(message), .. }) =
                    place.and_then(|place| self.events.get_mut(place))
                {
                    // The clocks agree only up to half a round trip; nothing arrives before it left.
                    message.arrived = Some(time.max(*left));
                }
            }
            Some(Passed::Sent(number)) if (number as usize) < MOST => {
                let number = number as usize;
                if self.to_browser.len() <= number {
                    self.to_browser.resize(number + 1, Incoming::default());
                }
                let message = Message { from: SERVER, to: BROWSER, text: String::new(), arrived: None };
                self.to_browser[number].event = self.push(time, Body::Message(message));
                self.join(number);
            }
            Some(Passed::Sent(_)) | None => {}
        }
        self.push(time, Body::Code(code));
    }

    /// Server events that were not sent to this page.
    pub(crate) fn left_out(&mut self, events: u32) {
        self.left_out += u64::from(events);
    }

    /// For the bench's views. `over`: the socket is closed.
    pub(crate) fn model(&self, over: bool) -> Model {
        let host = |name: &str| HostInfo { name: name.into(), interfaces: Vec::new() };
        let mut model = Model::default();
        model.hosts = vec![host("浏览器"), host("服务器")];
        model.apply(self.events.clone());
        model.outcome = over.then_some(Outcome::Completed);
        model.left_out = LeftOut { code_events: self.left_out, ..LeftOut::default() };
        model
    }

    /// Both sides have told about a message to the browser: its arrow gets its end and its text.
    fn join(&mut self, number: usize) {
        let incoming = &self.to_browser[number];
        let (Some(place), Some((arrived, text))) = (incoming.event, &incoming.arrived) else { return };
        if let Some(Event { time: left, body: Body::Message(message), .. }) = self.events.get_mut(place) {
            message.arrived = Some((*arrived).max(*left));
            message.text.clone_from(text);
        }
    }

    fn push(&mut self, time: u64, body: Body) -> Option<usize> {
        if self.events.len() >= MOST {
            self.left_out += 1;
            return None;
        }
        let place = self.events.len();
        self.events.push(Event { seq: u32::try_from(place).ok()?, time, body });
        Some(place)
    }
}

/// The beginning of a text message and its length in UTF-8.
pub(crate) fn preview(text: &str) -> String {
    let mut preview: String = text.chars().take(PREVIEW).collect();
    if preview.len() < text.len() {
        preview.push('…');
    }
    format!("{preview} {} 字节", text.len())
}

#[cfg(test)]
mod tests {
    use super::super::clock::Probe;
    use super::*;

    fn seen(time: u64, passed: Passed) -> Seen {
        let code = Code {
            host: None,
            level: Level::Info,
            target: "server::peer".into(),
            file: None,
            line: None,
            message: "做了".into(),
            fields: Vec::new(),
            own: true,
        };
        Seen { time, code, passed: Some(passed) }
    }

    fn messages(timeline: &Timeline) -> Vec<(u64, HostId, Option<u64>, String)> {
        let model = timeline.model(true);
        let messages = model.events.iter().filter_map(|event| match &event.body {
            Body::Message(message) => Some((event.time, message.from, message.arrived, message.text.clone())),
            _ => None,
        });
        messages.collect()
    }

    fn timeline() -> Timeline {
        let mut timeline = Timeline::default();
        timeline.set_clock(Clock::new(&[Probe { asked: 0, server: 0, answered: 0 }]).unwrap());
        timeline
    }

    #[test]
    fn a_message_and_its_echo_are_two_arrows_whoever_tells_first() {
        let expected = [
            (10, BROWSER, Some(20), "你好 6 字节".to_owned()),
            (30, SERVER, Some(40), "你好 6 字节".to_owned()),
        ];
        let mut first = timeline();
        first.sent(10, preview("你好"));
        first.received(40, preview("你好"));
        first.server(seen(20, Passed::Received(0)));
        first.server(seen(30, Passed::Sent(0)));
        assert_eq!(messages(&first), expected);
        let mut second = timeline();
        second.sent(10, preview("你好"));
        second.server(seen(20, Passed::Received(0)));
        second.server(seen(30, Passed::Sent(0)));
        assert_eq!(messages(&second)[1].2, None, "still on its way");
        second.received(40, preview("你好"));
        assert_eq!(messages(&second), expected);
    }

    #[test]
    fn nothing_arrives_before_it_left() {
        let mut timeline = timeline();
        timeline.sent(100, preview("x"));
        timeline.server(seen(90, Passed::Received(0)));
        assert_eq!(messages(&timeline)[0].2, Some(100));
    }

    #[test]
    fn a_long_connection_is_cut_off_and_says_so() {
        let mut timeline = timeline();
        for number in 0..1_000 {
            timeline.sent(number, preview("x"));
            timeline.server(seen(number, Passed::Received(number as u32)));
            timeline.server(seen(number, Passed::Sent(u32::MAX)));
        }
        let model = timeline.model(false);
        assert_eq!((model.events.len(), model.left_out.code_events), (MOST, 3_000 - MOST as u64));
        assert!(model.outcome.is_none());
        assert_eq!(preview(&"长".repeat(40)), format!("{}… 120 字节", "长".repeat(16)));
    }
}
