//! Judges the events of a body: those that a worker would take become records, the others are faults with a place.

use bytes::Bytes;
use engine::{Reason, Refusal, decode};
use ports::Outgoing;
use serde::de::IgnoredAny;
use serde_json::json;

use super::pieces::{Piece, Shape};
use crate::access::{Reach, foreign};
use crate::error::{Code, Fault, Problem};

/// How many faults are listed; further ones are only counted, so that a small body has no huge answer.
const FAULTS_MAX: usize = 1_000;

/// What a body came to.
#[derive(Default)]
pub(super) struct Judged {
    /// The good events, in their order.
    pub(super) records: Vec<Outgoing>,
    /// The size of the good events.
    pub(super) bytes: usize,
    /// The bad ones, in their order; the first of them if there are very many.
    pub(super) faults: Vec<Fault>,
    /// How many bad ones there are.
    pub(super) rejected: usize,
    /// The first bad one.
    first: Option<First>,
}

/// Why the first bad event was refused.
enum First {
    /// No worker would take it.
    Refused(Refusal),
    /// It is another customer's than the sender's.
    Foreign,
}

impl Judged {
    /// Judges all events of a body, sent by somebody who reaches so far.
    pub(super) fn of(body: &Bytes, shape: Shape, topic: &str, reach: Reach) -> Self {
        let mut judged = Self::default();
        let cut = shape.cut(body, |piece| judged.judge(&piece, topic, reach));
        if let Err(fault) = cut {
            // The end of a broken array is unknown, and so is what its sender meant: nothing of it is taken.
            let refusal = Refusal { reason: Reason::BadEnvelope, detail: fault.message.clone() };
            return Self {
                faults: vec![fault],
                rejected: 1,
                first: Some(First::Refused(refusal)),
                ..Self::default()
            };
        }
        judged
    }

    /// The problem to answer if there is nothing good in the body. It has the members of a partial success too, so
    /// that senders of batches read one form.
    pub(super) fn problem(&self) -> Option<Problem> {
        let first = self.first.as_ref().filter(|_| self.records.is_empty())?;
        let problem = if let ([fault], 1) = (&self.faults[..], self.rejected) {
            match first {
                First::Refused(refusal) => Problem::of_event(refusal, fault.clone()),
                First::Foreign => {
                    let detail = "the event belongs to another customer than the token";
                    Problem::new(Code::OtherCustomer, detail).with_faults(vec![fault.clone()])
                },
            }
        } else {
            let first = match first {
                First::Refused(refusal) => &refusal.detail,
                First::Foreign => "it belongs to another customer than the token",
            };
            let detail = format!("all {} events were refused; the first: {first}", self.rejected);
            Problem::new(Code::NoEventAccepted, detail).with_faults(self.faults.clone())
        };
        let problem = problem.with("accepted", 0).with("rejectedCount", self.rejected);
        Some(problem.with("rejected", json!(self.faults)))
    }

    fn judge(&mut self, piece: &Piece, topic: &str, reach: Reach) {
        match decode(Some(&piece.text)) {
            Ok(event) if !reach.covers(event.customer) => {
                let fault = placed(piece, foreign("/customerId"), None);
                self.refuse(Code::OtherCustomer.code(), fault, First::Foreign);
            },
            Ok(event) => {
                self.bytes += piece.text.len();
                self.records.push(Outgoing {
                    topic: topic.to_owned(),
                    partition: None,
                    timestamp: None,
                    key: Some(event.customer.to_string().into()),
                    value: Some(piece.text.clone()),
                    headers: Vec::new(),
                });
            },
            Err(refusal) => {
                let inner = inner_place(piece, refusal.reason);
                let fault = placed(piece, Fault::from(&refusal), inner);
                self.refuse(refusal.reason.code(), fault, First::Refused(refusal));
            },
        }
    }

    fn refuse(&mut self, code: &'static str, fault: Fault, first: First) {
        crate::metrics::event_rejected(code);
        self.rejected += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
        self.first.get_or_insert(first);
    }
}

/// The fault of a piece, placed in the body.
fn placed(piece: &Piece, fault: Fault, inner: Option<(usize, usize)>) -> Fault {
    let (line, column) = inner.unwrap_or((1, 1));
    // Only the first line of a piece begins in the middle of a line of the body.
    let column = if line == 1 { piece.column + column - 1 } else { column };
    let pointer = match piece.index {
        Some(index) => Some(format!("/{index}{}", fault.pointer.unwrap_or_default())),
        None => fault.pointer,
    };
    Fault { line: Some(piece.line + line - 1), column: Some(column), pointer, ..fault }
}

/// Line and column within the piece, where the text itself is at fault.
fn inner_place(piece: &Piece, reason: Reason) -> Option<(usize, usize)> {
    match reason {
        Reason::NotUtf8 => {
            let valid = std::str::from_utf8(&piece.text).err()?.valid_up_to();
            let before = piece.text.get(..valid)?;
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
            Some((line, column))
        },
        Reason::BadEnvelope => {
            let error = serde_json::from_slice::<IgnoredAny>(&piece.text).err()?;
            // The end of an empty text is before its first column.
            Some((error.line(), error.column().max(1)))
        },
        Reason::NoValue
        | Reason::BadCustomer
        | Reason::GlobalCustomer
        | Reason::BadPayloadType
        | Reason::BadPayload
        | Reason::TooDeep
        | Reason::TooLarge
        | Reason::Misplaced
        | Reason::BadControl => None,
    }
}
