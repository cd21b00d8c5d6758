//! Destinations through the router, with real receivers on this machine.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::send::signature;
use crate::alerts::inbox::item::tests::record;
use crate::testing::{Answered, CUSTOMER, Harness, eventually};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

/// A receiver that notes what it gets and answers what it is told.
struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Receiver {
    async fn start() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let got: Arc<Mutex<Vec<(HeaderMap, String)>>> = Arc::default();
        let (answer, notes) = (Arc::clone(&status), Arc::clone(&got));
        let receive = post(async move |headers: HeaderMap, body: String| {
            notes.lock().unwrap().push((headers, body));
            StatusCode::from_u16(answer.load(Ordering::SeqCst)).unwrap()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/hook/{secret}", receive);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, status, got }
    }

    fn url(&self) -> String {
        format!("http://{}/hook/s3cret", self.address)
    }

    fn values(&self) -> Vec<Value> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(_, body)| serde_json::from_str::<Value>(body).unwrap()["value"].clone()).collect()
    }
}

/// An API that may send to this machine.
fn api() -> Harness {
    Harness::with(|settings| settings.destination_networks = vec!["127.0.0.0/8".parse().unwrap()])
}

async fn add(api: &Harness, body: Value) -> Answered {
    api.post("/v1/destinations", body.to_string()).await
}

async fn listed(api: &Harness) -> Value {
    api.get("/v1/destinations").await.json()["destinations"][0].clone()
}

#[tokio::test]
async fn alerts_are_sent_signed_in_their_order_and_only_those_that_are_wanted() {
    let (api, receiver) = (api(), Receiver::start().await);
    api.log.alert(0, CUSTOMER, &record(9, CUSTOMER, "firing", 9));
    eventually(async || api.get("/v1/alerts").await.json()["alerts"][0].is_object()).await;
    let matchers = json!([{"field": "group.user", "op": "in", "values": ["bob"]}]);
    let wanted = json!({"customerId": CUSTOMER, "name": "ops", "url": receiver.url(), "matchers": matchers});
    let made = add(&api, wanted).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.header("cache-control"), "no-store");
    for second in 1..=3 {
        api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", second));
        api.log.alert(0, OTHER, &record(2, OTHER, "firing", 10 + second));
    }
    let mut quiet: Value = serde_json::from_str(&record(3, CUSTOMER, "firing", 20)).unwrap();
    quiet["group"]["user"] = json!("eve");
    api.log.alert(0, CUSTOMER, &quiet.to_string());
    // What came before may be sent or not.
    let values = || receiver.values().into_iter().filter(|value| *value != 9).collect::<Vec<_>>();
    eventually(async || values() == [1, 2, 3]).await;
    eventually(async || listed(&api).await["waiting"] == 0).await;

    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let (headers, body) = receiver.got.lock().unwrap()[0].clone();
    let signed = headers["tocsin-signature"].to_str().unwrap();
    let seconds = signed.split([',', '=']).nth(1).unwrap().parse().unwrap();
    assert_eq!(signed, signature(&secret, seconds, &body));
    let shown = api.get("/v1/destinations").await.text;
    assert!(!shown.contains("s3cret") && !shown.contains(&secret), "{shown}");
}

#[tokio::test]
async fn what_fails_is_tried_again_and_delays_nobody_else() {
    let (api, dead, alive) = (api(), Receiver::start().await, Receiver::start().await);
    dead.status.store(503, Ordering::SeqCst);
    for receiver in [&dead, &alive] {
        let wanted = json!({"customerId": CUSTOMER, "name": "n", "url": receiver.url()});
        assert_eq!(add(&api, wanted).await.status, StatusCode::CREATED);
    }
    for second in 1..=2 {
        api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", second));
    }
    eventually(async || alive.values() == [1, 2]).await;
    eventually(async || !dead.values().is_empty()).await;
    eventually(async || listed(&api).await["lastError"] == "the receiver answered 503").await;
    dead.status.store(200, Ordering::SeqCst);
    eventually(async || dead.values().ends_with(&[json!(1), json!(2)])).await;
    let ids: Vec<_> =
        dead.got.lock().unwrap().iter().map(|(headers, _)| headers["tocsin-delivery"].clone()).collect();
    assert_eq!(ids[0], ids[1], "the second attempt names the same delivery");

    dead.status.store(410, Ordering::SeqCst);
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", 3));
    eventually(async || listed(&api).await["dropped"] == 1).await;
    assert_eq!(listed(&api).await["waiting"], 0);
}

#[tokio::test]
async fn redirects_are_not_followed_and_silenced_alerts_not_sent() {
    let (api, receiver) = (api(), Receiver::start().await);
    receiver.status.store(302, Ordering::SeqCst);
    let wanted = json!({"customerId": CUSTOMER, "name": "n", "url": receiver.url()});
    assert_eq!(add(&api, wanted).await.status, StatusCode::CREATED);
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", 1));
    eventually(async || listed(&api).await["lastError"] == "the receiver answered 302").await;
    let end = engine::Timestamp(crate::clock::now().0 + 60_000).to_string();
    let matcher = json!({"field": "severity", "op": "in", "values": ["HIGH"]});
    let silence = json!({"customerId": CUSTOMER, "matchers": [matcher], "reason": "n", "endsAt": end});
    assert_eq!(api.post("/v1/silences", silence.to_string()).await.status, StatusCode::CREATED);
    eventually(async || listed(&api).await["waiting"] == 0).await;
    let told = listed(&api).await;
    assert_eq!((&told["delivered"], &told["dropped"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn names_and_addresses_inside_are_refused() {
    let receiver = Receiver::start().await;
    // One that may not send to this machine.
    let api = Harness::start();
    for url in [
        receiver.url().as_str(),
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:word@example.org/",
        "http://example.org/",
        "file:///etc/passwd",
        "nonsense",
    ] {
        let refused = add(&api, json!({"customerId": CUSTOMER, "name": "n", "url": url})).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "TOC-4026".to_owned()),
            "{url}"
        );
        assert_eq!(refused.json()["errors"][0]["pointer"], "/url");
    }
    // A name is looked up when something is sent.
    let url = format!("https://localhost:{}/hook/x", receiver.address.port());
    let made = add(&api, json!({"customerId": CUSTOMER, "name": "n", "url": url})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", 1));
    let why = "its name has no address that may be sent to";
    eventually(async || listed(&api).await["lastError"] == why).await;
    assert!(receiver.got.lock().unwrap().is_empty());

    let id = made.json()["id"].as_str().unwrap().to_owned();
    let viewer = json!({"role": "responder", "customerId": CUSTOMER, "name": "n"}).to_string();
    let viewer = api.post("/v1/tokens", viewer).await.json()["token"].as_str().unwrap().to_owned();
    let path = format!("/v1/destinations/{id}");
    assert_eq!(api.send_as(&viewer, Method::DELETE, &path, "").await.status, StatusCode::FORBIDDEN);
    let root = crate::testing::TOKEN;
    assert_eq!(api.send_as(root, Method::DELETE, &path, "").await.status, StatusCode::OK);
    assert_eq!(api.send_as(root, Method::DELETE, &path, "").await.code(), "TOC-4044");
}
