//! A whole API over a log in memory, asked through its router.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use engine::{Offset, Partition, Timestamp};
use http_body_util::BodyExt;
use ports::{Bootstraps, Committed, Groups, Log, Member, Membership, Place, Position, Previews, Topics};
use serde_json::Value;
use tower::ServiceExt;

use crate::records::testing::Database;
use crate::server::Running;
use crate::{Api, NotReady, Settings, Wiring, token};

mod log;

pub(crate) use log::TestLog;

pub(crate) const APP: &str = "test";
pub(crate) const TOKEN: &str = "secret";
pub(crate) const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
pub(crate) const ALERT: &str = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";
pub(crate) const PARTITIONS: u32 = 3;
/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The API under test.
pub(crate) struct Harness {
    pub(crate) log: TestLog,
    pub(crate) topics: Topics,
    pub(crate) running: Running,
    pub(crate) reasons: Arc<Mutex<Vec<NotReady>>>,
    pub(crate) database: Database,
    member: Option<Box<dyn Member>>,
}

/// What a worker in the same process knows.
#[derive(Default)]
struct Worker {
    groups: Option<Arc<dyn Groups>>,
    bootstraps: Option<Arc<dyn Bootstraps>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Harness {
    /// With settings that suit tests; needs a runtime.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(set: impl FnOnce(&mut Settings)) -> Self {
        Self::over(TestLog::default(), set)
    }

    /// Over a log of one's own, whose topics are made.
    pub(crate) fn over(log: TestLog, set: impl FnOnce(&mut Settings)) -> Self {
        log.create_topics(&Topics::of(APP).specs(PARTITIONS)).unwrap();
        Self::wire(log, set)
    }

    /// Over a log whose topics are not there yet.
    pub(crate) fn over_nothing(log: TestLog) -> Self {
        Self::wire(log, |_| {})
    }

    /// With somebody who can look into the past.
    pub(crate) fn with_previews(previews: Arc<dyn Previews>) -> Self {
        let log = TestLog::default();
        log.create_topics(&Topics::of(APP).specs(PARTITIONS)).unwrap();
        Self::wired(log, |_| {}, Some(previews), Worker::default())
    }

    fn wire(log: TestLog, set: impl FnOnce(&mut Settings)) -> Self {
        Self::wired(log, set, None, Worker::default())
    }

    /// With somebody who knows what rules have come to.
    pub(crate) fn with_groups(groups: Arc<dyn Groups>) -> Self {
        let log = TestLog::default();
        log.create_topics(&Topics::of(APP).specs(PARTITIONS)).unwrap();
        Self::wired(log, |_| {}, None, Worker { groups: Some(groups), bootstraps: None })
    }

    /// With somebody who knows how rules are being filled.
    pub(crate) fn with_bootstraps(bootstraps: Arc<dyn Bootstraps>) -> Self {
        let log = TestLog::default();
        log.create_topics(&Topics::of(APP).specs(PARTITIONS)).unwrap();
        Self::wired(log, |_| {}, None, Worker { groups: None, bootstraps: Some(bootstraps) })
    }

    fn wired(
        log: TestLog,
        set: impl FnOnce(&mut Settings),
        previews: Option<Arc<dyn Previews>>,
        Worker { groups, bootstraps }: Worker,
    ) -> Self {
        let topics = Topics::of(APP);
        let mut settings = Settings { effective_timeout: PATIENCE, ..Settings::default() };
        set(&mut settings);
        let reasons = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&reasons);
        let database = Database::sqlite();
        let api = Api::new(Wiring {
            settings,
            log: Arc::new(log.clone()),
            topics: topics.clone(),
            group: APP.to_owned(),
            root: token::hash(TOKEN),
            records: database.records(),
            probe: Arc::new(move || asked.lock().unwrap().clone()),
            metrics_page: Arc::new(|| "up 1\n".to_owned()),
            previews,
            groups,
            bootstraps,
            savepoints: None,
        });
        let running = api.start().unwrap();
        let membership =
            Membership { group: APP.to_owned(), topic: topics.events.clone(), name: "worker".to_owned() };
        // Without topics there is no group to join.
        let member = log.join(membership).ok();
        Self { running, log, topics, reasons, database, member }
    }

    /// Plays workers that have applied all control records before this one.
    pub(crate) fn commit_controls(&mut self, next: u64, partitions: &[u32]) {
        let committed = |partition: &u32| {
            let position = Position {
                app: APP.to_owned(),
                timeline: 1,
                epoch: 1,
                next: Offset(0),
                changelog: Offset(0),
                control: Offset(next),
                clock: Timestamp(0),
                writer: "worker".to_owned(),
            };
            let committed = Committed { next: Offset(0), metadata: position.to_string() };
            (Partition(*partition), committed)
        };
        let positions = |_: &[Place]| partitions.iter().map(committed).collect();
        self.member.as_mut().unwrap().commit(Vec::new(), &positions).unwrap();
    }

    /// Plays workers that are far ahead, so that no write has to wait.
    pub(crate) fn workers_are_ahead(&mut self) {
        self.commit_controls(1 << 40, &[0, 1, 2]);
    }

    pub(crate) fn router(&self) -> Router {
        self.running.router.clone()
    }

    pub(crate) fn request(method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        read(self.open(request).await).await
    }

    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(Self::request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answered {
        self.send(Self::request(Method::POST, path).body(body.into()).unwrap()).await
    }

    /// Asks with another token than the root's.
    pub(crate) async fn send_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> Answered {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Waits until the process is ready.
    pub(crate) async fn ready(&self) {
        eventually(async || self.get("/readyz").await.status == StatusCode::OK).await;
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(response: Response) -> Answered {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answered {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// Waits until something holds.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("holds in time");
}
