//! Patterns: sequence, all, atLeast, until.

use rules::Mode;

use super::*;

const STEPS: [&str; 3] = ["$.a == 1", "$.a == 2", "$.a == 3"];

fn sequence(within: &str) -> Rule {
    pattern(PatternKind::Sequence, &STEPS[..2], Some(within))
}

fn all(within: Option<&str>) -> Rule {
    pattern(PatternKind::All, &STEPS[..2], within)
}

fn story(made: Rule, events: &[(f64, i64)]) -> Story {
    events.iter().fold(rule(made), |story, (at, a)| story.at(*at, &format!(r#"{{"a":{a}}}"#)))
}

#[test]
fn a_sequence_has_its_steps_in_order_and_ignores_others_between() {
    story(sequence("10s"), &[(0.0, 2), (1.0, 1), (2.0, 0), (3.0, 2)]).says(&["3s firing 2000"]);
}

#[test]
fn among_candidates_the_latest_start() {
    story(sequence("10s"), &[(0.0, 1), (1.0, 1), (3.0, 2)]).says(&["3s firing 2000"]);
}

#[test]
fn two_events_are_within_a_time_when_they_are_less_than_it_apart() {
    story(sequence("10s"), &[(0.0, 1), (10.0, 2)]).says(&[]);
    story(sequence("10s"), &[(0.0, 1), (9.999, 2)]).says(&["9.999s firing 9999"]);
    story(all(Some("10s")), &[(0.0, 1), (10.0, 2)]).says(&[]);
}

#[test]
fn one_event_serves_one_step_of_a_sequence_and_several_of_all() {
    let both = |kind| pattern(kind, &["$.a == 1", "$.a == 1"], Some("10s"));
    story(both(PatternKind::Sequence), &[(0.0, 1)]).says(&[]);
    story(both(PatternKind::Sequence), &[(0.0, 1), (0.0, 1)]).says(&["0s firing 0"]);
    story(both(PatternKind::All), &[(0.0, 1)]).says(&["0s firing 0"]);
}

#[test]
fn min_is_that_many_events() {
    let twice = || with(sequence("10s"), |rule| pattern_of(rule).steps[0].min = Some(2));
    story(twice(), &[(0.0, 1), (1.0, 2), (2.0, 1), (3.0, 2)]).says(&["3s firing 3000"]);
}

#[test]
fn a_completion_consumes_all_events_up_to_its_last_one_also_late_ones() {
    story(sequence("10s"), &[(0.0, 1), (1.0, 1), (3.0, 2), (4.0, 2), (5.0, 1), (6.0, 2)])
        .says(&["3s firing 2000", "6s firing 1000"]);
    // The late one is before the completion, so it serves nothing any more.
    story(sequence("10s"), &[(0.0, 1), (3.0, 2), (2.0, 1), (4.0, 2)]).says(&["3s firing 3000"]);
}

#[test]
fn step_events_are_taken_in_the_order_of_their_times_at_each_arrival() {
    // The late first step completes the sequence at the time of its last.
    story(sequence("10s"), &[(5.0, 2), (4.0, 1)]).says(&["5s firing 1000 late"]);
    story(sequence("10s"), &[(5.0, 2), (6.0, 1)]).says(&[]);
}

#[test]
fn until_voids_everything_before_it() {
    let until = |rule| with(rule, |rule| pattern_of(rule).until = Some(stated("$.a == 9")));
    story(until(sequence("10s")), &[(0.0, 1), (1.0, 9), (2.0, 2)]).says(&[]);
    // Late, it voids what happened before it.
    story(until(sequence("10s")), &[(0.0, 1), (2.0, 0), (1.0, 9), (3.0, 2)]).says(&[]);
    story(until(sequence("10s")), &[(1.0, 1), (2.0, 0), (0.5, 9), (3.0, 2)]).says(&["3s firing 2000"]);
    story(until(all(None)), &[(0.0, 1), (1.0, 9), (2.0, 2), (3.0, 1)]).says(&["3s firing 1000"]);
}

#[test]
fn all_and_at_least_look_back_over_the_trailing_time() {
    story(all(Some("10s")), &[(0.0, 2), (5.0, 1)]).says(&["5s firing 5000"]);
    story(all(None), &[(0.0, 2), (500.0, 1)]).says(&["500s firing 500000"]);
    let two = pattern(PatternKind::AtLeast(2), &STEPS, Some("10s"));
    story(two, &[(0.0, 3), (1.0, 3), (2.0, 1), (3.0, 2)]).says(&["2s firing 2000"]);
}

#[test]
fn entity_path_counts_distinct_ids() {
    let made = with(all(Some("10s")), |rule| {
        let step = &mut pattern_of(rule).steps[1];
        (step.min, step.entity_path) = (Some(2), Some(path("$.e")));
    });
    rule(made)
        .at(0.0, r#"{"a":1}"#)
        .at(1.0, r#"{"a":2,"e":"x"}"#)
        .at(2.0, r#"{"a":2,"e":"x"}"#)
        .at(3.0, r#"{"a":2}"#)
        .at(4.0, r#"{"a":2,"e":"y"}"#)
        .says(&["4s firing 4000"]);
}

fn announced() -> Rule {
    with(all(None), |rule| pattern_of(rule).steps[0].expected_count_path = Some(path("$.n")))
}

#[test]
fn expected_count_replaces_min_of_every_other_step_and_the_latest_announcement_counts() {
    rule(announced())
        .at(0.0, r#"{"a":2}"#)
        .at(1.0, r#"{"a":1,"n":3}"#)
        .at(2.0, r#"{"a":2}"#)
        .at(3.0, r#"{"a":1,"n":2.0}"#)
        .says(&["3s firing 3000"]);
    // An older announcement that comes late does not count.
    rule(announced()).at(1.0, r#"{"a":1,"n":2}"#).at(2.0, r#"{"a":2}"#).at(0.0, r#"{"a":1,"n":1}"#).says(&[]);
    rule(announced()).at(1.0, r#"{"a":1,"n":0}"#).says(&["1s firing 0"]);
}

#[test]
fn an_announcement_that_is_no_integer_does_not_match() {
    let story = ["-1", "1.5", "\"1\"", "null", "[1]"]
        .iter()
        .fold(rule(announced()).at(0.0, r#"{"a":2}"#), |story, n| {
            story.at(1.0, &format!(r#"{{"a":1,"n":{n}}}"#))
        });
    story.says(&[]);
}

#[test]
fn on_step_resolves_at_an_event_of_the_step_after_the_completion() {
    let once = || resolve(mode(sequence("10s"), Mode::Once), None, None, Some(0));
    story(once(), &[(0.0, 1), (3.0, 2), (2.0, 1), (5.0, 1), (6.0, 2)]).says(&[
        "3s firing 3000",
        "5s resolved 5000",
        "6s firing 1000",
    ]);
}

#[test]
fn an_event_that_resolves_an_episode_does_not_fire_the_next() {
    let once = || resolve(mode(sequence("10s"), Mode::Once), None, None, Some(1));
    story(once(), &[(0.0, 1), (1.0, 2), (2.0, 1), (3.0, 2), (4.0, 1), (5.0, 2)]).says(&[
        "1s firing 1000",
        "3s resolved 3000",
        "5s firing 1000",
    ]);
}

#[test]
fn a_repeat_within_an_unresolved_cooldown_episode_is_an_update() {
    let made = || resolve(mode(sequence("10s"), Mode::Cooldown(span("4s"))), None, None, Some(0));
    // Without a start between there is no completion; the start resolves, so each completion fires anew after the cooldown.
    story(made(), &[(0.0, 1), (1.0, 2), (2.0, 1), (3.0, 2), (5.0, 1), (6.0, 2)]).says(&[
        "1s firing 1000",
        "2s resolved 2000",
        "6s firing 1000",
    ]);
}
