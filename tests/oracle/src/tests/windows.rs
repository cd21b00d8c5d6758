//! Windows: running and closing values, late contributions.

use rules::{Function, LatePolicy, Mode, Window};

use super::*;

fn tumbling() -> Window {
    Window::Tumbling(span("10s"))
}

fn sliding() -> Window {
    Window::Sliding(span("10s"))
}

fn session() -> Window {
    Window::Session(span("10s"))
}

#[test]
fn running_values_fire_on_crossing() {
    for window in [Window::Total, tumbling(), sliding(), session()] {
        rule(over(window, 2)).ones(&[1.0, 2.0, 3.0]).says(&["2s firing 2"]);
    }
}

#[test]
fn running_values_are_judged_by_time_whenever_they_change() {
    let resolving = |window: Window| resolve(mode(over(window, 2), Mode::Once), Some(below("2")), None, None);
    // Expiry, window end, session end.
    rule(resolving(sliding())).ones(&[1.0, 2.0]).until(60.0).says(&["2s firing 2", "11s resolved 1"]);
    rule(resolving(tumbling())).ones(&[1.0, 2.0]).until(60.0).says(&["2s firing 2", "10s resolved 0"]);
    rule(resolving(session())).ones(&[1.0, 2.0]).until(60.0).says(&["2s firing 2", "12s resolved 0"]);
}

#[test]
fn a_falling_value_crosses_by_time() {
    let few = aggregate(1, |made| (made.window, made.threshold) = (sliding(), below("2")));
    // 1 is below 2, 2 is not, and at 11 there is one left.
    rule(few).ones(&[1.0, 2.0]).until(60.0).says(&["1s firing 1", "11s firing 1"]);
}

#[test]
fn closing_values_are_judged_once_when_the_window_closes() {
    let few = |window: Window| aggregate(1, |made| (made.window, made.threshold) = (window, below("3")));
    rule(few(tumbling())).ones(&[1.0, 2.0, 11.0, 12.0, 13.0]).until(60.0).says(&["10s firing 2"]);
    rule(few(session())).ones(&[1.0, 2.0, 12.0]).until(60.0).says(&["12s firing 2", "22s firing 1"]);
}

#[test]
fn a_window_without_contributions_is_not_judged() {
    let none = aggregate(1, |made| (made.window, made.threshold) = (tumbling(), below("1")));
    rule(none).at(0.0, r#"{"a":0}"#).until(60.0).says(&[]);
}

#[test]
fn which_values_run_and_which_close() {
    let made = |function: Function, comparator: Comparator| {
        aggregate(1, |made| {
            (made.function, made.path) = (function, Some(path("$.n")));
            (made.window, made.threshold) = (tumbling(), limit(comparator, "1"));
        })
    };
    let story = |rule_made: Rule| rule(rule_made).at(1.0, r#"{"a":1,"n":1}"#).until(10.0);
    for function in [Function::Count, Function::Sum, Function::Distinct, Function::Max] {
        story(made(function, Comparator::Gte)).says(&["1s firing 1"]);
        story(made(function, Comparator::Lte)).says(&["10s firing 1"]);
    }
    story(made(Function::Min, Comparator::Lte)).says(&["1s firing 1"]);
    story(made(Function::Min, Comparator::Gte)).says(&["10s firing 1"]);
    story(made(Function::Avg, Comparator::Gte)).says(&["10s firing 1"]);
    story(made(Function::Avg, Comparator::Lte)).says(&["10s firing 1"]);
    story(made(Function::Count, Comparator::Eq)).says(&["10s firing 1"]);
}

#[test]
fn a_late_contribution_judges_the_sliding_windows_it_is_in_oldest_first() {
    // (2, 12] has 8 and 12; 5 makes it three. (−5, 5] has one, (−2, 8] two.
    rule(lateness(over(sliding(), 3), "20s")).ones(&[8.0, 12.0, 20.0, 5.0]).says(&["12s firing 3 late"]);
}

#[test]
fn of_those_windows_the_ones_that_ended_before_the_lateness_are_not_judged() {
    let late = |span: &str| lateness(over(sliding(), 3), span);
    rule(late("8s")).ones(&[8.0, 12.0, 20.0, 5.0]).says(&["12s firing 3 late"]);
    rule(late("7999ms")).ones(&[8.0, 12.0, 20.0, 5.0]).says(&[]);
}

#[test]
fn in_a_past_tumbling_or_session_window_that_window_is_judged() {
    let late = |window: Window| lateness(over(window, 2), "20s");
    rule(late(tumbling())).ones(&[1.0, 15.0, 2.0]).says(&["10s firing 2 late"]);
    rule(late(session())).ones(&[1.0, 25.0, 2.0]).says(&["12s firing 2 late"]);
}

#[test]
fn a_past_window_fires_only_if_it_ends_after_the_last_episode_closed() {
    let made = |lateness_of: &str| {
        let once = mode(over(sliding(), 2), Mode::Once);
        lateness(resolve(once, Some(below("2")), None, None), lateness_of)
    };
    // Fires at 4 and is over at 13. (−5, 5] ends before that.
    rule(made("20s")).ones(&[3.0, 4.0, 16.0, 5.0]).says(&["4s firing 2", "13s resolved 1"]);
    // (6, 16] ends after it: 8 and 16.
    rule(made("20s")).ones(&[3.0, 4.0, 16.0, 17.5]).ones(&[8.0]).until(17.5).says(&[
        "4s firing 2",
        "13s resolved 1",
        "17.5s firing 2",
    ]);
    rule(made("20s")).ones(&[3.0, 4.0, 16.0]).at(17.5, "{}").ones(&[8.0]).says(&[
        "4s firing 2",
        "13s resolved 1",
        "16s firing 2 late",
    ]);
}

#[test]
fn rearm_and_resolve_look_at_the_present_alone() {
    let made = lateness(resolve(mode(over(tumbling(), 2), Mode::Once), Some(below("1")), None, None), "20s");
    // The past window fires; the present one has none and resolves at once.
    rule(made).ones(&[1.0]).at(15.0, "{}").ones(&[2.0]).says(&["10s firing 2 late", "2s resolved 0 late"]);
}

#[test]
fn a_late_contribution_joins_a_closing_window_that_waits() {
    let few = lateness(aggregate(1, |made| (made.window, made.threshold) = (tumbling(), below("3"))), "5s");
    rule(few).ones(&[1.0, 14.0, 2.0, 3.0]).at(15.0, "{}").until(15.0).says(&[]);
}

#[test]
fn a_merged_session_has_fired_if_a_part_of_it_has() {
    rule(lateness(over(session(), 2), "30s")).ones(&[0.0, 1.0, 15.0, 7.0]).says(&["1s firing 2"]);
}

#[test]
fn dropped_contributions_do_not_merge_sessions() {
    let drop = with(over(session(), 3), |rule| rule.timing.late_policy = LatePolicy::Drop);
    rule(drop).ones(&[0.0, 15.0, 7.0]).says(&[]);
}
