//! `cargo test -p labs --test runs -- show tcp-echo nobody_listens=true`: one run, readable on a terminal.

use std::collections::BTreeMap;

use api::line::{Impairments, Line};
use api::run::Tier;
use api::trace::{Body, Trace};
use serde_json::{Map, Value};

use crate::once::Once;
use crate::seen;

/// Arguments: the lab, then `loopback`, `perfect`, `seed=N`, `loss=PERCENT` (of the client's line), `pcap=FILE`, `type=TEXT` or `parameter=value`.
pub(crate) fn show(arguments: &[String]) -> anyhow::Result<()> {
    let (lab, rest) = arguments.split_first().ok_or_else(|| anyhow::anyhow!("which lab?"))?;
    let mut once = Once::new(lab);
    let mut params = Map::new();
    let mut pcap = None;
    for argument in rest {
        match argument.split_once('=') {
            None if argument == "loopback" => once.tier = Tier::Loopback,
            None if argument == "perfect" => once = once.perfect(),
            Some(("seed", seed)) => once.seed = seed.parse()?,
            Some(("loss", percent)) => {
                let loss =
                    Impairments { loss_percent: percent.parse()?, delay_ms: 5.0, ..Impairments::default() };
                once.lines = Some(BTreeMap::from([("client".into(), Line::both(loss))]));
            }
            Some(("pcap", file)) => pcap = Some(file),
            Some(("type", text)) => once.inputs.push((1_000, text.into())),
            Some((name, value)) => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
                params.insert(name.into(), value);
            }
            None => anyhow::bail!("{argument}?"),
        }
    }
    let trace = once.params(Value::Object(params)).run();
    if let Some(file) = pcap {
        lan::pcapng::write(&trace, std::fs::File::create(file)?)?;
    }
    print(&trace);
    Ok(())
}

fn print(trace: &Trace) {
    let name = |host: u8| trace.hosts.get(usize::from(host)).map_or("?", |host| &host.name);
    let mut dissector = seen::dissector(trace);
    for event in &trace.events {
        let (who, what) = match &event.body {
            Body::Code(code) => (
                code.host.map_or("-", name),
                format!(
                    "{:?} {}:{} {}",
                    code.level,
                    code.file.as_deref().unwrap_or(""),
                    code.line.unwrap_or(0),
                    code.message
                ),
            ),
            Body::Frame(frame) => {
                let number = frame.frame.saturating_add(1);
                let fields = dissector.push(number, event.time, &frame.bytes).dissection;
                (
                    name(frame.from),
                    format!("#{} {} {} ({})", frame.frame, fields.protocol, fields.summary, frame.length),
                )
            }
            Body::Delivery(delivery) => {
                (delivery.to.map_or("-", name), format!("#{} {:?}", delivery.frame, delivery.fate))
            }
            Body::Kernel(kernel) => (
                name(kernel.host),
                format!(
                    "socket {} {} {} {:?} r{} s{}",
                    kernel.socket,
                    kernel.local,
                    kernel.remote,
                    kernel.state,
                    kernel.receive_queue,
                    kernel.send_queue
                ),
            ),
            Body::Lifecycle(what) => ("*", format!("{what:?}")),
            Body::Secret(secret) => ("*", secret.line.clone()),
            Body::Message(message) => (name(message.from), message.text.clone()),
            Body::Signal(signal) => {
                (signal.wire.as_str(), format!("{:02X?} {:?}", signal.byte, signal.levels))
            }
        };
        println!("{:10.3} {who:8} {what}", event.time as f64 / 1e6);
    }
    println!("{:?} {:?}", trace.outcome, trace.left_out);
}
