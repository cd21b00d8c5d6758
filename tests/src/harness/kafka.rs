//! A real Kafka for tests: one broker for all tests of a binary, ended and wiped with the process however that ends.
//! `TOCSIN_TEST_KAFKA=host:port` names one to use instead. Tests that need more than one broker, or one behind a network
//! that fails, have clusters of their own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use connectors::kafka::{KafkaLog, Settings};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

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
        Self::start_own(1, None)
    }

    /// A cluster of a test's own, wiped when it is dropped. None if there can be none, which is told as a skipped test.
    pub fn of_its_own(test: &str, brokers: u8) -> Option<Self> {
        Self::start_own(brokers, None).map_err(|reason| skip(test, &reason)).ok()
    }

    /// A broker of a test's own that can also be reached by way of a proxy: it tells clients that come to
    /// [`Self::behind_proxy`] to go on at this port.
    pub fn with_proxy(test: &str, port: u16) -> Option<Self> {
        Self::start_own(1, Some(port)).map_err(|reason| skip(test, &reason)).ok()
    }

    /// Where the proxy is to lead.
    pub fn behind_proxy(&self) -> std::net::SocketAddr {
        let direct: std::net::SocketAddr = self.bootstrap.parse().unwrap();
        std::net::SocketAddr::new(direct.ip(), direct.port() + 5)
    }

    fn start_own(brokers: u8, proxy: Option<u16>) -> Result<Self, String> {
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
        let mut command = broker.command(&["start", "--brokers", &brokers.to_string()]);
        if let Some(port) = proxy {
            command.env("TOCSIN_KAFKA_PROXY", port.to_string());
        }
        broker.bootstrap = run(command).unwrap_or_else(|reason| panic!("no broker: {reason}"));
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
        self.kill_node(1);
    }

    /// Starts it again.
    pub fn restart(&self) {
        self.restart_node(1);
    }

    /// Ends a broker of the cluster without warning.
    pub fn kill_node(&self, node: i32) {
        self.script(&["kill9", &node.to_string()]).unwrap();
    }

    /// Starts it again.
    pub fn restart_node(&self, node: i32) {
        self.script(&["restart", &node.to_string()]).unwrap();
    }

    /// The broker that coordinates what goes by this name: the leader of its partition of an internal topic, by Kafka's
    /// own rule.
    pub fn coordinator(&self, topic: &str, name: &str) -> i32 {
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().unwrap();
        let metadata = client.fetch_metadata(Some(topic), Duration::from_secs(30)).unwrap();
        let partitions = metadata.topics()[0].partitions();
        let hash = name.encode_utf16().fold(0_i32, |hash, unit| {
            hash.wrapping_mul(31).wrapping_add(i32::from(unit.cast_signed()) & 0xffff)
        });
        let index = (hash & i32::MAX) % i32::try_from(partitions.len()).unwrap();
        partitions.iter().find(|partition| partition.id() == index).unwrap().leader()
    }

    fn script(&self, arguments: &[&str]) -> Result<String, String> {
        run(self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let home = self.home.as_ref().expect("only a broker of our own is managed");
        let mut command = Command::new(root().join("scripts/kafka"));
        command.args(arguments).env("TOCSIN_KAFKA_HOME", home).stdin(Stdio::null());
        command
    }
}

fn run(mut command: Command) -> Result<String, String> {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
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
