//! Compares the records of a batch with what was expected of it.

use std::collections::BTreeMap;

use crate::diff::{Mismatch, Side};
use crate::expectation::{Came, Expectation, Stream};
use crate::names::Names;
use crate::scenario::Step;
use crate::way::Way;

/// The alerts that have a name, and their ids.
#[derive(Debug, Default)]
pub(crate) struct Alerts(BTreeMap<String, String>);

impl Alerts {
    /// Whether a record belongs to the alert of that name: its first one says which id that is, and no other alert has it.
    fn belongs(&mut self, name: &str, came: &Came) -> bool {
        let Some(id) = came.instance() else { return false };
        match self.0.get(name) {
            Some(known) => known == id,
            None if self.0.values().any(|known| known == id) => false,
            None => self.0.insert(name.to_owned(), id.to_owned()).is_none(),
        }
    }
}

/// Compares stream by stream; over several partitions also customer by customer, since there is no order between them.
pub(crate) fn batch(
    names: &Names,
    steps: &[Step],
    came: &[Came],
    alerts: &mut Alerts,
    way: Way,
) -> Result<(), Mismatch> {
    let mut sides = Vec::new();
    let mut differs = false;
    for stream in Stream::ALL {
        let expected: Vec<&Expectation> = steps
            .iter()
            .flat_map(|step| &step.expected)
            .filter(|expected| expected.stream == stream)
            .collect();
        let mut left: Vec<&Came> = came.iter().filter(|came| came.stream == stream).collect();
        if way.has_partitions() {
            // Sorted by the order of what is expected as far as it is met; what is left shows as it came.
            let mut sorted = Vec::new();
            for expected in &expected {
                // The first of each customer: within one the order counts.
                let mut seen: Vec<Option<&str>> = Vec::new();
                let first = left.iter().position(|came| {
                    let is_first = !seen.contains(&came.customer());
                    seen.push(came.customer());
                    is_first && expected.is_met(came)
                });
                sorted.extend(first.map(|first| left.remove(first)));
            }
            sorted.append(&mut left);
            left = sorted;
        }
        let aligned = align(&expected, &left);
        for pair in aligned {
            match pair {
                (Some(expected), Some(came)) => {
                    let name = expected.alert.as_deref();
                    if name.is_none_or(|name| alerts.belongs(name, came)) {
                        sides.push(Side::Both(expected.shown(names)));
                        continue;
                    }
                    differs = true;
                    sides.push(Side::Missing(expected.line, expected.shown(names)));
                    let asked = serde_json::json!({"alertInstanceId": true});
                    sides.push(Side::Extra(format!(
                        "{}, which is another alert",
                        came.shown(names, Some(&asked))
                    )));
                },
                (expected, came) => {
                    differs = true;
                    sides
                        .extend(expected.map(|expected| Side::Missing(expected.line, expected.shown(names))));
                    // What is asked of the alert that stands in the same place.
                    let index =
                        came.and_then(|came| left.iter().position(|other| std::ptr::eq(*other, came)));
                    sides
                        .extend(came.map(|came| Side::Extra(came.shown(names, asked(steps, stream, index)))));
                },
            }
        }
    }
    let lines = (steps.first().map_or(1, |step| step.line), steps.last().map_or(1, |step| step.line));
    if differs { Err(Mismatch { way, lines, sides }) } else { Ok(()) }
}

fn asked(steps: &[Step], stream: Stream, index: Option<usize>) -> Option<&serde_json::Value> {
    let mut expected =
        steps.iter().flat_map(|step| &step.expected).filter(|expected| expected.stream == stream);
    expected.nth(index?)?.with.as_ref()
}

/// Both sides next to each other, as many pairs as possible: a longest common subsequence.
fn align<'e, 'c>(
    expected: &[&'e Expectation],
    came: &[&'c Came],
) -> Vec<(Option<&'e Expectation>, Option<&'c Came>)> {
    // The common beginning is nearly always everything.
    let same = expected.iter().zip(came).take_while(|(expected, came)| expected.is_met(came)).count();
    let mut pairs: Vec<_> =
        expected.iter().zip(came).take(same).map(|(expected, came)| (Some(*expected), Some(*came))).collect();
    let (expected, came) = (&expected[same..], &came[same..]);
    // longest[e][c]: of what begins at e and at c.
    let mut longest = vec![vec![0_usize; came.len() + 1]; expected.len() + 1];
    for e in (0..expected.len()).rev() {
        for c in (0..came.len()).rev() {
            longest[e][c] = if expected[e].is_met(came[c]) {
                longest[e + 1][c + 1] + 1
            } else {
                longest[e + 1][c].max(longest[e][c + 1])
            };
        }
    }
    let (mut e, mut c) = (0, 0);
    while e < expected.len() || c < came.len() {
        if e < expected.len() && c < came.len() && expected[e].is_met(came[c]) {
            pairs.push((Some(expected[e]), Some(came[c])));
            (e, c) = (e + 1, c + 1);
        } else if c == came.len() || (e < expected.len() && longest[e + 1][c] >= longest[e][c + 1]) {
            pairs.push((Some(expected[e]), None));
            e += 1;
        } else {
            pairs.push((None, Some(came[c])));
            c += 1;
        }
    }
    pairs
}
