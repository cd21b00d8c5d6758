//! Judges lines as every reader of the control topic will: sound ones become records, the others problems.

use bytes::Bytes;
use rules::{AlertId, Invalid, ProblemCode, RULE_BYTES_MAX, RuleKey};
use uuid::Uuid;

use super::lines::Line;
use super::report::{LineReport, Status};
use crate::access::{Reach, foreign};
use crate::error::{Code, Fault};
use crate::rules::posted::{self, Posted};
use crate::rules::tried;

/// How many problems of a line are told; a rule of nothing but mistakes would have thousands.
const PROBLEMS_MAX: usize = 20;

/// What a line came to.
pub(super) enum Judged {
    /// A rule that can be written.
    Sound(u64, Box<Posted>),
    /// No rule, and why.
    Refused(LineReport),
}

/// Judges lines in their order, sent by somebody who reaches so far. The records will be written to this topic.
pub(super) fn judge(lines: Vec<Line>, topic: &str, reach: Reach) -> Vec<Judged> {
    let one = |line: Line| {
        let Some(text) = line.text else {
            return Judged::Refused(invalid(line.number, vec![too_long()]));
        };
        match read(topic, &text) {
            Ok(posted) if !reach.covers(posted.rule.key.customer) => {
                Judged::Refused(invalid(line.number, vec![foreign("/customerId")]))
            },
            Ok(posted) => match tried::faults(&posted.rule) {
                Ok(failed) if !failed.is_empty() => Judged::Refused(invalid(line.number, failed)),
                _ => Judged::Sound(line.number, Box::new(posted)),
            },
            Err(problems) => Judged::Refused(invalid(line.number, faults(&problems))),
        }
    };
    lines.into_iter().map(one).collect()
}

fn read(topic: &str, text: &Bytes) -> Result<Posted, Invalid> {
    posted::of_line(topic, text, AlertId::from_uuid(Uuid::new_v4()))
}

/// The answer to a line that is no rule.
pub(super) fn invalid(line: u64, problems: Vec<Fault>) -> LineReport {
    LineReport { line, status: Status::Invalid, customer_id: None, alert_id: None, version: None, problems }
}

/// The answer to a line that holds a rule.
pub(super) fn decided(line: u64, key: RuleKey, status: Status, version: u32) -> LineReport {
    let stale = || Fault {
        code: Code::StaleRule.code(),
        pointer: Some("/expectedVersion".to_owned()),
        line: None,
        column: None,
        message: "another version is in force".to_owned(),
        expected: if version == 0 {
            "0, since there is no such rule".to_owned()
        } else {
            version.to_string()
        },
    };
    LineReport {
        line,
        status,
        customer_id: Some(key.customer),
        alert_id: Some(key.alert),
        version: (version > 0).then_some(version),
        problems: if status == Status::Stale { vec![stale()] } else { Vec::new() },
    }
}

pub(super) fn faults(invalid: &Invalid) -> Vec<Fault> {
    invalid.problems.iter().take(PROBLEMS_MAX).map(Fault::from).collect()
}

fn too_long() -> Fault {
    Fault {
        code: ProblemCode::LimitPassed.code(),
        pointer: Some(String::new()),
        line: None,
        column: None,
        message: format!("the line has more than {RULE_BYTES_MAX} bytes"),
        expected: format!("at most {RULE_BYTES_MAX}"),
    }
}
