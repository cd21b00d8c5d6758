//! The names of the API's metrics, and the only places that write them. Labels come from closed sets.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::rules::import::Summary;

const REQUESTS: &str = "api_requests_total";
const REQUEST_SECONDS: &str = "api_request_duration_seconds";
const EVENTS_ACCEPTED: &str = "api_events_accepted_total";
const EVENTS_REJECTED: &str = "api_events_rejected_total";
const EVENT_BYTES: &str = "api_events_accepted_bytes_total";
const STREAMS: &str = "api_streams_open";
const STREAM_ALERTS: &str = "api_stream_alerts_total";
const STREAM_REPLAYS: &str = "api_stream_replays_total";
const STREAM_GAPS: &str = "api_stream_gaps_total";
const CONTROLS_READ: &str = "api_controls_read_total";
const CONTROLS_MALFORMED: &str = "api_controls_malformed_total";
const RULES: &str = "api_rules_count";
const AUDIT_LOST: &str = "api_audit_entries_lost_total";
const INBOX_RECORDS: &str = "api_inbox_records_total";
const INBOX_MALFORMED: &str = "api_inbox_malformed_total";
const INBOX_FAILURES: &str = "api_inbox_failures_total";
const DELIVERIES: &str = "api_deliveries_total";
const RULES_IMPORTED: &str = "api_rules_imported_total";

/// Describes every metric; called once at the start.
pub fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(REQUESTS, "Requests answered, by route, method and class of status");
    describe_histogram!(REQUEST_SECONDS, "Time to the head of the answer, by route");
    describe_counter!(EVENTS_ACCEPTED, "Events appended to the log");
    describe_counter!(EVENTS_REJECTED, "Events refused, by code");
    describe_counter!(EVENT_BYTES, "Bytes of the events appended to the log");
    describe_gauge!(STREAMS, "Alert streams that are open");
    describe_counter!(STREAM_ALERTS, "Alerts handed to streams");
    describe_counter!(STREAM_REPLAYS, "Times a stream turned to the log: resumed far back, or too slow");
    describe_counter!(STREAM_GAPS, "Gaps told to streams: the log no longer had what they missed");
    describe_counter!(CONTROLS_READ, "Control records read");
    describe_counter!(
        CONTROLS_MALFORMED,
        "Control records read that change nothing because they are malformed"
    );
    describe_gauge!(RULES, "Rules in the book");
    describe_counter!(AUDIT_LOST, "Entries that could not be written to the audit log");
    describe_counter!(INBOX_RECORDS, "Records of the alert topic that came into the inbox");
    describe_counter!(
        INBOX_MALFORMED,
        "Records of the alert topic that are no alerts, and were left out of the inbox"
    );
    describe_counter!(INBOX_FAILURES, "Times the inbox could not be kept, and was tried again");
    describe_counter!(DELIVERIES, "Attempts to send an alert to a destination, by what came of them");
    describe_counter!(RULES_IMPORTED, "Lines of imports, by what became of them");
}

/// A request was answered. The route is a template and the method one of the table's, so the set is closed.
pub(crate) fn request(route: &str, method: &'static str, status: u16, took: Duration) {
    let class = match status {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    let route = route.to_owned();
    counter!(REQUESTS, "route" => route.clone(), "method" => method, "status" => class).increment(1);
    histogram!(REQUEST_SECONDS, "route" => route).record(took.as_secs_f64());
}

/// Entries did not get into the audit log.
pub(crate) fn audit_lost(count: u64) {
    counter!(AUDIT_LOST).increment(count);
}

/// Records of the alert topic came into the inbox, some of them unread.
pub(crate) fn inbox_records(count: usize, malformed: usize) {
    counter!(INBOX_RECORDS).increment(count as u64);
    counter!(INBOX_MALFORMED).increment(malformed as u64);
}

/// The inbox could not be kept.
pub(crate) fn inbox_failed() {
    counter!(INBOX_FAILURES).increment(1);
}

/// An attempt to send an alert was made.
pub(crate) fn delivery(outcome: &'static str) {
    counter!(DELIVERIES, "outcome" => outcome).increment(1);
}

/// Events went into the log.
pub(crate) fn events_accepted(count: usize, bytes: usize) {
    counter!(EVENTS_ACCEPTED).increment(count as u64);
    counter!(EVENT_BYTES).increment(bytes as u64);
}

/// An event was refused.
pub(crate) fn event_rejected(code: &'static str) {
    counter!(EVENTS_REJECTED, "code" => code).increment(1);
}

/// A stream was opened or has ended.
pub(crate) fn streams(change: f64) {
    gauge!(STREAMS).increment(change);
}

/// Alerts were handed to a stream.
pub(crate) fn stream_alerts(count: usize) {
    counter!(STREAM_ALERTS).increment(count as u64);
}

/// A stream turned to the log.
pub(crate) fn stream_replay() {
    counter!(STREAM_REPLAYS).increment(1);
}

/// A stream was told of a gap.
pub(crate) fn stream_gap() {
    counter!(STREAM_GAPS).increment(1);
}

/// An import has ended.
pub(crate) fn rules_imported(summary: &Summary) {
    for (status, count) in summary.counts().filter(|_| !summary.dry_run) {
        counter!(RULES_IMPORTED, "status" => status).increment(count);
    }
}

/// Control records were read.
pub(crate) fn controls(read: usize, malformed: usize, rules: usize) {
    counter!(CONTROLS_READ).increment(read as u64);
    counter!(CONTROLS_MALFORMED).increment(malformed as u64);
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats; rules are far fewer than 2^52")]
    gauge!(RULES).set(rules as f64);
}
