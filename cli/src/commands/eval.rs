//! `tocsin eval`: rules over a file of events, without any server, on the clocks of the events themselves.

mod line;
mod matches;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use engine::{Alert, Offset, Outcome, Rehearsal};
use rules::{ActiveRule, Command, CustomerId, Rule, RuleBook, RuleKey, Timestamp};
use uuid::Uuid;

use super::{rule_files, validate};
use crate::arguments::EvalArguments;
use crate::failure::Failure;
use line::{Line, LineReader};
use matches::Matching;

/// What alerts name as the source of events.
const TOPIC: &str = "events";

/// Runs the command.
pub(crate) fn eval(arguments: &EvalArguments) -> Result<(), Failure> {
    let book = book(&arguments.rules)?;
    let customer = customer(arguments.customer)?;
    let advance_to = arguments.advance_to.as_deref().map(moment).transpose()?;
    let mut lines = LineReader::new(open(&arguments.events)?, customer);
    let mut out = std::io::stdout().lock();
    let mut tally = Tally { rules: book.len(), ..Tally::default() };
    if arguments.matches {
        let matching = Matching::new(&book);
        run(&mut lines, &mut tally, |line, tally| {
            tally.told += matching.write(line, tally, &mut out)?;
            Ok(())
        })?;
    } else {
        let mut rehearsal = Rehearsal::new(book, TOPIC);
        run(&mut lines, &mut tally, |line, tally| {
            let offset = Offset(line.number);
            let outcome = rehearsal.event(line.customer, &line.payload, line.timestamp, offset);
            let outcome = outcome.map_err(unreadable)?;
            outcome.cut.iter().for_each(|cut| tally.cut(line, &cut.active));
            tell(&outcome, tally, &mut out)
        })?;
        tell(&rehearsal.finish(advance_to).map_err(unreadable)?, &mut tally, &mut out)?;
    }
    out.flush().map_err(unwritable)?;
    eprintln!("{}", tally.summary(arguments.matches));
    if tally.refused > 0 {
        Err(Failure::usage(format!("{} lines were refused", tally.refused)))
    } else {
        Ok(())
    }
}

/// What happened, for people.
#[derive(Default)]
struct Tally {
    rules: usize,
    events: u64,
    refused: u64,
    told: u64,
    late: usize,
    /// The pairs of rule and customer that are cut short, each told once.
    cut: BTreeSet<(RuleKey, CustomerId)>,
}

impl Tally {
    /// Tells that a rule looks at more of an event than it may.
    fn cut(&mut self, line: &Line, active: &ActiveRule) {
        let (rule, customer) = (active.rule.key, line.customer);
        if self.cut.insert((rule, customer)) {
            eprintln!(
                "line {}: rule {rule} looks at more than 100,000 nodes of the event, which does not count for it; a \
                 running system would suspend the rule for customer {customer}: narrow its paths",
                line.number
            );
        }
    }

    fn summary(&self, matches: bool) -> String {
        let told = if matches { "matches" } else { "alerts" };
        let late =
            if self.late > 0 { format!(", {} came too late for a rule", self.late) } else { String::new() };
        let refused =
            if self.refused > 0 { format!(", {} lines refused", self.refused) } else { String::new() };
        let cut = match self.cut.len() {
            0 => String::new(),
            pairs => format!(", {pairs} suspensions in a running system"),
        };
        format!("{} rules, {} events, {} {told}{late}{cut}{refused}", self.rules, self.events, self.told)
    }
}

/// Goes through the lines; one that cannot be evaluated is told, and the next one is taken.
fn run(
    lines: &mut LineReader<impl BufRead>,
    tally: &mut Tally,
    mut take: impl FnMut(&Line, &mut Tally) -> Result<(), Failure>,
) -> Result<(), Failure> {
    while let Some(line) = lines.next()? {
        match line {
            Ok(line) => {
                tally.events += 1;
                take(&line, tally)?;
            },
            Err(refused) => {
                tally.refused += 1;
                eprintln!("{refused}");
            },
        }
    }
    Ok(())
}

fn tell(outcome: &Outcome, tally: &mut Tally, out: &mut impl Write) -> Result<(), Failure> {
    tally.late += outcome.late.len();
    tally.told += outcome.alerts.len() as u64;
    outcome.alerts.iter().try_for_each(|alert| write_line(&Alert::to_json(alert), out))
}

fn write_line(json: &[u8], out: &mut impl Write) -> Result<(), Failure> {
    out.write_all(json).and_then(|()| out.write_all(b"\n")).map_err(unwritable)
}

/// The rules of a file or a folder. A later rule with the same key replaces the earlier.
fn book(path: &Path) -> Result<RuleBook, Failure> {
    let rules = validate::sound(rule_files::read(path)?)?;
    let rules: BTreeMap<RuleKey, Rule> = rules.into_iter().map(|rule| (rule.key, rule)).collect();
    if rules.is_empty() {
        return Err(Failure::usage(format!("{}: there are no rules", path.display())));
    }
    let mut book = RuleBook::default();
    for rule in rules.into_values() {
        book.apply(Command::Put { rule: Box::new(rule), expected: None });
    }
    Ok(book)
}

fn customer(id: Option<Uuid>) -> Result<Option<CustomerId>, Failure> {
    let customer = id.map(CustomerId::from_uuid);
    if customer.is_some_and(CustomerId::is_global) {
        return Err(Failure::usage("an event cannot belong to the customer of global rules"));
    }
    Ok(customer)
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    let moment = line::moment_of(text);
    moment.ok_or_else(|| {
        Failure::usage(format!("`{text}` is no time: expected RFC 3339, or milliseconds since 1970"))
    })
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = std::fs::File::open(path);
    let file = file.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(Box::new(BufReader::new(file)))
}

fn unreadable(failure: engine::Failure) -> Failure {
    Failure::other_side(failure.to_string())
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::other_side(format!("standard output: {error}"))
}
