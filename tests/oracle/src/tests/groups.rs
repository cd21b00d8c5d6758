//! Identity, exceptions and groups.

use rules::{EventId, Exception, MissingGroup, Mode, Window};

use super::*;

fn named(rule: Rule, retention: &str) -> Rule {
    with(rule, |rule| rule.event_id = Some(EventId { path: path("$.id"), retention: span(retention) }))
}

#[test]
fn ids_are_kept_until_the_clock_reaches_their_time_and_retention_and_a_repeat_does_not_prolong_it() {
    rule(named(mode(count(1), Mode::Every), "10s"))
        .at(0.0, r#"{"a":1,"id":"x"}"#)
        .at(9.0, r#"{"a":1,"id":"x"}"#)
        .at(10.0, r#"{"a":1,"id":"x"}"#)
        .at(19.0, r#"{"a":1,"id":"x"}"#)
        .says(&["0s firing 1", "10s firing 2"]);
}

#[test]
fn ids_are_recorded_only_when_the_event_was_applied() {
    let grouped = grouped(named(mode(count(1), Mode::Every), "10s"), "$.k");
    rule(grouped)
        .at(0.0, r#"{"a":0,"id":"x","k":1}"#)
        .at(1.0, r#"{"a":1,"id":"x"}"#)
        .at(2.0, r#"{"a":1,"id":"x","k":1}"#)
        .at(3.0, r#"{"a":1,"id":"x","k":2}"#)
        .says(&[r#"2s firing 1 {"k":1}"#]);
}

#[test]
fn missing_null_or_not_scalar_is_no_check() {
    let rule = rule(named(count(7), "1h"));
    let ids = [
        "",
        r#","id":null"#,
        r#","id":[1]"#,
        r#","id":null"#,
        r#","id":1"#,
        r#","id":1.0"#,
        r#","id":"1""#,
        r#","id":true"#,
    ];
    let story = ids.iter().enumerate().fold(rule, |story, (at, id)| {
        let at = u32::try_from(at).unwrap();
        story.at(f64::from(at), &format!(r#"{{"a":1{id}}}"#))
    });
    // Eight events, of which 1.0 repeats 1.
    story.says(&["7s firing 7"]);
}

#[test]
fn an_exception_in_force_removes_the_event_from_every_part_of_the_rule() {
    let excepting = with(pattern(PatternKind::Sequence, &["$.a == 1", "$.a == 2"], Some("10s")), |rule| {
        rule.exceptions = vec![Exception {
            condition: stated("$.test == true"),
            reason: None,
            owner: None,
            expires_at: Some(Timestamp(5_000)),
        }];
        pattern_of(rule).until = Some(stated("$.a == 3"));
    });
    rule(excepting)
        .at(0.0, r#"{"a":1}"#)
        .at(3.0, r#"{"a":3,"test":true}"#)
        .at(4.999, r#"{"a":2,"test":true}"#)
        .at(5.0, r#"{"a":2,"test":true}"#)
        .says(&["5s firing 5000"]);
}

#[test]
fn one_and_one_point_zero_are_one_group_and_the_string_another() {
    rule(grouped(count(2), "$.k"))
        .at(0.0, r#"{"a":1,"k":1}"#)
        .at(1.0, r#"{"a":1,"k":"1"}"#)
        .at(2.0, r#"{"a":1,"k":1.0}"#)
        .says(&[r#"2s firing 2 {"k":1}"#]);
}

#[test]
fn a_missing_key_skips_the_event_or_is_null() {
    let missing = |missing| with(grouped(count(1), "$.k"), |rule| rule.grouping.missing = missing);
    rule(missing(MissingGroup::Skip)).at(0.0, r#"{"a":1,"k":null}"#).says(&[]);
    rule(missing(MissingGroup::Null)).at(0.0, r#"{"a":1,"k":{}}"#).says(&[r#"0s firing 1 {"k":null}"#]);
}

#[test]
fn a_path_with_several_nodes_fans_out_in_their_order() {
    rule(grouped(count(1), "$.k[*]"))
        .at(0.0, r#"{"a":1,"k":["y","x","y"]}"#)
        .says(&[r#"0s firing 1 {"k":"y"}"#, r#"0s firing 1 {"k":"x"}"#]);
}

#[test]
fn groups_share_no_state_and_expire_apart() {
    let sliding = grouped(over(Window::Sliding(span("10s")), 2), "$.k");
    rule(sliding)
        .at(0.0, r#"{"a":1,"k":"x"}"#)
        .at(1.0, r#"{"a":1,"k":"y"}"#)
        .at(10.0, r#"{"a":1,"k":"x"}"#)
        .at(10.5, r#"{"a":1,"k":"y"}"#)
        .says(&[r#"10.5s firing 2 {"k":"y"}"#]);
}

#[test]
fn a_new_group_beyond_max_groups_is_refused_and_counted_into_the_hours_summary() {
    let few = with(grouped(count(1), "$.k"), |rule| rule.grouping.max = 1);
    rule(few)
        .at(0.0, r#"{"a":1,"k":"x"}"#)
        .at(1.0, r#"{"a":1,"k":"y"}"#)
        .at(2.0, r#"{"a":1,"k":"z"}"#)
        .at(3700.0, "{}")
        .says(&[r#"0s firing 1 {"k":"x"}"#, "3600s suppressed 2"]);
}
