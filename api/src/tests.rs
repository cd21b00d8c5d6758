//! What holds for all routes: rights, errors, ids, readiness, the contract, the end.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::access::{Access, Peer, TABLE};
use crate::testing::{APP, Harness, TOKEN, TestLog};
use crate::{Api, NotReady, Settings, Wiring, token};

fn filled(path: &str) -> String {
    let path = path.replace("{customerId}", crate::testing::CUSTOMER);
    path.replace("{alertId}", crate::testing::ALERT).replace("{tokenId}", crate::testing::ALERT)
}

#[tokio::test]
async fn every_route_that_needs_a_token_refuses_without_one() {
    let api = Harness::start();
    for (number, (method, path, access)) in (0..).zip(TABLE) {
        // From an address each, so that none has tried too often.
        let peer = Peer(std::net::SocketAddr::from(([10, 0, 0, number], 1)));
        for (authorization, code) in [
            (None, "TOC-4003"),
            (Some("Basic c2VjcmV0"), "TOC-4003"),
            (Some("Bearer"), "TOC-4003"),
            (Some("Bearer wrong"), "TOC-4004"),
        ] {
            let mut request = Request::builder().method(*method).uri(filled(path)).extension(peer);
            if let Some(value) = authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            let answered = api.send(request.body(Body::empty()).unwrap()).await;
            if *access == Access::Public {
                assert_ne!(answered.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            } else {
                assert_eq!(
                    (answered.status, answered.code().as_str()),
                    (StatusCode::UNAUTHORIZED, code),
                    "{path}"
                );
                assert!(answered.header(header::WWW_AUTHENTICATE).starts_with("Bearer realm="));
            }
        }
    }
    assert_eq!(api.log.memory.records(&api.topics.controls).len(), 0);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problem_documents() {
    let api = Harness::start();
    for path in ["/", "/v1", "/v1/rules/", "/v1/nope", "/healthz/x"] {
        let answered = api.get(path).await;
        assert_eq!(
            (answered.status, answered.code()),
            (StatusCode::NOT_FOUND, "TOC-4001".to_owned()),
            "{path}"
        );
        assert_eq!(answered.header("content-type"), "application/problem+json");
    }
    let request = Harness::request(Method::PATCH, "/v1/rules").body(Body::empty()).unwrap();
    let answered = api.send(request).await;
    assert_eq!((answered.status, answered.code()), (StatusCode::METHOD_NOT_ALLOWED, "TOC-4002".to_owned()));
    assert_eq!(answered.header("allow"), "GET, POST");
}

#[tokio::test]
async fn a_sane_request_id_is_taken_and_any_other_replaced() {
    let api = Harness::start();
    let long = "x".repeat(65);
    for (given, kept) in [("abc-1.2_Z", true), ("a b", false), (long.as_str(), false), ("", false)] {
        let request = Request::builder().uri("/healthz").header("x-request-id", given);
        let answered = api.send(request.body(Body::empty()).unwrap()).await;
        let id = answered.header("x-request-id");
        assert_eq!(id == given, kept, "{given}");
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn readiness_says_why_not() {
    let log = TestLog::default();
    let api = Harness::over_nothing(log.clone());
    let answered = api.get("/readyz").await;
    assert_eq!((answered.status, answered.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4024".to_owned()));
    assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
    let reasons = answered.json()["reasons"].to_string();
    assert!(reasons.contains("`events` does not exist"), "{reasons}");
    assert_eq!(api.get("/v1/alerts/stream").await.code(), "TOC-4024");

    ports::Log::create_topics(&log, &api.topics.specs(3)).unwrap();
    api.ready().await;
    api.reasons.lock().unwrap().push(NotReady::new("worker", "partition 2 is recovering"));
    let reasons = api.get("/readyz").await.json()["reasons"].clone();
    assert_eq!(reasons, serde_json::json!([{ "part": "worker", "reason": "partition 2 is recovering" }]));
    api.reasons.lock().unwrap().clear();

    log.faults.lock().unwrap().away.insert(api.topics.changelog.clone());
    crate::testing::eventually(async || {
        let answered = api.get("/readyz").await;
        answered.text.contains("is away") && answered.json()["reasons"][0]["part"] == "log"
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_answered_and_the_server_goes_on() {
    let api = Harness::start();
    let reasons = std::sync::Arc::clone(&api.reasons);
    let poison = std::thread::spawn(move || {
        let _held = reasons.lock();
        panic!("on purpose, so that the probe panics too");
    });
    assert!(poison.join().is_err());
    let answered = api.get("/readyz").await;
    assert_eq!(
        (answered.status, answered.code()),
        (StatusCode::INTERNAL_SERVER_ERROR, "TOC-4025".to_owned())
    );
    assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_errors_and_the_contract_are_served() {
    let api = Harness::start();
    assert_eq!(api.get("/metrics").await.text, "up 1\n");
    assert!(api.get("/docs/errors.md").await.text.contains("## TOC-4001"));
    let contract = api.get("/openapi.json").await.json();
    assert!(contract["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(contract["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for (_, path, access) in TABLE {
        let item = &contract["paths"][path];
        for operation in item.as_object().unwrap().values() {
            let secured = operation.get("security").is_some();
            assert!(secured != (*access == Access::Public), "{path}");
        }
    }
}

async fn ask(address: std::net::SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn the_server_serves_cuts_slow_heads_and_ends_with_its_streams() {
    let log = TestLog::default();
    ports::Log::create_topics(&log, &ports::Topics::of(APP).specs(2)).unwrap();
    let settings = Settings { head_timeout: Duration::from_millis(200), ..Settings::default() };
    let database = crate::records::testing::Database::sqlite();
    let api = Api::new(Wiring {
        settings,
        log: std::sync::Arc::new(log),
        topics: ports::Topics::of(APP),
        group: APP.to_owned(),
        root: token::hash(TOKEN),
        records: database.records(),
        probe: std::sync::Arc::new(Vec::new),
        metrics_page: std::sync::Arc::new(String::new),
        previews: None,
        groups: None,
        bootstraps: None,
        savepoints: None,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(api.serve(listener, async { drop(stopped.await) }));

    for begun in ["GET /healthz HTTP/1.1\r\nhost: x\r\n", ""] {
        let mut slow = ask(address, begun).await;
        let mut text = String::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), slow.read_to_string(&mut text)).await;
        assert!(closed.is_ok() && !text.contains("200 OK"), "{text}");
    }
    let head = format!("GET /v1/alerts/stream HTTP/1.1\r\nhost: x\r\nauthorization: bearer {TOKEN}\r\n\r\n");
    let mut text = String::new();
    while !text.contains("id: v1.0.0") {
        let mut stream = ask(address, &head).await;
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.contains("200 OK") {
            while !text.contains("id: v1.0.0") {
                let length = stream.read(&mut buffer).await.unwrap();
                text.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            stop.send(()).unwrap();
            stream.read_to_string(&mut text).await.unwrap();
            break;
        }
    }
    assert!(text.ends_with("0\r\n\r\n"), "the stream ends as a whole answer: {text}");
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap().unwrap();
}
