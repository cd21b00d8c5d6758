//! Absence: deadlines, what prevents them, what resolves them.

use rules::Mode;

use super::*;

fn absence() -> Rule {
    pattern(PatternKind::Absence, &["$.a == 1", "$.a == 2"], Some("10s"))
}

fn story(made: Rule, events: &[(f64, i64)]) -> Story {
    events.iter().fold(rule(made), |story, (at, a)| story.at(*at, &format!(r#"{{"a":{a}}}"#)))
}

#[test]
fn a_start_opens_a_deadline_and_in_time_is_before_it() {
    story(absence(), &[(0.0, 1), (9.999, 2), (60.0, 0)]).says(&[]);
    story(absence(), &[(0.0, 1), (10.0, 2), (60.0, 0)]).says(&["10s firing 10000"]);
}

#[test]
fn further_starts_are_ignored_until_an_end_or_the_deadline() {
    story(absence(), &[(0.0, 1), (5.0, 1), (60.0, 0)]).says(&["10s firing 10000"]);
    story(absence(), &[(0.0, 1), (5.0, 1), (6.0, 2), (60.0, 0)]).says(&[]);
    story(absence(), &[(0.0, 1), (5.0, 2), (6.0, 1), (60.0, 0)]).says(&["16s firing 10000"]);
    story(absence(), &[(0.0, 1), (10.0, 1), (60.0, 0)]).says(&["10s firing 10000", "20s firing 10000"]);
}

#[test]
fn until_voids_the_deadline() {
    let until = || with(absence(), |rule| pattern_of(rule).until = Some(stated("$.a == 9")));
    story(until(), &[(0.0, 1), (5.0, 9), (60.0, 0)]).says(&[]);
    story(until(), &[(0.0, 1), (10.0, 9), (60.0, 0)]).says(&["10s firing 10000"]);
}

#[test]
fn an_event_that_is_end_and_start_ends_first() {
    let both = || pattern(PatternKind::Absence, &["$.a == 1", "$.a in [1, 2]"], Some("10s"));
    story(both(), &[(0.0, 1), (5.0, 1), (14.0, 0)]).says(&[]);
    story(both(), &[(0.0, 1), (5.0, 1), (15.0, 0)]).says(&["15s firing 10000"]);
}

#[test]
fn a_late_event_re_orders_what_is_still_undecided() {
    let late = || lateness(absence(), "5s");
    // The end at 4 was before the start at 5, so nothing ends.
    story(late(), &[(5.0, 1), (4.0, 2), (60.0, 0)]).says(&["15s firing 10000"]);
    // The start at 1 comes before the one that was known.
    story(late(), &[(5.0, 1), (1.0, 1), (12.0, 2), (60.0, 0)]).says(&["11s firing 10000"]);
    // An until at 12 does not undo the deadline at 11, though it comes before the conclusion.
    let until = with(late(), |rule| pattern_of(rule).until = Some(stated("$.a == 9")));
    story(until, &[(1.0, 1), (12.0, 9), (60.0, 0)]).says(&["11s firing 10000"]);
}

#[test]
fn what_has_been_concluded_stays() {
    story(absence(), &[(0.0, 1), (11.0, 0), (8.0, 2), (60.0, 0)]).says(&["10s firing 10000"]);
}

fn resolving() -> Rule {
    resolve(mode(absence(), Mode::Once), None, None, Some(1))
}

#[test]
fn a_late_finish_resolves_with_the_time_it_took() {
    story(resolving(), &[(0.0, 1), (12.0, 2)]).says(&["10s firing 10000", "12s resolved 12000"]);
}

#[test]
fn on_step_of_absence_is_at_or_after_the_start() {
    // It was in time, but came after the conclusion.
    story(resolving(), &[(1.0, 1), (12.0, 0), (8.0, 2)]).says(&["11s firing 10000", "8s resolved 7000 late"]);
    story(resolving(), &[(1.0, 1), (11.5, 0), (0.5, 2)]).says(&["11s firing 10000"]);
}

#[test]
fn a_finish_between_the_deadline_and_its_conclusion_resolves_at_once() {
    story(lateness(resolving(), "5s"), &[(0.0, 1), (12.0, 2), (15.0, 0)])
        .says(&["10s firing 10000", "12s resolved 12000"]);
}

#[test]
fn while_an_episode_of_once_is_open_another_deadline_does_not_fire() {
    story(resolving(), &[(0.0, 1), (10.0, 1), (20.0, 1), (25.0, 2), (26.0, 1), (40.0, 0)]).says(&[
        "10s firing 10000",
        "25s resolved 25000",
        "36s firing 10000",
    ]);
}

#[test]
fn resolve_after_counts_from_the_clock_of_the_firing() {
    let made = lateness(resolve(mode(absence(), Mode::Once), None, Some("3s"), None), "5s");
    // Concluded when the clock has come to 15.
    story(made, &[(0.0, 1), (60.0, 0)]).says(&["10s firing 10000", "18s resolved 10000"]);
}
