//! The code observer.

use crate::{Recorder, mark};
use api::trace::{Code, HostId, Level};
use std::cell::OnceCell;
use std::fmt::{Debug, Write as _};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Longest text kept of one value, bytes.
const LONGEST: usize = 2_000;

/// A `tracing` layer that records events.
///
/// Targets that start with `own_prefix` are the lab's own and recorded from level TRACE, those of crates
/// from DEBUG, those of this machinery never. This decides for the whole subscriber: what is not recorded
/// costs nothing.
///
/// A span of the lab's own is recorded once, when it closes, as `tracing_subscriber`'s `FmtSpan::CLOSE` would print
/// it: its name and fields, and how long it was `busy` (entered) and `idle`.
pub fn code_layer<S>(recorder: Recorder, own_prefix: &'static str) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    CodeLayer { recorder, own_prefix }
}

/// Records what crates say through `log` (tungstenite, rustls and others do) by the rules of [`code_layer`], where
/// `wanted` agrees. For the whole process, once.
///
/// # Errors
/// The process has a logger already.
pub fn observe_log(
    recorder: Recorder,
    own_prefix: &'static str,
    wanted: impl Fn(&str, tracing::Level) -> bool + Send + Sync + 'static,
) -> Result<(), log::SetLoggerError> {
    log::set_boxed_logger(Box::new(Logger { recorder, own_prefix, wanted }))?;
    // The lab's own words come through `tracing`; finer than this nothing of others is recorded.
    log::set_max_level(log::LevelFilter::Debug);
    Ok(())
}

struct Logger<W> {
    recorder: Recorder,
    own_prefix: &'static str,
    wanted: W,
}

impl<W: Fn(&str, tracing::Level) -> bool + Send + Sync> log::Log for Logger<W> {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let (target, level) = (metadata.target(), level_of_log(metadata.level()));
        is_recorded(target, level, self.own_prefix) && (self.wanted)(target, level)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut message = Bounded::default();
        // An error means that there is enough.
        let _ = message.write_fmt(*record.args());
        self.recorder.code(Code {
            host: host(),
            level: level(level_of_log(record.level())),
            target: record.target().into(),
            file: record.file().map(Into::into),
            line: record.line(),
            message: message.0,
            fields: Vec::new(),
            own: is_under(record.target(), self.own_prefix),
        });
    }

    /// The recorder writes by itself.
    fn flush(&self) {}
}

struct CodeLayer {
    recorder: Recorder,
    own_prefix: &'static str,
}

thread_local! {
    static HOST: OnceCell<Option<HostId>> = const { OnceCell::new() };
}

/// An open span of the lab's own: what it said about itself, and how its time was spent.
struct Open {
    values: Values,
    since: Instant,
    busy: Duration,
    idle: Duration,
}

impl Open {
    /// The time since the last change; the next is counted from now.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now - self.since;
        self.since = now;
        lap
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for CodeLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_recorded(metadata.target(), *metadata.level(), self.own_prefix)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut values = Values::default();
        event.record(&mut values);
        let Values { message, fields, log } = values;
        // A panic is told of by the hook and says in fields, named as `tracing-log` names them, where it happened.
        let target = log.target.unwrap_or_else(|| metadata.target().into());
        let own = is_under(&target, self.own_prefix);
        self.recorder.code(Code {
            host: host(),
            level: level(*metadata.level()),
            file: log.file.or_else(|| metadata.file().map(Into::into)),
            line: log.line.or_else(|| metadata.line()),
            target,
            message,
            fields,
            own,
        });
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !is_under(attributes.metadata().target(), self.own_prefix) {
            return;
        }
        let Some(span) = context.span(id) else { return };
        let mut values = Values::default();
        attributes.record(&mut values);
        let (since, busy, idle) = (Instant::now(), Duration::ZERO, Duration::ZERO);
        span.extensions_mut().insert(Open { values, since, busy, idle });
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            record.record(&mut open.values);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            let lap = open.lap();
            open.idle += lap;
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            let lap = open.lap();
            open.busy += lap;
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut open) = span.extensions_mut().remove::<Open>() else { return };
        let lap = open.lap();
        open.idle += lap;
        let metadata = span.metadata();
        let mut fields = open.values.fields;
        fields.push(("busy".into(), format!("{:.1?}", open.busy)));
        fields.push(("idle".into(), format!("{:.1?}", open.idle)));
        self.recorder.code(Code {
            host: host(),
            level: level(*metadata.level()),
            file: metadata.file().map(Into::into),
            line: metadata.line(),
            target: metadata.target().into(),
            message: metadata.name().into(),
            fields,
            own: true,
        });
    }
}

/// The host whose thread this is.
fn host() -> Option<HostId> {
    HOST.with(|host| *host.get_or_init(mark::get))
}

fn is_recorded(target: &str, level: tracing::Level, own_prefix: &str) -> bool {
    let machinery = || is_under(target, "lan") || is_under(target, "runner");
    is_under(target, own_prefix) || (level <= tracing::Level::DEBUG && !machinery())
}

/// True for `prefix` itself and the modules below it.
fn is_under(target: &str, prefix: &str) -> bool {
    target.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

fn level_of_log(level: log::Level) -> tracing::Level {
    match level {
        log::Level::Trace => tracing::Level::TRACE,
        log::Level::Debug => tracing::Level::DEBUG,
        log::Level::Info => tracing::Level::INFO,
        log::Level::Warn => tracing::Level::WARN,
        log::Level::Error => tracing::Level::ERROR,
    }
}

/// The values of one event, formatted.
#[derive(Default)]
struct Values {
    message: String,
    fields: Vec<(String, String)>,
    log: Origin,
}

/// Where an event is from that is not from where it was recorded.
#[derive(Default)]
struct Origin {
    target: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

impl Values {
    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            "log.target" => self.log.target = Some(value),
            "log.file" => self.log.file = Some(value),
            "log.line" => self.log.line = value.parse().ok(),
            name if name.starts_with("log.") => {}
            name => self.fields.push((name.into(), value)),
        }
    }
}

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        let mut text = Bounded::default();
        let _ = text.write_str(value);
        self.add(field, text.0);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Bounded::default();
        // An error means that there is enough.
        let _ = write!(text, "{value:?}");
        self.add(field, text.0);
    }
}

/// Text that stops growing.
#[derive(Default)]
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        let room = LONGEST.saturating_sub(self.0.len());
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        self.0.push_str(&more[..more.floor_char_boundary(room)]);
        self.0.push('…');
        Err(std::fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::run::{FromRun, Limits};
    use api::trace::Body;
    use std::sync::mpsc;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn record(work: impl FnOnce()) -> Vec<Code> {
        recorded(|recorder| {
            let subscriber = tracing_subscriber::registry().with(code_layer(recorder, "labs"));
            tracing::subscriber::with_default(subscriber, work);
        })
    }

    fn recorded(work: impl FnOnce(Recorder)) -> Vec<Code> {
        let (sender, receiver) = mpsc::channel();
        let recorder = Recorder::new(&Limits::default(), move |message| drop(sender.send(message)));
        work(recorder.clone());
        let _ = recorder.close();
        let mut codes = Vec::new();
        for message in receiver.try_iter() {
            if let FromRun::Events { events } = message {
                codes.extend(events.into_iter().filter_map(|event| match event.body {
                    Body::Code(code) => Some(code),
                    _ => None,
                }));
            }
        }
        codes
    }

    #[test]
    fn events_arrive_with_place_fields_and_ownership() {
        let codes = record(|| {
            tracing::trace!(target: "labs::echo", bytes = 5, peer = %"10.0.0.1", name = "x", "新连接");
            tracing::debug!(target: "h2::proto", "frame");
            tracing::trace!(target: "h2::proto", "too fine");
            tracing::error!(target: "lan::wire", "our own");
            tracing::info!(target: "labsimilar", "not the lab");
        });
        assert_eq!(codes.len(), 3);
        let first = &codes[0];
        assert_eq!((first.message.as_str(), first.own, first.level), ("新连接", true, Level::Trace));
        let fields = [("bytes", "5"), ("peer", "10.0.0.1"), ("name", "x")];
        assert_eq!(first.fields, fields.map(|(name, value)| (name.into(), value.into())));
        assert!(first.file.as_deref().is_some_and(|file| file.ends_with("lan/src/code.rs")));
        assert!(first.line.is_some());
        assert!(!codes[1].own && !codes[2].own);
    }

    #[test]
    fn what_crates_log_arrives_with_place_by_the_same_rules() {
        let codes = recorded(|recorder| {
            let wanted = |target: &str, _| target != "mio";
            let logger = Logger { recorder, own_prefix: "labs", wanted };
            let say = |target, level, text| {
                let mut record = log::Record::builder();
                let record = record.target(target).level(level).file(Some("src/server.rs")).line(Some(7));
                log::Log::log(&logger, &record.args(format_args!("{text}")).build());
            };
            say("tungstenite::handshake", log::Level::Debug, "Client handshake done.");
            say("tungstenite::protocol", log::Level::Trace, "too fine");
            say("mio", log::Level::Warn, "not wanted");
            say("lan::wire", log::Level::Error, "our own");
            say("rustls", log::Level::Warn, &"字".repeat(5_000));
        });
        assert_eq!(codes.len(), 2);
        let first = &codes[0];
        assert_eq!((first.message.as_str(), first.level), ("Client handshake done.", Level::Debug));
        assert_eq!(first.target, "tungstenite::handshake");
        assert_eq!((first.file.as_deref(), first.line, first.own), (Some("src/server.rs"), Some(7), false));
        assert!(codes[1].message.ends_with("字…"));
    }

    #[test]
    fn own_spans_are_recorded_when_they_close() {
        let codes = record(|| {
            let span = tracing::info_span!(target: "labs::shop", "GET /slow", status = tracing::field::Empty);
            span.in_scope(|| tracing::info!(target: "labs::shop", "办事"));
            span.record("status", 200);
            tracing::info_span!(target: "h2::proto", "not ours").in_scope(|| ());
        });
        assert_eq!(codes.len(), 2, "the event, then the span");
        let (span, names) = (&codes[1], ["status", "busy", "idle"]);
        assert_eq!((span.message.as_str(), span.own, span.level), ("GET /slow", true, Level::Info));
        assert_eq!(span.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
        assert_eq!(span.fields[0].1, "200");
        assert!(span.fields[1].1.ends_with('s'), "a time with its unit: {}", span.fields[1].1);
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let codes = record(|| tracing::info!(target: "labs", "{}", "字".repeat(5_000)));
        assert!(codes[0].message.len() <= LONGEST + 3);
        assert!(codes[0].message.ends_with("字…"));
    }
}
