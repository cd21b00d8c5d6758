//! `docs/metrics.md` says of every metric what the code says of it.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder,
};
use tests::workload::root;

/// Keeps what is described: a line of the table by name.
#[derive(Clone, Default)]
struct Descriptions(Arc<Mutex<BTreeMap<String, String>>>);

impl Descriptions {
    fn note(&self, kind: &str, name: &KeyName, unit: Option<Unit>, help: &SharedString) {
        let unit = unit.map_or("", |unit| unit.as_str());
        let line = format!("| `{}` | {kind} | {unit} | {help} |", name.as_str());
        let before = self.0.lock().unwrap().insert(name.as_str().to_owned(), line);
        assert_eq!(before, None, "described twice");
    }
}

impl Recorder for Descriptions {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        assert!(name.as_str().ends_with("_total"), "{}: counters end in _total", name.as_str());
        self.note("counter", &name, unit, &help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.note("gauge", &name, unit, &help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.note("histogram", &name, unit, &help);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn every_metric_is_documented_as_it_is() {
    let descriptions = Descriptions::default();
    with_local_recorder(&descriptions, || {
        worker::metrics::describe();
        bootstrap::metrics::describe();
        connectors::describe_metrics();
        state::metrics::describe();
        api::metrics::describe();
    });
    let expected: Vec<String> = descriptions.0.lock().unwrap().values().cloned().collect();
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let told: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(told, expected, "the table must be:\n{}", expected.join("\n"));
}

/// A metric that is written and not described would be missing from the page.
#[test]
fn every_metric_in_the_code_is_described() {
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    for file in [
        "pipeline/worker/src/metrics.rs",
        "bootstrap/src/metrics.rs",
        "pipeline/connectors/src/metrics.rs",
        "pipeline/connectors/src/kafka/metrics.rs",
        "pipeline/state/src/metrics.rs",
        "api/src/metrics.rs",
    ] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        let names: Vec<_> =
            text.lines().filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";")).collect();
        assert!(!names.is_empty(), "{file} names no metric");
        for name in names {
            assert!(page.contains(&format!("| `{name}` |")), "{name} of {file} is not in docs/metrics.md");
        }
    }
}
