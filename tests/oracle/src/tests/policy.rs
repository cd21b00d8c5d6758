//! Policy: once, every, cooldown, perWindow, rearm, resolve, for.

use rules::{Mode, Window};

use super::*;

fn falling(least: i64) -> Rule {
    mode(aggregate(least, |made| made.decrement = Some(change("$.a == 2", None))), Mode::Once)
}

fn story(made: Rule, events: &[(f64, i64)]) -> Story {
    events.iter().fold(rule(made), |story, (at, a)| story.at(*at, &format!(r#"{{"a":{a}}}"#)))
}

#[test]
fn defaults() {
    rule(count(2)).ones(&[0.0, 1.0, 2.0]).says(&["1s firing 2"]);
    // Sliding: armed again when the threshold no longer holds.
    rule(over(Window::Sliding(span("10s")), 2))
        .ones(&[0.0, 1.0, 11.0, 12.0])
        .says(&["1s firing 2", "12s firing 2"]);
    for window in [Window::Tumbling(span("10s")), Window::Session(span("5s"))] {
        rule(over(window, 1)).ones(&[0.0, 1.0, 11.0, 12.0]).says(&["0s firing 1", "11s firing 1"]);
    }
}

#[test]
fn with_neither_rearm_nor_resolve_once_is_for_ever() {
    story(falling(2), &[(0.0, 1), (1.0, 1), (2.0, 2), (3.0, 1)]).says(&["1s firing 2"]);
}

#[test]
fn rearm_arms_again_and_the_judgement_that_re_arms_does_not_fire() {
    let made = rearm(falling(3), below("2"));
    story(made, &[(0.0, 1), (1.0, 1), (2.0, 1), (3.0, 2), (4.0, 1), (5.0, 2), (6.0, 2), (7.0, 1), (8.0, 1)])
        .says(&["2s firing 3", "8s firing 3"]);
}

#[test]
fn with_resolve_too_rearm_counts_after_it_resolved() {
    // Resolved below 1, armed again below 3: the value of 2 comes before it is resolved and does not arm.
    let made = resolve(rearm(falling(3), below("3")), Some(below("1")), None, None);
    story(made, &[(0.0, 1), (1.0, 1), (2.0, 1), (3.0, 2), (4.0, 1), (5.0, 2), (6.0, 2), (7.0, 2)])
        .says(&["2s firing 3", "7s resolved 0"]);
    // The judgement that resolves may arm.
    let made = resolve(rearm(falling(2), below("2")), Some(below("2")), None, None);
    story(made, &[(0.0, 1), (1.0, 1), (2.0, 2), (3.0, 1)]).says(&[
        "1s firing 2",
        "2s resolved 1",
        "3s firing 2",
    ]);
}

#[test]
fn without_rearm_until_it_resolved() {
    let made = resolve(falling(2), Some(below("1")), None, None);
    story(made, &[(0.0, 1), (1.0, 1), (2.0, 2), (3.0, 1), (4.0, 2), (5.0, 2), (6.0, 1), (7.0, 1)]).says(&[
        "1s firing 2",
        "5s resolved 0",
        "7s firing 2",
    ]);
}

#[test]
fn resolve_after_counts_from_the_last_contribution_at_which_the_threshold_held() {
    let made = || resolve(falling(2), None, Some("5s"), None);
    story(made(), &[(0.0, 1), (1.0, 1), (4.0, 1), (20.0, 1)]).says(&[
        "1s firing 2",
        "9s resolved 3",
        "20s firing 4",
    ]);
    // At 4 the value is 1, which does not hold.
    story(made(), &[(0.0, 1), (1.0, 1), (4.0, 2), (20.0, 0)]).says(&["1s firing 2", "6s resolved 1"]);
}

#[test]
fn every_contribution_while_the_threshold_holds_is_a_firing_of_its_own() {
    let made = mode(falling(2), Mode::Every);
    let story = story(made, &[(0.0, 1), (1.0, 1), (2.0, 1), (3.0, 2), (4.0, 2), (5.0, 1)]);
    story.says(&["1s firing 2", "2s firing 3", "3s firing 2", "5s firing 2"]);
    let records = story.records();
    assert_ne!(records[0]["alertInstanceId"], records[1]["alertInstanceId"]);
}

#[test]
fn every_is_for_contributions_and_not_for_expiry() {
    let few = aggregate(1, |made| (made.window, made.threshold) = (Window::Sliding(span("10s")), below("2")));
    rule(mode(few, Mode::Every)).ones(&[1.0, 2.0]).until(60.0).says(&["1s firing 1"]);
}

#[test]
fn cooldown_is_at_least_so_much_clock_after_the_last_one() {
    rule(mode(count(1), Mode::Cooldown(span("10s")))).ones(&[0.0, 9.999, 10.0, 15.0, 30.0]).says(&[
        "0s firing 1",
        "10s firing 3",
        "30s firing 5",
    ]);
}

#[test]
fn while_a_cooldown_episode_is_unresolved_a_repeat_is_updated() {
    let made = resolve(mode(falling(1), Mode::Cooldown(span("10s"))), Some(below("1")), None, None);
    let story =
        story(made, &[(0.0, 1), (5.0, 1), (10.0, 1), (11.0, 2), (12.0, 2), (13.0, 2), (14.0, 1), (20.0, 1)]);
    story.says(&["0s firing 1", "10s updated 3", "13s resolved 0", "20s firing 2"]);
    let ids: Vec<_> = story.records().iter().map(|record| record["alertInstanceId"].clone()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3]);
}

#[test]
fn per_window_is_one_firing_per_group_and_window() {
    rule(lateness(over(Window::Tumbling(span("10s")), 2), "10s"))
        .ones(&[1.0, 2.0, 3.0, 11.0, 4.0, 12.0])
        .says(&["2s firing 2", "12s firing 2"]);
}

fn held(least: i64) -> Rule {
    with(resolve(falling(least), Some(below("1")), None, None), |rule| rule.policy.hold = Some(span("10s")))
}

#[test]
fn for_fires_when_the_threshold_held_without_interruption() {
    story(held(1), &[(0.0, 1), (5.0, 1), (12.0, 0)]).says(&["10s firing 2"]);
    // Interrupted at 5, it begins again at 6.
    story(held(1), &[(0.0, 1), (5.0, 2), (6.0, 1), (15.0, 0)]).says(&[]);
    story(held(1), &[(0.0, 1), (5.0, 2), (6.0, 1), (16.0, 0)]).says(&["16s firing 1"]);
    // What ends at the very moment was not interrupted before it.
    story(held(1), &[(0.0, 1), (10.0, 2)]).says(&["10s firing 1", "10s resolved 0"]);
}

#[test]
fn a_change_of_value_comes_before_for_at_one_moment() {
    let made = with(over(Window::Sliding(span("10s")), 1), |rule| rule.policy.hold = Some(span("10s")));
    rule(made).ones(&[0.0]).until(60.0).says(&[]);
    let made = with(over(Window::Sliding(span("10s")), 1), |rule| rule.policy.hold = Some(span("9999ms")));
    rule(made).ones(&[0.0]).until(60.0).says(&["9.999s firing 1"]);
}

#[test]
fn updated_comes_from_a_live_set_whose_members_change_while_an_episode_of_once_is_open() {
    let made = aggregate(2, |made| {
        made.entity_path = Some(path("$.e"));
        made.decrement = Some(change("$.a == 2", None));
    });
    rule(resolve(made, Some(below("1")), None, None))
        .at(0.0, r#"{"a":1,"e":"x"}"#)
        .at(1.0, r#"{"a":1,"e":"y"}"#)
        .at(2.0, r#"{"a":1,"e":"y"}"#)
        .at(3.0, r#"{"a":1,"e":"z"}"#)
        .at(4.0, r#"{"a":2,"e":"x"}"#)
        .at(5.0, r#"{"a":2,"e":"y"}"#)
        .at(6.0, r#"{"a":2,"e":"z"}"#)
        .says(&["1s firing 2", "3s updated 3", "4s updated 2", "5s updated 1", "6s resolved 0"]);
    // A plain value that moves says nothing.
    rule(count(2)).ones(&[0.0, 1.0, 2.0]).says(&["1s firing 2"]);
}
