//! A real Kafka for tests: one broker for all tests of a binary, ended and wiped with the process however that ends.
//! `TOCSIN_TEST_KAFKA=host:port` names one to use instead.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use connectors::kafka::{KafkaLog, Settings};

use crate::workload::root;

/// The broker of this process.
pub struct Broker {
    pub bootstrap: String,
    // None if somebody else started it: then it must not be stopped.
    home: Option<PathBuf>,
    // Its input closes with this process.
    _watcher: Option<Child>,
}

/// Held while a test counts on the broker.
pub type Lease = RwLockReadGuard<'static, ()>;

static IN_USE: RwLock<()> = RwLock::new(());

/// The broker, for a test that counts on it; none if there can be none, which is told as a skipped test.
pub fn broker(test: &str) -> Option<(&'static Broker, Lease)> {
    let broker = running(test)?;
    Some((broker, IN_USE.read().unwrap_or_else(PoisonError::into_inner)))
}

/// The broker, for a test that stops it while no other test counts on it.
pub fn broker_alone(test: &str) -> Option<(&'static Broker, RwLockWriteGuard<'static, ()>)> {
    let broker = running(test)?;
    if broker.home.is_none() {
        skip(test, "the broker was started by somebody else and is not to be stopped");
        return None;
    }
    Some((broker, IN_USE.write().unwrap_or_else(PoisonError::into_inner)))
}

/// A prefix that no other test, process or run uses.
pub fn prefix(test: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let short: String = test.chars().take(40).collect();
    format!("{short}.{}.{number}", uuid::Uuid::new_v4().simple())
}

/// Notes that a test was skipped, or fails where it must not be.
pub fn skip(test: &str, reason: &str) {
    assert!(std::env::var("TOCSIN_REQUIRE_KAFKA").as_deref() != Ok("1"), "{test} needs Kafka: {reason}");
    super::skip(test, reason);
}

fn running(test: &str) -> Option<&'static Broker> {
    static BROKER: OnceLock<Result<Broker, String>> = OnceLock::new();
    match BROKER.get_or_init(Broker::start) {
        Ok(broker) => Some(broker),
        Err(reason) => {
            skip(test, reason);
            None
        },
    }
}

impl Broker {
    fn start() -> Result<Self, String> {
        if let Ok(bootstrap) = std::env::var("TOCSIN_TEST_KAFKA") {
            return Ok(Self { bootstrap, home: None, _watcher: None });
        }
        for tool in ["java", "mvn"] {
            if !is_there(tool) {
                return Err(format!("{tool} is missing: scripts/setup --with-kafka"));
            }
        }
        let home = tempfile::tempdir().unwrap().keep();
        let watcher = watch(&home);
        let mut broker = Self { bootstrap: String::new(), home: Some(home), _watcher: Some(watcher) };
        if let Err(reason) = broker.script(&["install"]) {
            return Err(format!("Kafka cannot be fetched: {reason}"));
        }
        broker.bootstrap = broker.script(&["start"]).unwrap_or_else(|reason| panic!("no broker: {reason}"));
        Ok(broker)
    }

    /// A log in this broker.
    pub fn log(&self) -> KafkaLog {
        KafkaLog::connect(self.settings()).unwrap()
    }

    pub fn settings(&self) -> Settings {
        Settings::new(&self.bootstrap, "tests")
    }

    /// Ends the broker without warning.
    pub fn kill(&self) {
        self.script(&["kill9", "1"]).unwrap();
    }

    /// Starts it again.
    pub fn restart(&self) {
        self.script(&["restart", "1"]).unwrap();
    }

    fn script(&self, arguments: &[&str]) -> Result<String, String> {
        let home = self.home.as_ref().expect("only a broker of our own is managed");
        let output = Command::new(root().join("scripts/kafka"))
            .args(arguments)
            .env("TOCSIN_KAFKA_HOME", home)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

fn is_there(tool: &str) -> bool {
    let mut command = Command::new(tool);
    let asked = command.arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// A shell that wipes the broker once this process is gone: only then does the other end of its input close, for
/// children do not inherit it.
fn watch(home: &std::path::Path) -> Child {
    Command::new("sh")
        .args(["-c", "trap '' INT TERM HUP; cat; \"$0\" wipe; rm -rf \"$TOCSIN_KAFKA_HOME\""])
        .arg(root().join("scripts/kafka"))
        .env("TOCSIN_KAFKA_HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
