//! What holds for the default run of every lab.

use api::trace::Lifecycle;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("default_runs_end_well", default_runs_end_well),
    ("default_runs_end_well_loopback", default_runs_end_well_loopback),
];

fn default_runs_end_well() {
    for entry in labs::all() {
        let trace = Once::new(entry.slug()).run();
        let info = entry.info();
        trace.completed();
        let hosts: Vec<&String> = trace.hosts.iter().map(|host| &host.name).collect();
        assert_eq!(hosts, info.hosts.iter().collect::<Vec<_>>(), "{}", info.slug);
        let end = trace.events.last().unwrap().time;
        assert!(end < 9_000_000_000, "{} took {} ms", info.slug, end / 1_000_000);
        // Every lab speaks, on a host, from the file that the page shows.
        let own: Vec<_> = trace.codes().into_iter().filter(|code| code.own).collect();
        assert!(own.iter().any(|code| code.host.is_some()), "{}", info.slug);
        assert!(own.iter().all(|code| code.file.as_ref() == Some(&info.file)), "{}", info.slug);
        assert!(
            trace.events.iter().any(|event| matches!(
                &event.body,
                api::trace::Body::Lifecycle(Lifecycle::Measured { value, .. }) if value.is_finite()
            )),
            "{} reports nothing",
            info.slug
        );
    }
}

fn default_runs_end_well_loopback() {
    for entry in labs::all().iter().filter(|entry| !entry.info().needs_isolated) {
        let trace = Once::new(entry.slug()).loopback().run();
        trace.completed();
        assert!(trace.wires().is_empty(), "{}", entry.slug());
        assert!(trace.codes().iter().any(|code| code.own && code.host.is_some()), "{}", entry.slug());
    }
}
