//! The product on a real Kafka: the same alerts through kills, brokers that go away, and settings that are wrong.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests panic when something is wrong, and print their seed"
)]

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use ports::{Log, Outgoing, Retention, TopicSpec, Topics};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::harness::kafka::{Broker, broker, broker_alone, prefix, skip};
use tests::harness::process::{Tocsin, binary, load};
use tests::harness::{audit, wait_for};
use tests::reference;
use tests::workload::{self, Random, customer};

const PATIENCE: Duration = Duration::from_secs(240);

/// A deployment of its own on a shared broker.
struct Deployment {
    data: TempDir,
    app: String,
    topics: Topics,
    arguments: Vec<String>,
}

impl Deployment {
    fn new(broker: &Broker, test: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let app = prefix(test);
        let topics = Topics { events: format!("{app}.events"), ..Topics::of(&app) };
        let config = data.path().join("tocsin.toml");
        std::fs::write(&config, format!("topics.events = '{}'", topics.events)).unwrap();
        let text = |text: &str| text.to_owned();
        let bootstrap = broker.settings().bootstrap;
        let arguments = vec![
            text("--kafka"),
            bootstrap,
            text("--app"),
            app.clone(),
            text("--config"),
            config.display().to_string(),
        ];
        Self { data, app, topics, arguments }
    }

    fn start(&self) -> Tocsin {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Tocsin::start(&self.folder(), &arguments)
    }

    fn folder(&self) -> std::path::PathBuf {
        self.data.path().join("data")
    }

    /// Sends events as a producer does that knows nothing of the product but the topic and the key.
    fn produce(&self, log: &dyn Log, events: &[Value]) {
        let record = |event: &Value| Outgoing {
            topic: self.topics.events.clone(),
            partition: None,
            timestamp: None,
            key: Some(Bytes::from(event["customerId"].as_str().unwrap().to_owned())),
            value: Some(event.to_string().into()),
            headers: Vec::new(),
        };
        log.append(events.iter().map(record).collect()).unwrap();
    }

    fn wait_until_caught_up(&self, log: &dyn Log) {
        wait_for("all events to be evaluated", PATIENCE, || {
            audit::is_caught_up(log, &self.app, &self.topics.events).then_some(())
        });
    }
}

#[test]
fn twenty_kills_lose_nothing_and_repeat_nothing() {
    const EVENTS: usize = 100_000;
    const ROUNDS: usize = 21;
    let Some((broker, _lease)) = broker("twenty_kills_lose_nothing_and_repeat_nothing") else {
        return;
    };
    let seed = 4711;
    println!("seed {seed}");
    let mut random = Random(seed);
    let (rules, events) = (workload::rules(), workload::events(EVENTS, seed));
    let deployment = Deployment::new(broker, "kills");
    let log = broker.log();
    for (round, share) in events.chunks(EVENTS.div_ceil(ROUNDS)).enumerate() {
        let process = deployment.start();
        if round == 0 {
            rules.iter().for_each(|rule| process.http.rule(rule));
        }
        deployment.produce(&log, share);
        if round + 1 < ROUNDS {
            std::thread::sleep(Duration::from_millis(random.number() % 900));
            process.kill9();
        } else {
            deployment.wait_until_caught_up(&log);
            assert_eq!(process.stop(), Some(0));
        }
    }
    let alerts = audit::values(&log, &deployment.topics.alerts);
    audit::check(&alerts, &reference::alerts(&rules, &events));
}

#[test]
fn a_lost_disk_is_rebuilt_from_the_changelog() {
    let Some((broker, _lease)) = broker("a_lost_disk_is_rebuilt_from_the_changelog") else {
        return;
    };
    let deployment = Deployment::new(broker, "disk");
    let log = broker.log();
    let rule = json!({"customerId": customer(1), "alertName": "probe", "match": "$.probe", "threshold": 3});
    let event = json!({"customerId": customer(1), "payload": {"probe": 1}});
    let process = deployment.start();
    process.http.rule(&rule);
    deployment.produce(&log, &[event.clone(), event.clone()]);
    deployment.wait_until_caught_up(&log);
    process.kill9();
    std::fs::remove_dir_all(deployment.folder().join("state")).unwrap();
    let process = deployment.start();
    deployment.produce(&log, &[event]);
    let (_, alert) = process.http.alerts("0").next().unwrap();
    assert_eq!(alert["value"], 3);
}

#[test]
fn rules_that_look_at_too_much_are_suspended_until_they_are_saved() {
    let Some((broker, _lease)) = broker("rules_that_look_at_too_much_are_suspended_until_they_are_saved")
    else {
        return;
    };
    let deployment = Deployment::new(broker, "suspended");
    let process = deployment.start();
    tests::suspension::rules_that_look_at_too_much_are_suspended_until_they_are_saved(&process);
}

#[test]
fn a_bad_record_is_a_dead_letter_and_the_stream_goes_on() {
    let Some((broker, _lease)) = broker("a_bad_record_is_a_dead_letter_and_the_stream_goes_on") else {
        return;
    };
    let deployment = Deployment::new(broker, "letters");
    let log = broker.log();
    let process = deployment.start();
    process
        .http
        .rule(&json!({"customerId": customer(1), "alertName": "probe", "match": "$.probe", "threshold": 1}));
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    let bad: [(&[u8], &str); 5] = [
        (b"{", "TOC-2003"),
        (b"\xff", "TOC-2002"),
        (br#"{"payload": {}}"#, "TOC-2004"),
        (br#"{"customerId": "deadbeef-dead-beef-dead-beefdeadbeef", "payload": {}}"#, "TOC-2005"),
        (&json!({"customerId": customer(1), "payload": deep}).to_string().into_bytes(), "TOC-2008"),
    ];
    for (bytes, _) in bad {
        let record = Outgoing {
            topic: deployment.topics.events.clone(),
            partition: None,
            timestamp: None,
            key: Some(Bytes::from(customer(1))),
            value: Some(Bytes::copy_from_slice(bytes)),
            headers: Vec::new(),
        };
        log.append(vec![record]).unwrap();
    }
    deployment.produce(&log, &[json!({"customerId": customer(1), "payload": {"probe": 1}})]);
    assert_eq!(process.http.alerts("0").next().unwrap().1["value"], 1);
    deployment.wait_until_caught_up(&log);
    let letters = audit::records(&log, &deployment.topics.dead_letters);
    let told: Vec<_> = letters
        .iter()
        .map(|letter| {
            (letter.value.as_deref().unwrap(), ports::header(&letter.headers, "reason").unwrap().as_ref())
        })
        .collect();
    assert_eq!(told, bad.map(|(bytes, code)| (bytes, code.as_bytes())));
}

#[test]
fn a_broker_that_goes_away_and_comes_back_loses_nothing() {
    let Some((broker, _alone)) = broker_alone("a_broker_that_goes_away_and_comes_back_loses_nothing") else {
        return;
    };
    let deployment = Deployment::new(broker, "away");
    let log = broker.log();
    let process = deployment.start();
    process
        .http
        .rule(&json!({"customerId": customer(1), "alertName": "probe", "match": "$.probe", "threshold": 2}));
    let event = json!({"customerId": customer(1), "payload": {"probe": 1}});
    deployment.produce(&log, std::slice::from_ref(&event));
    deployment.wait_until_caught_up(&log);
    broker.kill();
    let reason = wait_for("the reason why it is not ready", PATIENCE, || {
        let (status, body) = process.http.get("/readyz")?;
        (status == 503).then_some(body)
    });
    println!("not ready: {reason}");
    broker.restart();
    wait_for("readiness", PATIENCE, || process.http.get("/readyz").filter(|(status, _)| *status == 200));
    deployment.produce(&log, &[event]);
    assert_eq!(process.http.alerts("0").next().unwrap().1["value"], 2);
}

#[test]
fn without_a_broker_it_stays_up_and_says_why() {
    let data = tempfile::tempdir().unwrap();
    // Nothing listens on port 1.
    let process = Tocsin::start_unready(data.path(), &["--kafka", "127.0.0.1:1"]);
    let http = &process.http;
    let reason = wait_for("the reason why it is not ready", PATIENCE, || {
        let (status, body) = http.get("/readyz")?;
        (status == 503 && body.to_string().contains("127.0.0.1:1")).then_some(body)
    });
    println!("not ready: {reason}");
    assert_eq!(http.get("/healthz").unwrap().0, 200);
}

#[test]
fn topics_that_will_not_do_are_refused_with_the_setting_to_change() {
    let Some((broker, _lease)) = broker("topics_that_will_not_do_are_refused_with_the_setting_to_change")
    else {
        return;
    };
    let deployment = Deployment::new(broker, "wrong");
    let spec = |name: &String, retention| TopicSpec { name: name.clone(), partitions: 3, retention };
    let specs =
        [spec(&deployment.topics.events, Retention::Any), spec(&deployment.topics.controls, Retention::Any)];
    broker.log().create_topics(&specs).unwrap();
    let arguments: Vec<&str> = deployment.arguments.iter().map(String::as_str).collect();
    let ended = Tocsin::run_to_end(&deployment.folder(), &arguments);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in ["has 3 partitions, 1 are needed", "retention.ms=-1"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn worker_and_api_are_processes_of_their_own() {
    let Some((broker, _lease)) = broker("worker_and_api_are_processes_of_their_own") else { return };
    let deployment = Deployment::new(broker, "roles");
    let arguments: Vec<&str> = deployment.arguments.iter().map(String::as_str).collect();
    let tocsin = |words: &[&str]| {
        let output = Command::new(binary()).args(words).args(&arguments).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = tocsin(&["topics", "verify"]);
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = tocsin(&["topics", "create", "--partitions", "2"]);
    assert!(code == Some(0) && text.contains(&format!("created  {}", deployment.topics.alerts)), "{text}");
    assert_eq!(tocsin(&["topics", "verify"]), (Some(0), "all topics serve\n".to_owned()));

    let worker_data = deployment.data.path().join("worker");
    let mut worker = Command::new(binary())
        .arg("worker")
        .args(&arguments)
        .args(["--worker-listen", "127.0.0.1:0", "--data"])
        .arg(&worker_data)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut api = Tocsin::start_role("api", &deployment.folder(), &arguments);
    api.line("ready ");
    api.http
        .rule(&json!({"customerId": customer(1), "alertName": "probe", "match": "$.probe", "threshold": 2}));
    let event = json!({"customerId": customer(1), "payload": {"probe": 1}});
    assert!(api.http.events(&[event.clone(), event]));
    assert_eq!(api.http.alerts("0").next().unwrap().1["value"], 2);
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn load_over_kafka_comes_out_exactly() {
    let Some((broker, _lease)) = broker("load_over_kafka_comes_out_exactly") else { return };
    let deployment = Deployment::new(broker, "load");
    let process = deployment.start();
    let topics = ["--events-topic", &deployment.topics.events, "--alerts-topic", &deployment.topics.alerts];
    let bootstrap = broker.settings().bootstrap;
    let kafka = [&["--kafka", &bootstrap][..], &topics].concat();
    let report = load(&process, &deployment.folder(), &kafka);
    assert!(report.contains("exact: nothing lost, nothing extra"), "{report}");
}

#[test]
fn kafkas_own_console_tools_write_events_and_read_alerts() {
    let test = "kafkas_own_console_tools_write_events_and_read_alerts";
    if std::env::var_os("TOCSIN_TEST_KAFKA").is_some() {
        return skip(test, "the console tools are those of a Kafka that scripts/kafka starts");
    }
    // The shared broker shows that there can be one; the script starts its own.
    let Some(_) = broker(test) else { return };
    let script = workload::root().join("tests/console-tools.sh");
    let output = Command::new(script).arg(binary()).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    assert!(output.status.success(), "{text}");
}
