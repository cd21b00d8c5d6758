//! One thing wrong with the caller's input, and where.

use engine::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::Code;

/// One thing wrong with the caller's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// The stable code of this kind of fault.
    pub(crate) code: &'static str,
    /// JSON pointer (RFC 6901) into the document, or into the event of that line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// Line from 1: of the string at `pointer`, or of the body where there is no pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// Column of that line in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// What is wrong.
    pub(crate) message: String,
    /// What was expected there, or what to do.
    pub(crate) expected: String,
}

impl Fault {
    /// A member of the body that does not do.
    pub(crate) fn of_body(pointer: &str, message: &str, expected: &str) -> Self {
        Self {
            code: Code::BadBody.code(),
            pointer: Some(pointer.to_owned()),
            line: None,
            column: None,
            message: message.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

impl From<&rules::Problem> for Fault {
    fn from(problem: &rules::Problem) -> Self {
        let (line, column) = problem.place.unzip();
        Self {
            code: problem.code.code(),
            // A place without a pointer is one in the body, which could not be read so far that it has pointers.
            pointer: (problem.place.is_none() || !problem.pointer.is_empty())
                .then(|| problem.pointer.clone()),
            line,
            column,
            message: problem.message.clone(),
            expected: problem.expected.clone(),
        }
    }
}

impl From<&Refusal> for Fault {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.reason.code(),
            pointer: super::inner::pointer(refusal.reason).map(str::to_owned),
            line: None,
            column: None,
            message: refusal.detail.clone(),
            expected: super::inner::expected(refusal.reason).to_owned(),
        }
    }
}
