//! Time: clocks, lateness, timers.

use rules::{EventTime, LatePolicy, Mode, TimeFormat, Window};

use super::*;

fn by_field(rule: Rule) -> Rule {
    with(rule, |rule| {
        rule.timing.event_time = Some(EventTime { path: path("$.at"), format: TimeFormat::UnixSeconds });
    })
}

#[test]
fn missing_or_unreadable_is_the_record_timestamp_but_no_later_than_the_clock() {
    rule(by_field(mode(count(1), Mode::Every)))
        .at(100.0, r#"{"a":1,"at":50}"#)
        .at(200.0, r#"{"a":1}"#)
        .at(40.0, r#"{"a":1,"at":"soon"}"#)
        .says(&["50s firing 1", "50s firing 2", "40s firing 3 late"]);
}

#[test]
fn before_there_is_a_readable_time_the_record_timestamps_drive_the_clock() {
    rule(by_field(mode(count(1), Mode::Every)))
        .at(100.0, r#"{"a":1}"#)
        .at(200.0, r#"{"a":1}"#)
        .at(300.0, r#"{"a":1,"at":90}"#)
        .says(&["100s firing 1", "200s firing 2", "90s firing 3 late"]);
}

#[test]
fn all_accepted_events_of_the_customer_move_the_clock_matching_or_not() {
    rule(over(Window::Sliding(span("10s")), 1)).ones(&[0.0]).at(30.0, r#"{"a":0}"#).ones(&[5.0]).says(&[
        "0s firing 1",
        // At 30 the window is empty again, so the rule is armed; 5 + 10 is over, so the late event is refused.
    ]);
}

#[test]
fn no_other_customers_event_times_move_it() {
    let other = "11111111-1111-4111-8111-111111111111";
    let sequence = pattern(PatternKind::Absence, &["$.a == 1", "$.a == 2"], Some("10s"));
    rule(sequence).ones(&[0.0]).of(other, 100.0, r#"{"a":0}"#).at(9.0, r#"{"a":2}"#).says(&[]);
}

#[test]
fn a_deadline_expiry_or_window_end_belongs_to_what_comes_after_it() {
    // The event at 0 has left the window when the one at 10 comes.
    rule(over(Window::Sliding(span("10s")), 2)).ones(&[0.0, 10.0, 19.999]).says(&["19.999s firing 2"]);
    rule(over(Window::Tumbling(span("10s")), 2)).ones(&[9.0, 10.0, 19.0]).says(&["19s firing 2"]);
    rule(over(Window::Session(span("10s")), 2)).ones(&[0.0, 10.0, 19.0]).says(&["19s firing 2"]);
}

#[test]
fn timers_fire_before_the_event_that_moved_the_clock_in_order_of_time_then_alert() {
    let absence = |alert: &str, within: &str| {
        with(pattern(PatternKind::Absence, &["$.a == 1", "$.a == 2"], Some(within)), |rule| {
            rule.key.alert = alert.parse().unwrap();
            rule.name = within.to_owned();
        })
    };
    let alert = |digit: char| ALERT.replace('b', &digit.to_string());
    let rules = [absence(&alert('3'), "5s"), absence(&alert('2'), "5000ms"), absence(&alert('1'), "6s")];
    let records = under(rules).ones(&[0.0]).at(60.0, r#"{"a":1}"#).records();
    let names: Vec<&str> = records.iter().map(|record| record["alertName"].as_str().unwrap()).collect();
    assert_eq!(names, ["5000ms", "5s", "6s"]);
    assert_eq!(records[0]["ingestTime"], "1970-01-01T00:01:00.000Z");
}

#[test]
fn conclusions_from_something_not_having_come_wait_for_lateness_and_keep_their_time() {
    let rule_late = || lateness(pattern(PatternKind::Absence, &["$.a == 1", "$.a == 2"], Some("10s")), "5s");
    // At 14.9 it is still open, and an end that happened in time prevents it.
    rule(rule_late()).ones(&[0.0]).at(14.9, r#"{"a":0}"#).at(9.9, r#"{"a":2}"#).at(50.0, "{}").says(&[]);
    // At 15 it is concluded.
    rule(rule_late()).ones(&[0.0]).at(15.0, r#"{"a":0}"#).at(9.9, r#"{"a":2}"#).says(&["10s firing 10000"]);
}

#[test]
fn at_the_end_nothing_waits_for_lateness() {
    let absence = || lateness(pattern(PatternKind::Absence, &["$.a == 1", "$.a == 2"], Some("10s")), "5s");
    rule(absence()).ones(&[0.0]).at(12.0, "{}").says(&["10s firing 10000"]);
    rule(absence()).ones(&[0.0]).at(9.0, "{}").says(&[]);
    rule(absence()).ones(&[0.0]).until(10.0).says(&["10s firing 10000"]);
}

#[test]
fn every_clock_moves_to_the_greatest_event_time_over_all_customers() {
    let other = "11111111-1111-4111-8111-111111111111";
    let absence = pattern(PatternKind::Absence, &["$.a == 1", "$.a == 2"], Some("10s"));
    rule(absence).ones(&[0.0]).of(other, 100.0, "{}").says(&["10s firing 10000"]);
}

#[test]
fn drop_refuses_what_is_later_than_the_lateness() {
    let rule_drop = with(lateness(mode(count(1), Mode::Every), "5s"), |rule| {
        rule.timing.late_policy = LatePolicy::Drop;
    });
    rule(rule_drop).ones(&[20.0, 15.0, 14.999]).says(&["20s firing 1", "15s firing 2 late"]);
}

#[test]
fn apply_refuses_only_when_its_window_ended_lateness_or_more_before_the_clock() {
    let every = |window: Window| mode(lateness(over(window, 1), "5s"), Mode::Every);
    // [0, 10) ended at 10; at 15 that is the lateness ago.
    let tumbling = || every(Window::Tumbling(span("10s")));
    rule(tumbling()).ones(&[14.999, 9.0]).says(&["14.999s firing 1", "10s firing 1 late"]);
    rule(tumbling()).ones(&[15.0, 9.0]).says(&["15s firing 1"]);
    // [9, 19) of a sliding window: it is judged where it is accepted, here the present one holds.
    let sliding = || every(Window::Sliding(span("10s")));
    rule(sliding()).ones(&[23.999, 9.0]).says(&["23.999s firing 1", "9s firing 1 late"]);
    rule(sliding()).ones(&[24.0, 9.0]).says(&["24s firing 1"]);
    // All time has no end.
    rule(mode(count(1), Mode::Every)).ones(&[1000.0, 1.0]).says(&["1000s firing 1", "1s firing 2 late"]);
}

#[test]
fn a_session_is_late_after_merging() {
    let session = || mode(lateness(over(Window::Session(span("10s")), 1), "0s"), Mode::Every);
    // 0 alone ended at 10; between 0 and 15 the event at 7 makes one session of all three, which is the present one.
    rule(session()).ones(&[0.0, 15.0, 7.0]).says(&["0s firing 1", "15s firing 1", "7s firing 3 late"]);
    rule(session()).ones(&[0.0, 15.0, 3.0]).says(&["0s firing 1", "15s firing 1"]);
}
