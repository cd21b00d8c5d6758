//! `maxPerHour`, scope and status.

use rules::{Mode, Override, Status};

use super::*;

fn few(rule: Rule, most: u32) -> Rule {
    with(rule, |rule| rule.policy.max_per_hour = Some(most))
}

#[test]
fn at_the_hours_end_one_record_tells_how_many_were_withheld() {
    let made = few(grouped(mode(count(1), Mode::Every), "$.k"), 2);
    let event = r#"{"a":1,"k":"x"}"#;
    let story =
        rule(made).at(3598.0, event).at(3598.0, event).at(3599.0, event).at(3599.0, event).at(3600.0, event);
    story.says(&[
        r#"3598s firing 1 {"k":"x"}"#,
        r#"3598s firing 2 {"k":"x"}"#,
        "3600s suppressed 2",
        r#"3600s firing 5 {"k":"x"}"#,
    ]);
    assert_eq!(story.records()[2]["group"], serde_json::json!({}));
}

#[test]
fn an_episode_whose_firing_was_withheld_stays_silent_and_resolved_is_never_withheld() {
    let falling = aggregate(1, |made| made.decrement = Some(change("$.a == 2", None)));
    let made = few(grouped(resolve(falling, Some(below("1")), None, None), "$.k"), 1);
    rule(made)
        .at(0.0, r#"{"a":1,"k":"x"}"#)
        .at(1.0, r#"{"a":1,"k":"y"}"#)
        .at(2.0, r#"{"a":2,"k":"y"}"#)
        .at(3.0, r#"{"a":2,"k":"x"}"#)
        .at(3600.0, "{}")
        .says(&[r#"0s firing 1 {"k":"x"}"#, r#"3s resolved 0 {"k":"x"}"#, "3600s suppressed 1"]);
}

#[test]
fn the_hour_is_that_of_the_clock() {
    // Late by an hour, it counts into the hour in which it came.
    rule(few(mode(count(1), Mode::Every), 1))
        .ones(&[3600.0, 10.0])
        .until(7200.0)
        .says(&["3600s firing 1", "7200s suppressed 1"]);
}

#[test]
fn a_global_rule_counts_each_customer_apart_within_its_scope_and_overrides() {
    let [strict, usual, out, paused] = ['1', '2', '3', '4']
        .map(|digit| "11111111-1111-4111-8111-111111111111".replace('1', &digit.to_string()));
    let made = with(mode(count(2), Mode::Every), |rule| {
        rule.key.customer = CustomerId::GLOBAL;
        rule.scope.exclude.insert(out.parse().unwrap());
        let threshold = Some(Limits::at_least(amount("1")));
        rule.scope.overrides.insert(strict.parse().unwrap(), Override { threshold, ..Override::default() });
        let status = Some(Status::Paused);
        rule.scope.overrides.insert(paused.parse().unwrap(), Override { status, ..Override::default() });
    });
    let story = [&strict, &usual, &out, &paused].iter().fold(under([made]), |story, customer| {
        story.of(customer, 0.0, r#"{"a":1}"#).of(customer, 1.0, r#"{"a":1}"#)
    });
    story.says(&["0s firing 1", "1s firing 2", "1s firing 2"]);
    let records = story.records();
    assert_eq!(records[0]["customerId"], strict.as_str());
    assert_eq!(records[0]["threshold"], serde_json::json!({"gte": 1}));
    assert_eq!(records[2]["customerId"], usual.as_str());
}

#[test]
fn include_names_the_only_ones_and_exclude_wins() {
    let made = |exclude: bool| {
        with(count(1), |rule| {
            let owner: CustomerId = OWNER.parse().unwrap();
            rule.key.customer = CustomerId::GLOBAL;
            rule.scope.include.insert(owner);
            if exclude {
                rule.scope.exclude.insert(owner);
            }
        })
    };
    let other = "11111111-1111-4111-8111-111111111111";
    rule(made(false)).ones(&[0.0]).of(other, 0.0, r#"{"a":1}"#).says(&["0s firing 1"]);
    rule(made(true)).ones(&[0.0]).says(&[]);
}

#[test]
fn a_shadow_rule_speaks_and_is_marked() {
    let records = rule(with(count(1), |rule| rule.status = Status::Shadow)).ones(&[0.0]).records();
    assert_eq!(records[0]["origin"], "shadow");
    for status in [Status::Draft, Status::Paused, Status::Retired] {
        rule(with(count(1), |rule| rule.status = status)).ones(&[0.0]).says(&[]);
    }
}

#[test]
fn a_later_rule_with_the_same_key_replaces_the_earlier() {
    under([count(1), count(2)]).ones(&[0.0, 1.0]).says(&["1s firing 2"]);
}
