//! Rules through the router, with workers played by the test.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::testing::{ALERT, Answered, CUSTOMER, Harness, eventually};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn plain(threshold: i64) -> Value {
    json!({ "customerId": CUSTOMER, "alertId": ALERT, "alertName": "n", "match": "$.a", "threshold": threshold })
}

fn path() -> String {
    format!("/v1/rules/{CUSTOMER}/{ALERT}")
}

async fn write(
    api: &Harness,
    method: Method,
    path: &str,
    if_match: Option<&str>,
    body: impl ToString,
) -> Answered {
    let mut request = Harness::request(method, path);
    if let Some(tag) = if_match {
        request = request.header(header::IF_MATCH, tag);
    }
    api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_rule_is_created_replaced_kept_and_deleted() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let created = write(&api, Method::POST, "/v1/rules", None, plain(3)).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!((created.header("etag"), created.header("location")), ("\"1\"", path().as_str()));
    let body = created.json();
    assert_eq!(body["effective"], true);
    assert_eq!(body["position"], json!({ "partition": 0, "offset": 0 }));
    assert_eq!((&body["alertId"], &body["version"]), (&json!(ALERT), &json!(1)));
    assert_eq!(body.get("missingPartitions"), None);

    let replaced = write(&api, Method::POST, "/v1/rules", Some("\"1\""), plain(4)).await;
    assert_eq!((replaced.status, replaced.header("etag")), (StatusCode::OK, "\"2\""));
    let unchanged = write(&api, Method::PUT, &path(), None, plain(4)).await;
    assert_eq!((unchanged.status, unchanged.header("etag")), (StatusCode::OK, "\"2\""));

    let read = api.get(&path()).await;
    assert_eq!((read.status, read.header("etag")), (StatusCode::OK, "\"2\""));
    let again = write(&api, Method::POST, "/v1/rules", None, read.text).await;
    assert_eq!(again.header("etag"), "\"2\"", "what GET answers can be posted again");

    let deleted = write(&api, Method::DELETE, &path(), Some("\"2\""), "").await;
    assert_eq!((deleted.status, deleted.json()["effective"].clone()), (StatusCode::OK, json!(true)));
    assert_eq!(api.get(&path()).await.code(), "TOC-4014");
    let gone = write(&api, Method::DELETE, &path(), None, "").await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, "TOC-4014".to_owned()));
}

#[tokio::test]
async fn the_original_control_message_goes_into_the_topic_unchanged() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let text = format!(
        "{{ \"customerId\": \"{CUSTOMER}\",\n \"alertId\": \"{ALERT}\", \"alertName\": \"a\", \"alertDescription\": \"d\",\n \
         \"threshold\": 5, \"jsonPath\": \"$.acl[?(@.scope=='anyone')]\", \"bootstrapCustomerId\": null }}\n"
    );
    let created = write(&api, Method::POST, "/v1/rules", None, &text).await;
    assert_eq!((created.status, &created.json()["threshold"]), (StatusCode::CREATED, &json!(5)));
    let records = api.log.memory.records(&api.topics.controls);
    assert_eq!(records[0].value.as_deref(), Some(text.as_bytes()));
    assert_eq!(records[0].key.as_deref(), Some(format!("{CUSTOMER}/{ALERT}").as_bytes()));
}

#[tokio::test]
async fn an_id_that_is_left_out_is_made_by_the_server_or_taken_from_the_path() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let rule = json!({ "customerId": CUSTOMER, "alertName": "n", "match": "$.a" });
    let one = write(&api, Method::POST, "/v1/rules", None, &rule).await;
    let two = write(&api, Method::POST, "/v1/rules", None, &rule).await;
    assert_eq!((one.status, two.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_ne!(one.json()["alertId"], two.json()["alertId"]);
    let put = write(&api, Method::PUT, &path(), None, json!({ "alertName": "n", "jsonPath": "$.a" })).await;
    assert_eq!((put.status, &put.json()["alertId"]), (StatusCode::CREATED, &json!(ALERT)));
    let other = json!({ "alertId": OTHER, "alertName": "n", "match": "$.a" });
    let mismatch = write(&api, Method::PUT, &path(), None, other).await;
    assert_eq!((mismatch.status, mismatch.code()), (StatusCode::UNPROCESSABLE_ENTITY, "TOC-4013".to_owned()));
    assert_eq!(mismatch.json()["errors"][0]["pointer"], "/alertId");
}

#[tokio::test]
async fn a_stale_write_loses_with_the_current_rule() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    for version in 1..3 {
        assert_eq!(
            write(&api, Method::POST, "/v1/rules", None, plain(version)).await.header("etag"),
            format!("\"{version}\"")
        );
    }
    let mut with_field = plain(9);
    with_field["expectedVersion"] = json!(1);
    let attempts = [
        write(&api, Method::POST, "/v1/rules", Some("\"1\""), plain(9)).await,
        write(&api, Method::PUT, &path(), Some("\"0\""), plain(9)).await,
        write(&api, Method::POST, "/v1/rules", None, with_field).await,
        write(&api, Method::DELETE, &path(), Some("\"1\""), "").await,
    ];
    for lost in attempts {
        assert_eq!((lost.status, lost.code()), (StatusCode::PRECONDITION_FAILED, "TOC-4015".to_owned()));
        assert_eq!((lost.header("etag"), &lost.json()["current"]["version"]), ("\"2\"", &json!(2)));
    }
    let new = Harness::request(Method::PUT, &path()).header(header::IF_NONE_MATCH, "*");
    let lost = api.send(new.body(Body::from(plain(9).to_string())).unwrap()).await;
    assert_eq!(lost.status, StatusCode::PRECONDITION_FAILED);
    let rule = json!({ "alertName": "n", "match": "$.a" });
    let none = write(&api, Method::PUT, &path().replace(ALERT, OTHER), Some("7"), rule).await;
    assert_eq!(none.json()["current"], Value::Null);
    assert_eq!(api.get(&path()).await.json()["threshold"], json!({ "gte": 2 }));
    let bad = write(&api, Method::POST, "/v1/rules", Some("new"), plain(9)).await;
    assert_eq!((bad.status, bad.code()), (StatusCode::BAD_REQUEST, "TOC-4012".to_owned()));
}

#[tokio::test]
async fn a_write_that_not_all_partitions_have_is_answered_with_those_that_miss_it() {
    let mut api =
        Harness::with(|settings| settings.effective_timeout = std::time::Duration::from_millis(400));
    let nowhere = write(&api, Method::POST, "/v1/rules", None, plain(1)).await;
    assert_eq!(nowhere.status, StatusCode::CREATED);
    assert_eq!(
        (&nowhere.json()["effective"], &nowhere.json()["missingPartitions"]),
        (&json!(false), &json!([0, 1, 2]))
    );
    api.commit_controls(2, &[0, 2]);
    let partly = write(&api, Method::POST, "/v1/rules", None, plain(2)).await;
    assert_eq!(partly.json()["missingPartitions"], json!([1]));
}

#[tokio::test]
async fn the_answer_waits_until_the_last_partition_has_the_change() {
    let mut api = Harness::start();
    api.commit_controls(1, &[0, 1]);
    let (router, body) = (api.router(), plain(1).to_string());
    let request = Harness::request(Method::POST, "/v1/rules").body(Body::from(body)).unwrap();
    let writing = tokio::spawn(tower::ServiceExt::oneshot(router, request));
    let records = || api.log.memory.records(&api.topics.controls).len();
    eventually(async || records() == 1).await;
    assert!(!writing.is_finished());
    api.commit_controls(1, &[2]);
    let answered = crate::testing::read(writing.await.unwrap().unwrap()).await;
    assert_eq!(answered.json()["effective"], true);
}

#[tokio::test]
async fn rules_are_listed_by_pages_that_stay_right_while_rules_come_and_go() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let id = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    for number in 0..7 {
        let customer = if number < 5 { CUSTOMER } else { OTHER };
        let rule = json!({ "alertName": "n", "match": "$.a" });
        write(&api, Method::PUT, &format!("/v1/rules/{customer}/{}", id(number)), None, rule).await;
    }
    let mut names = Vec::new();
    let mut next = String::new();
    loop {
        let page = api.get(&format!("/v1/rules?limit=2&customerId={CUSTOMER}{next}")).await.json();
        for rule in page["rules"].as_array().unwrap() {
            names.push(rule["alertId"].as_str().unwrap().to_owned());
        }
        // The last rule of the page goes away; the next page begins behind it all the same.
        let last = names.last().unwrap().clone();
        write(&api, Method::DELETE, &format!("/v1/rules/{CUSTOMER}/{last}"), None, "").await;
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    assert_eq!(names, (0..5).map(id).collect::<Vec<_>>());
    assert_eq!(api.get("/v1/rules").await.json()["rules"].as_array().unwrap().len(), 4);
    for query in ["limit=0", "limit=1001", "limit=x", "next=x", "customerId=x", "unknown=1"] {
        let refused = api.get(&format!("/v1/rules?{query}")).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "TOC-4010".to_owned()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn bad_rules_are_refused_with_code_and_place_and_leave_nothing_in_the_topic() {
    let api = Harness::start();
    let cases: [(&[u8], u16, &str); 9] = [
        (b"", 400, "TOC-1001"),
        (b"{\"customerId\": \n nope}", 400, "TOC-1001"),
        (b"{\"alertName\": \"\xff\"}", 400, "TOC-1001"),
        (b"[]", 422, "TOC-1004"),
        (b"{\"customerId\": \"x\", \"alertName\": \"a\", \"match\": \"$.a\"}", 422, "TOC-1005"),
        (b"{\"alertName\": \"a\", \"match\": \"$.a\"}", 422, "TOC-1003"),
        (b"{\"alertNam\": \"a\"}", 422, "TOC-1002"),
        (&[b'['; 1000], 400, "TOC-1001"),
        (&[b' '; 64 * 1024 + 1], 413, "TOC-4006"),
    ];
    for (body, status, code) in cases {
        let refused = api.post("/v1/rules", body.to_vec()).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (status, code));
        let problem = refused.json();
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(problem["type"], format!("/docs/errors.md#{}", code.to_lowercase()));
        if code != "TOC-4006" {
            let error = &problem["errors"][0];
            assert!(
                error["pointer"].is_string() || error["line"].is_u64() && error["column"].is_u64(),
                "{problem}"
            );
        }
    }
    let path = api.get("/v1/rules/x/y").await;
    assert_eq!((path.status, path.code()), (StatusCode::BAD_REQUEST, "TOC-4011".to_owned()));
    assert_eq!(api.log.memory.records(&api.topics.controls).len(), 0);
}

#[tokio::test]
async fn rules_that_others_write_into_the_topic_are_followed_and_malformed_records_change_nothing() {
    let api = Harness::start();
    let record = |value: &str| ports::Outgoing {
        topic: api.topics.controls.clone(),
        partition: None,
        timestamp: None,
        key: None,
        value: Some(value.to_owned().into()),
        headers: Vec::new(),
    };
    let records = vec![record("nonsense"), record(&plain(3).to_string())];
    ports::Log::append(&api.log, records).unwrap();
    eventually(async || api.get(&path()).await.status == StatusCode::OK).await;
    assert_eq!(api.get("/v1/rules").await.json()["rules"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_suspended_rule_says_so_and_is_put_in_force_by_saving_it_as_it_was_answered() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    write(&api, Method::POST, "/v1/rules", None, plain(3)).await;
    let suspension = json!({
        "version": 1, "generation": 1, "customerId": CUSTOMER, "reason": "stepBudget",
        "since": "2026-11-01T10:00:00.000Z", "partition": 2, "offset": 17,
    });
    let record = ports::Outgoing {
        topic: api.topics.controls.clone(),
        partition: None,
        timestamp: None,
        key: Some(format!("!suspend/{CUSTOMER}/{ALERT}").into()),
        value: Some(suspension.to_string().into()),
        headers: Vec::new(),
    };
    ports::Log::append(&api.log, vec![record]).unwrap();
    eventually(async || api.get(&path()).await.json().get("suspended").is_some()).await;
    let answered = api.get(&path()).await;
    let told = json!([{
        "customerId": CUSTOMER, "reason": "stepBudget", "since": "2026-11-01T10:00:00.000Z",
        "partition": 2, "offset": 17,
    }]);
    assert_eq!((answered.header("etag"), &answered.json()["suspended"]), ("\"1\"", &told));
    assert_eq!(api.get("/v1/rules").await.json()["rules"][0]["suspended"], told);
    let saved = write(&api, Method::PUT, &path(), Some("\"1\""), answered.text).await;
    assert_eq!((saved.status, saved.header("etag")), (StatusCode::OK, "\"2\""));
    assert_eq!(api.get(&path()).await.json().get("suspended"), None);
}

#[tokio::test]
async fn writes_fail_clearly_while_the_log_is_away() {
    let api = Harness::start();
    api.log.faults.lock().unwrap().away.insert(api.topics.controls.clone());
    let failed = write(&api, Method::POST, "/v1/rules", None, plain(1)).await;
    assert_eq!((failed.status, failed.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4020".to_owned()));
    assert_eq!(failed.header("retry-after"), "1");
}

#[tokio::test]
async fn the_schema_of_rules_is_served() {
    let api = Harness::start();
    let response = api.get("/v1/rules/schema.json").await;
    assert_eq!(
        (response.status, response.header("content-type")),
        (StatusCode::OK, "application/schema+json")
    );
    assert_eq!(response.json()["$defs"]["rule"]["properties"]["maxGroups"]["minimum"], 1);
}
