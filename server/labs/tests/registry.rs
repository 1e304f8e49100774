//! The registry tested as data: what holds for one lab holds for all.

use std::collections::HashSet;
use std::path::Path;

use api::lab::ParamKind;
use labs::Entry;
use serde_json::{Value, json};

/// The root of the repository, where the files of `LabInfo::file` are.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

fn each(test: impl Fn(&'static Entry)) {
    assert!(!labs::all().is_empty());
    labs::all().iter().for_each(test);
}

#[test]
fn slugs_are_kebab_case_unique_and_found() {
    let mut seen = HashSet::new();
    each(|entry| {
        let slug = entry.slug();
        assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{slug}");
        assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"), "{slug}");
        assert_eq!(labs::find(slug).unwrap().slug(), slug);
    });
    for entry in labs::all() {
        assert!(seen.insert(entry.slug()), "{} twice", entry.slug());
    }
    assert!(labs::find("no-such-lab").is_none());
}

#[test]
fn titles_labels_and_hosts_are_complete() {
    each(|entry| {
        let info = entry.info();
        let slug = &info.slug;
        assert!(is_chinese(&info.title) && is_chinese(&info.summary), "{slug}");
        assert!(!info.hosts.is_empty(), "{slug}");
        assert_eq!(info.hosts.iter().collect::<HashSet<_>>().len(), info.hosts.len(), "{slug}");
        assert!(info.lines.keys().all(|host| info.hosts.contains(host)), "{slug}: a line of no host");
        assert!(info.lines.values().all(|line| line.validate().is_ok()), "{slug}");
        assert!((1_000..=60_000).contains(&entry.wall_ms()), "{slug}");
        for param in &info.params {
            assert!(is_chinese(&param.label), "{slug}.{}: label {:?}", param.name, param.label);
            assert!(is_chinese(&param.help), "{slug}.{}: no explanation", param.name);
            if let ParamKind::Choice { options } = &param.kind {
                assert!(options.len() > 1 && options.iter().all(|(_, label)| is_chinese(label)), "{slug}");
            }
        }
        if let Some(input) = &info.input {
            assert!(
                is_chinese(&input.label) && !input.placeholder.is_empty() && input.max_length > 0,
                "{slug}"
            );
        }
    });
}

#[test]
fn every_field_has_a_parameter_and_every_default_is_valid() {
    each(|entry| {
        let info = entry.info();
        let complete = entry.check(&Value::Null).unwrap();
        let names: Vec<&str> = info.params.iter().map(|param| param.name.as_str()).collect();
        let fields: Vec<&str> = complete.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, fields, "{}", info.slug);
        for param in &info.params {
            assert_eq!(complete[&param.name], param.default, "{}.{}", info.slug, param.name);
        }
        assert_eq!(entry.check(&json!({})).unwrap(), complete);
        assert_eq!(
            entry.check(&complete).unwrap(),
            complete,
            "{}: checking twice changes nothing",
            info.slug
        );
    });
}

#[test]
fn values_out_of_bounds_are_refused_by_name() {
    each(|entry| {
        for param in entry.info().params {
            let wrong = match &param.kind {
                ParamKind::Integer { min, max } => {
                    vec![json!(min - 1), json!(max + 1), json!("1"), json!(1.5)]
                }
                ParamKind::Number { min, max } => vec![json!(min - 1.0), json!(max + 1.0), json!("1")],
                ParamKind::Text { min_length, max_length, .. } => {
                    let mut wrong = vec![json!("字".repeat(*max_length as usize + 1)), json!(1)];
                    if *min_length > 0 {
                        wrong.push(json!(""));
                    }
                    wrong
                }
                ParamKind::Flag => vec![json!(1), json!("true"), Value::Null],
                ParamKind::Choice { .. } => vec![json!("no such choice"), json!(0)],
            };
            for value in wrong {
                let refused = entry.check(&json!({ param.name.as_str(): value })).unwrap_err();
                assert_eq!(refused.field, param.name, "{}", entry.slug());
                assert!(is_chinese(&refused.message), "{}", refused.message);
            }
        }
    });
}

/// The bounds in the form are the bounds that `garde` enforces.
#[test]
fn values_on_the_bounds_are_taken() {
    each(|entry| {
        for param in entry.info().params {
            let edges = match &param.kind {
                ParamKind::Integer { min, max } => vec![json!(min), json!(max)],
                ParamKind::Number { min, max } => vec![json!(min), json!(max)],
                ParamKind::Text { min_length, max_length, .. } => {
                    vec![json!("字".repeat(*min_length as usize)), json!("a".repeat(*max_length as usize))]
                }
                ParamKind::Flag => vec![json!(true), json!(false)],
                ParamKind::Choice { options } => options.iter().map(|(value, _)| json!(value)).collect(),
            };
            for value in edges {
                match entry.check(&json!({ param.name.as_str(): value })) {
                    Ok(taken) => assert_eq!(taken[&param.name], value, "{}", entry.slug()),
                    // A text may have to be well formed, too; but nobody may call it too long or too short.
                    Err(refused) => {
                        assert!(matches!(param.kind, ParamKind::Text { .. }), "{refused:?}");
                        assert!(!refused.message.contains("length"), "{}: {refused:?}", entry.slug());
                        assert!(is_chinese(&refused.message), "{}: {refused:?}", entry.slug());
                    }
                }
            }
        }
    });
}

#[test]
fn parameters_keep_the_order_of_the_fields() {
    let names: Vec<String> =
        labs::find("tcp-echo").unwrap().info().params.into_iter().map(|param| param.name).collect();
    assert_eq!(names, ["message", "read_buffer", "rounds", "nobody_listens"]);
}

#[test]
fn unknown_parameters_and_other_shapes_are_refused() {
    each(|entry| {
        let refused = entry.check(&json!({ "no_such": 1 })).unwrap_err();
        assert_eq!(refused.field, "no_such");
        for shape in [json!([]), json!("text"), json!(1)] {
            assert_eq!(entry.check(&shape).unwrap_err().field, "params");
        }
    });
}

#[test]
fn the_source_is_the_file_and_its_anchors_are_balanced() {
    each(|entry| {
        let info = entry.info();
        let file = root().join(&info.file);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), entry.source(), "{}", info.file);
        let mut open: Vec<&str> = Vec::new();
        let mut anchors = HashSet::new();
        for line in entry.source().lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("// ANCHOR: ") {
                assert!(anchors.insert(name), "{}: anchor {name} twice", info.file);
                open.push(name);
            } else if let Some(name) = line.strip_prefix("// ANCHOR_END: ") {
                assert_eq!(open.pop(), Some(name), "{}", info.file);
            }
        }
        assert!(open.is_empty() && !anchors.is_empty(), "{}: {open:?} still open", info.file);
    });
}

/// `tracing` names files as the compiler sees them: relative to the root of the workspace.
#[test]
fn files_are_named_as_tracing_names_them() {
    assert_eq!(file!(), "server/labs/tests/registry.rs");
    each(|entry| assert!(entry.info().file.starts_with("server/labs/src/")));
}

/// `include=` knows Rust only, so what a chapter quotes of a contract is compared here.
#[test]
fn the_contract_is_quoted_as_it_is() {
    let chapter = std::fs::read_to_string(root().join("content/guide/7-advanced.md")).unwrap();
    let contract =
        std::fs::read_to_string(root().join("server/labs/proto/wirebook/greeter/v1/greeter.proto")).unwrap();
    let quoted = chapter.split("```protobuf\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(quoted.contains("rpc ") && contract.starts_with(quoted), "{quoted}");
}
