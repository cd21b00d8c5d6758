use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use engine::Timestamp;
use ports::{
    Differences, Error, ErrorKind, Fired, FiredOnDay, PreviewAnswer, PreviewEnd, PreviewProgress,
    PreviewQuestion, Previews,
};
use serde_json::{Value, json};

use crate::testing::{ALERT, CUSTOMER, Harness};

/// Notes what it is asked, and answers as it is told.
#[derive(Default)]
struct Asked {
    questions: Mutex<Vec<PreviewQuestion>>,
    fails: bool,
}

impl Previews for Asked {
    fn preview(
        &self,
        question: PreviewQuestion,
        tell: &mut dyn FnMut(PreviewProgress) -> ControlFlow<()>,
    ) -> ports::Result<PreviewAnswer> {
        let progress = PreviewProgress { rows: 5, rows_expected: 9, fired: 1 };
        assert!(tell(progress).is_continue());
        let customer = question.rules.iter().next().unwrap().rule.key.customer;
        let differences = question.other.as_ref().map(|_| Differences { same: 3, ..Differences::default() });
        self.questions.lock().unwrap().push(question);
        if self.fails {
            return Err(Error::new(ErrorKind::Corrupt, "archive file x is missing"));
        }
        let days = vec![FiredOnDay { customer, day: "2025-11-01".to_owned(), fired: 2 }];
        let fired = Fired { fired: 2, records: 4, days, ..Fired::default() };
        let end = PreviewEnd::Time;
        Ok(PreviewAnswer { end, progress, version: Some(7), value_bytes: 99, refused: 1, fired, differences })
    }
}

fn rule() -> Value {
    json!({"customerId": CUSTOMER, "alertId": ALERT, "alertName": "x", "match": "$.n > 1", "status": "draft"})
}

async fn asked(asked: &Arc<Asked>, body: Value) -> Vec<Value> {
    let previews: Arc<dyn Previews> = Arc::<Asked>::clone(asked);
    let harness = Harness::with_previews(previews);
    let answered = harness.post("/v1/rules:preview", body.to_string()).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    answered.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn progress_is_told_and_then_what_came_out() {
    let asking = Arc::new(Asked::default());
    let body = json!({
        "rule": rule(), "other": rule(), "customers": [CUSTOMER], "from": "2025-11-01T00:00:00Z", "seconds": 5,
        "mebibytes": 2, "cpuPercent": 10,
    });
    let lines = asked(&asking, body).await;
    assert_eq!(lines[0], json!({"progress": {"rows": 5, "rowsExpected": 9, "fired": 1}}));
    let result = &lines[1]["result"];
    assert_eq!(
        (&result["end"], &result["fired"], &result["archiveVersion"]),
        (&json!("timeBudget"), &json!(2), &json!(7))
    );
    assert_eq!(result["days"], json!([{"customerId": CUSTOMER, "day": "2025-11-01", "fired": 2}]));
    assert_eq!(result["compared"]["same"], 3);
    assert_eq!(lines.len(), 2);
    let questions = asking.questions.lock().unwrap();
    let question = &questions[0];
    // A draft is tried out as if it were in force.
    assert_eq!(question.rules.iter().next().unwrap().rule.status, rules::Status::Active);
    assert_eq!(question.times.as_ref().unwrap().start, "2025-11-01T00:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!((question.budget.time, question.budget.value_bytes), (Duration::from_secs(5), 2 << 20));
}

#[tokio::test]
async fn what_breaks_on_the_way_is_told_in_the_last_line() {
    let asking = Arc::new(Asked { fails: true, ..Asked::default() });
    let lines = asked(&asking, json!({"rule": rule()})).await;
    assert_eq!(lines[1]["stopped"]["code"], "TOC-4035");
    assert_eq!(lines[1]["stopped"]["detail"], "archive file x is missing");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_place() {
    let asking: Arc<dyn Previews> = Arc::new(Asked::default());
    let harness = Harness::with_previews(asking);
    for (body, code, pointer) in [
        (json!({"rule": rule(), "seconds": 0}), "TOC-4026", "/seconds"),
        (json!({"rule": rule(), "customers": ["x"]}), "TOC-4026", "/customers/0"),
        (json!({"rule": rule(), "from": "now"}), "TOC-4026", "/from"),
        (json!({"rule": rule(), "other": rule(), "inForce": true}), "TOC-4026", "/inForce"),
        (json!({"rule": {"customerId": CUSTOMER}}), "TOC-1003", "/rule"),
    ] {
        let answered = harness.post("/v1/rules:preview", body.to_string()).await;
        assert_eq!(
            (answered.code().as_str(), answered.json()["errors"][0]["pointer"].as_str()),
            (code, Some(pointer))
        );
    }
    let answered =
        harness.post("/v1/rules:preview", json!({"rule": rule(), "inForce": true}).to_string()).await;
    assert_eq!(answered.code(), "TOC-4014");
}

#[tokio::test]
async fn without_an_archive_there_is_no_answer() {
    let answered = Harness::start().post("/v1/rules:preview", json!({"rule": rule()}).to_string()).await;
    assert_eq!((answered.status, answered.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4035"));
}
