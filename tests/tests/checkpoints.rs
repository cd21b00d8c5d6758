//! Checkpoints and savepoints of a running product: lost disks, going back, forks, other numbers of partitions, buckets.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use connectors::embedded::{EmbeddedLog, Settings};
use ports::{Log, Position};
use serde_json::{Value, json};
use tests::harness::process::{Tocsin, binary};
use tests::harness::{self, audit, s3};
use tests::workload;

const PATIENCE: Duration = Duration::from_secs(120);

/// A deployment on the embedded log whose checkpoints are a second apart.
struct World {
    dir: tempfile::TempDir,
    extra: String,
}

impl World {
    fn new(extra: &str) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap(), extra: extra.to_owned() };
        world.configure("");
        world
    }

    /// Writes the settings file, with these lines before the others.
    fn configure(&self, lines: &str) {
        let text = format!("{lines}\ncheckpoint-interval = '1s'\n{}", self.extra);
        std::fs::write(self.config(), text).unwrap();
    }

    fn config(&self) -> std::path::PathBuf {
        self.dir.path().join("tocsin.toml")
    }

    fn data(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    fn start(&self, arguments: &[&str]) -> Tocsin {
        let config = self.config();
        let all = [&["--config", config.to_str().unwrap()], arguments].concat();
        Tocsin::start(&self.data(), &all)
    }

    /// Runs a command beside or between the processes.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(binary())
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .env("TOCSIN_DATA", self.data())
            .current_dir("/")
            .output()
            .unwrap()
    }

    fn run_well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn create_savepoint(&self, process: &Tocsin) -> String {
        let token = self.data().join("root.token");
        let made = Command::new(binary())
            .args(["savepoint", "create", "--output", "json", "--server", &process.http.address])
            .arg("--token-file")
            .arg(token)
            .current_dir("/")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    fn log(&self) -> EmbeddedLog {
        EmbeddedLog::open(Settings::new(self.data().join("log"))).unwrap()
    }
}

/// The third event of the customer fires.
fn rule() -> Value {
    json!({"customerId": workload::customer(0), "alertName": "three", "match": "$.a", "threshold": 3})
}

fn event(process: &Tocsin) {
    assert!(process.http.events(&[json!({"customerId": workload::customer(0), "payload": {"a": 1}})]));
}

fn await_caught_up(process: &Tocsin, events: u64) {
    harness::wait_for("the events to be evaluated", PATIENCE, || {
        let (_, page) = process.http.get("/metrics")?;
        let line = page.as_str()?.lines().find(|line| line.starts_with("worker_events_total "))?.to_owned();
        (line.rsplit(' ').next()?.parse::<u64>().ok()? >= events).then_some(())
    });
    // What was evaluated is committed within a second; a rule is answered when all before it is.
    process.http.rule(&json!({
        "customerId": workload::customer(1), "alertId": "11111111-1111-4111-8111-111111111111",
        "alertName": format!("marker {events}"), "match": "$.nothing"
    }));
}

fn timelines(log: &dyn Log, app: &str, topic: &str) -> Vec<u32> {
    let read = |text: String| text.parse::<Position>().unwrap().timeline;
    log.committed(app, topic).unwrap().into_iter().map(|at| read(at.unwrap().metadata)).collect()
}

fn remove_state(data: &Path) {
    std::fs::remove_dir_all(data.join("state")).unwrap();
}

#[test]
fn a_savepoint_is_restored_and_forked_and_both_go_on_from_it() {
    let world = World::new("");
    let process = world.start(&[]);
    process.http.rule(&rule());
    (0..2).for_each(|_| event(&process));
    await_caught_up(&process, 2);
    let id = world.create_savepoint(&process);
    event(&process);
    await_caught_up(&process, 3);
    assert_eq!(process.stop(), Some(0));
    assert_eq!(audit::values(&world.log(), "tocsin.alerts").len(), 1);
    assert!(world.run_well(&["savepoint", "list"]).contains(&format!("{id}  ")));
    assert!(world.run_well(&["savepoint", "show", "latest"]).contains("complete"));

    // Back before the third event: it is evaluated again.
    world.run_well(&["savepoint", "restore", "latest"]);
    remove_state(&world.data());
    let process = world.start(&[]);
    await_caught_up(&process, 1);
    assert_eq!(process.stop(), Some(0));
    let log = world.log();
    assert_eq!(
        audit::values(&log, "tocsin.alerts").len(),
        2,
        "the alert after the savepoint is written again"
    );
    assert_eq!(timelines(&log, "tocsin", "events"), [2; 4]);
    drop(log);

    // A lost disk after that: the changelog of the first timeline is of no use any more, the checkpoint is.
    remove_state(&world.data());
    let process = world.start(&[]);
    (0..3).for_each(|_| event(&process));
    await_caught_up(&process, 3);
    assert_eq!(process.stop(), Some(0));
    assert_eq!(audit::values(&world.log(), "tocsin.alerts").len(), 2, "it has fired before");

    // The fork begins at the savepoint, too: four events follow.
    let refused = world.run(&["savepoint", "fork", "latest", "--from", "tocsin"]);
    assert_eq!(refused.status.code(), Some(2), "it needs a name of its own");
    world.configure("topics.alerts = 'tocsin.alerts'");
    let refused = world.run(&["savepoint", "fork", "latest", "--from", "tocsin", "--app", "trial"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`tocsin.alerts` is written by `tocsin`"));
    world.configure("");
    world.run_well(&["savepoint", "fork", "latest", "--from", "tocsin", "--app", "trial"]);
    let again = world.run(&["savepoint", "fork", "latest", "--from", "tocsin", "--app", "trial"]);
    assert_eq!(again.status.code(), Some(1), "it is there already");
    let process = world.start(&["--app", "trial"]);
    await_caught_up(&process, 4);
    let (_, rules) = process.http.get("/v1/rules").unwrap();
    assert_eq!(rules["rules"].as_array().unwrap().len(), 2, "the parent's rules: {rules}");
    assert_eq!(process.stop(), Some(0));
    let log = world.log();
    assert_eq!(audit::values(&log, "trial.alerts").len(), 1);
    assert_eq!(audit::values(&log, "tocsin.alerts").len(), 2, "a fork writes nothing of its parent's");
    assert_eq!(timelines(&log, "tocsin", "events"), [2; 4]);
    assert!(world.run_well(&["checkpoints", "verify"]).contains("are sound"));
}

#[test]
fn a_savepoint_is_rewritten_for_another_number_of_partitions() {
    let world = World::new("");
    let process = world.start(&[]);
    process.http.rule(&rule());
    (0..2).for_each(|_| event(&process));
    await_caught_up(&process, 2);
    world.create_savepoint(&process);
    event(&process);
    await_caught_up(&process, 3);
    assert_eq!(process.stop(), Some(0));
    let early = world.run(&["savepoint", "rescale", "latest", "--to", "7", "--events", "events-7"]);
    assert!(String::from_utf8_lossy(&early.stderr).contains("has events after the savepoint"));

    let process = world.start(&[]);
    let id = world.create_savepoint(&process);
    assert_eq!(process.stop(), Some(0));
    let made = world.run_well(&["savepoint", "rescale", &id, "--to", "7", "--events", "events-7"]);
    let new = made.split_whitespace().skip_while(|word| *word != "savepoint").nth(1).unwrap().to_owned();
    world.configure("partitions = 7\ntopics.events = 'events-7'");
    world.run_well(&["savepoint", "fork", &new, "--from", "tocsin", "--app", "wide"]);
    let process = world.start(&["--app", "wide"]);
    let (_, rules) = process.http.get("/v1/rules").unwrap();
    assert_eq!(rules["rules"].as_array().unwrap().len(), 2, "{rules}");
    (0..3).for_each(|_| event(&process));
    await_caught_up(&process, 3);
    assert_eq!(process.stop(), Some(0));
    let log = world.log();
    assert_eq!(log.partitions("events-7").unwrap(), 7);
    assert_eq!(audit::values(&log, "wide.alerts").len(), 0, "what had fired is known in its new partition");
}

#[test]
fn checkpoints_in_a_bucket_bring_a_lost_disk_back() {
    let Some(server) = s3::server("checkpoints_in_a_bucket_bring_a_lost_disk_back") else { return };
    let table = format!(
        "checkpoints = 's3://{}/place'\n[checkpoint-store]\naws_endpoint = '{}'\naws_allow_http = 'true'\n\
         aws_access_key_id = '{}'\naws_secret_access_key = '{}'\naws_region = 'us-east-1'",
        s3::BUCKET,
        server.endpoint,
        s3::USER,
        s3::SECRET
    );
    let world = World::new(&table);
    let process = world.start(&[]);
    process.http.rule(&rule());
    (0..2).for_each(|_| event(&process));
    await_caught_up(&process, 2);
    let id = world.create_savepoint(&process);
    assert_eq!(process.stop(), Some(0));
    assert!(!world.data().join("checkpoints").exists(), "nothing of it is on this disk");
    world.run_well(&["savepoint", "restore", &id]);
    remove_state(&world.data());
    let process = world.start(&[]);
    event(&process);
    await_caught_up(&process, 1);
    harness::wait_for("a checkpoint of the new timeline", PATIENCE, || {
        let listed = world.run_well(&["checkpoints", "list"]);
        listed.lines().any(|line| line.contains("  2/")).then_some(())
    });
    assert_eq!(process.stop(), Some(0));
    assert_eq!(audit::values(&world.log(), "tocsin.alerts").len(), 1);
    assert!(world.run_well(&["checkpoints", "verify"]).contains("are sound"));
    assert!(world.run_well(&["checkpoints", "collect"]).contains("removed  0 files"), "all are young");
}

#[test]
fn the_doctor_finds_nothing_wrong_and_says_what_is() {
    let world = World::new("");
    let process = world.start(&[]);
    process.http.rule(&rule());
    assert_eq!(process.stop(), Some(0));
    let free = ["--listen", "127.0.0.1:1", "--worker-listen", "127.0.0.1:2"];
    let doctor = |extra: &[&str]| world.run(&[&["doctor"], &free[..], extra].concat());
    let well = doctor(&[]);
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stdout));
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said(&well).contains("nothing is wrong"));
    let unreachable = doctor(&["--kafka", "127.0.0.1:1"]);
    assert_eq!(unreachable.status.code(), Some(1));
    assert!(said(&unreachable).contains("is a broker there?"), "{}", said(&unreachable));
    // A changelog without committed offsets: another group's name over the same topics.
    world.configure("topics.changelog = 'tocsin.changelog'\ntopics.controls = 'tocsin.controls'");
    let damaged =
        world.data().join("checkpoints/apps/tocsin/checkpoints/00000/0000000001-00000000000000000001.json");
    std::fs::create_dir_all(damaged.parent().unwrap()).unwrap();
    std::fs::write(&damaged, "{").unwrap();
    let ill = doctor(&[]);
    assert_eq!(ill.status.code(), Some(1));
    assert!(said(&ill).contains("it cannot be read"), "{}", said(&ill));
}
