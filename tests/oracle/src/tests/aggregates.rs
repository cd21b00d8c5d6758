//! Aggregates: contributions, arithmetic, values that fall, live sets.

use rules::{Function, Mode, Window};

use super::*;

/// A rule whose every judgement fires, so that values are seen.
fn watched(change: impl FnOnce(&mut Aggregate)) -> Rule {
    let change = |made: &mut Aggregate| {
        made.threshold = limit(Comparator::Gte, "-1000000000000000000");
        change(made);
    };
    mode(aggregate(1, change), Mode::Every)
}

fn function(function: Function, at: &str) -> Rule {
    watched(|made| (made.function, made.path) = (function, Some(path(at))))
}

#[test]
fn count_is_one_or_the_non_null_nodes_or_by() {
    rule(watched(|_| ())).ones(&[0.0, 1.0]).says(&["0s firing 1", "1s firing 2"]);
    rule(function(Function::Count, "$.n[*]"))
        .at(0.0, r#"{"a":1,"n":[1,"x",null]}"#)
        .at(1.0, r#"{"a":1,"n":[null]}"#)
        .at(2.0, r#"{"a":1,"n":[{}]}"#)
        .says(&["0s firing 2", "2s firing 3"]);
    rule(watched(|made| made.increment.by = Some(By::Path(path("$.n")))))
        .at(0.0, r#"{"a":1,"n":2.5}"#)
        .at(1.0, r#"{"a":1,"n":0}"#)
        .at(2.0, r#"{"a":1,"n":-1}"#)
        .at(3.0, r#"{"a":1,"n":"1"}"#)
        .at(4.0, r#"{"a":1}"#)
        .says(&["0s firing 2.5", "1s firing 2.5"]);
}

#[test]
fn by_path_needs_exactly_one_number() {
    rule(watched(|made| made.increment.by = Some(By::Path(path("$.n[*]")))))
        .at(0.0, r#"{"a":1,"n":[1,2]}"#)
        .at(1.0, r#"{"a":1,"n":[3]}"#)
        .says(&["1s firing 3"]);
}

#[test]
fn sum_min_max_and_avg_take_every_numeric_node_and_strings_are_never_numbers() {
    let payload = r#"{"a":1,"n":[1,"7",2,null,6]}"#;
    for (made, expected) in
        [(Function::Sum, "9"), (Function::Min, "1"), (Function::Max, "6"), (Function::Avg, "3")]
    {
        rule(function(made, "$.n[*]"))
            .at(0.0, payload)
            .at(1.0, r#"{"a":1,"n":["1"]}"#)
            .says(&[&format!("0s firing {expected}")]);
    }
}

#[test]
fn distinct_counts_every_non_null_node_once() {
    rule(function(Function::Distinct, "$.n[*]"))
        .at(0.0, r#"{"a":1,"n":[1,1.0,"1",null,[1]]}"#)
        .at(1.0, r#"{"a":1,"n":[1e0]}"#)
        .says(&["0s firing 3", "1s firing 3"]);
}

#[test]
fn arithmetic_is_exact_with_nine_digits_half_even() {
    rule(function(Function::Sum, "$.n"))
        .at(0.0, r#"{"a":1,"n":0.1}"#)
        .at(1.0, r#"{"a":1,"n":0.2}"#)
        .at(2.0, r#"{"a":1,"n":0.0000000005}"#)
        .at(3.0, r#"{"a":1,"n":0.0000000015}"#)
        .says(&["0s firing 0.1", "1s firing 0.3", "2s firing 0.3", "3s firing 0.300000002"]);
    rule(function(Function::Avg, "$.n"))
        .at(0.0, r#"{"a":1,"n":1}"#)
        .at(1.0, r#"{"a":1,"n":1}"#)
        .at(2.0, r#"{"a":1,"n":0}"#)
        .says(&["0s firing 1", "1s firing 1", "2s firing 0.666666667"]);
}

#[test]
fn ten_to_the_eighteenth_brings_nothing() {
    rule(function(Function::Sum, "$.n[*]"))
        .at(0.0, r#"{"a":1,"n":[1e18]}"#)
        .at(1.0, r#"{"a":1,"n":[-1e18,1]}"#)
        .says(&["1s firing 1"]);
}

#[test]
fn an_empty_window_has_zero_or_no_value_which_satisfies_every_rearm_and_resolve() {
    let max = aggregate(5, |made| {
        (made.function, made.path) = (Function::Max, Some(path("$.n")));
        made.window = Window::Sliding(span("10s"));
    });
    rule(resolve(max, Some(below("0")), None, None))
        .at(0.0, r#"{"a":1,"n":7}"#)
        .at(10.0, "{}")
        .says(&["0s firing 7", "10s resolved null"]);
}

fn falling(change_it: impl FnOnce(&mut Aggregate)) -> Rule {
    watched(|made| {
        made.decrement = Some(change("$.b == 1", None));
        change_it(made);
    })
}

#[test]
fn decrements_are_judged_like_increments_and_the_value_may_go_below_zero() {
    rule(falling(|_| ())).at(0.0, r#"{"b":1}"#).ones(&[1.0]).says(&["0s firing -1", "1s firing 0"]);
}

#[test]
fn an_event_that_is_both_is_one_change() {
    rule(falling(|made| made.decrement = Some(change("$.b == 1", Some(By::Amount(amount("3")))))))
        .at(0.0, r#"{"a":1,"b":1}"#)
        .says(&["0s firing -2"]);
}

#[test]
fn floor_clamps_after_each_change_in_order_of_arrival() {
    rule(falling(|made| made.floor = Some(amount("0"))))
        .ones(&[5.0])
        .at(6.0, r#"{"b":1}"#)
        .at(7.0, r#"{"b":1}"#)
        // It happened before them, and yet it adds to zero.
        .ones(&[1.0])
        .says(&["5s firing 1", "6s firing 0", "7s firing 0", "1s firing 1 late"]);
}

fn live(window: Window) -> Rule {
    falling(|made| (made.entity_path, made.window) = (Some(path("$.e[*]")), window))
}

#[test]
fn an_operation_that_leaves_the_set_as_it_was_is_not_judged() {
    rule(live(Window::Total))
        .at(0.0, r#"{"a":1,"e":["x"]}"#)
        .at(1.0, r#"{"a":1,"e":["x"]}"#)
        .at(2.0, r#"{"b":1,"e":["y"]}"#)
        .at(3.0, r#"{"a":1,"e":["x","y",null]}"#)
        .at(4.0, r#"{"b":1,"e":["x"]}"#)
        .says(&["0s firing 1", "3s firing 2", "4s firing 1"]);
}

#[test]
fn per_entity_the_operation_with_the_greatest_event_time_and_position_wins() {
    rule(live(Window::Total))
        .at(5.0, r#"{"b":1,"e":["x"]}"#)
        // It was removed after that.
        .at(4.0, r#"{"a":1,"e":["x"]}"#)
        .at(5.0, r#"{"a":1,"e":["x"]}"#)
        .says(&["5s firing 1"]);
}

#[test]
fn the_value_is_the_number_of_entities_present_in_the_window() {
    let sliding = live(Window::Sliding(span("10s")));
    let once = resolve(mode(sliding, Mode::Once), Some(below("2")), None, None);
    let once = with(once, |rule| {
        let Evaluation::Aggregate(made) = &mut rule.evaluation else { unreachable!("it is one") };
        made.threshold = Limits::at_least(amount("2"));
    });
    rule(once)
        .at(0.0, r#"{"a":1,"e":["x"]}"#)
        .at(5.0, r#"{"a":1,"e":["y"]}"#)
        // Added once more, it stays until 16.
        .at(6.0, r#"{"a":1,"e":["x"]}"#)
        .at(20.0, "{}")
        .says(&["5s firing 2", "15s resolved 1"]);
}
