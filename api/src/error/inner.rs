//! What HTTP adds to the codes of rules and events: a status, a title, and for events what was expected where.

use axum::http::StatusCode;
use engine::Reason;
use rules::ProblemCode;

/// The status and title of a problem with a rule.
pub(super) const fn of_rule(code: ProblemCode) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match code {
        ProblemCode::NotJson => (S::BAD_REQUEST, "the rule is not JSON"),
        ProblemCode::UnknownField => (S::UNPROCESSABLE_ENTITY, "unknown field in the rule"),
        ProblemCode::MissingField => (S::UNPROCESSABLE_ENTITY, "field missing in the rule"),
        ProblemCode::WrongType => (S::UNPROCESSABLE_ENTITY, "wrong type in the rule"),
        ProblemCode::OutOfRange => (S::UNPROCESSABLE_ENTITY, "value out of range in the rule"),
        ProblemCode::BadPath => (S::UNPROCESSABLE_ENTITY, "bad JSONPath in the rule"),
        ProblemCode::LimitPassed => (S::UNPROCESSABLE_ENTITY, "a limit on rules is passed"),
        ProblemCode::KeyMismatch => (S::UNPROCESSABLE_ENTITY, "key and rule differ"),
        ProblemCode::BadCondition => (S::UNPROCESSABLE_ENTITY, "bad condition in the rule"),
        ProblemCode::BadOperand => (S::UNPROCESSABLE_ENTITY, "bad operand in a condition"),
        ProblemCode::BadPattern => (S::UNPROCESSABLE_ENTITY, "bad regular expression or network in the rule"),
        ProblemCode::UnknownSelection => (S::UNPROCESSABLE_ENTITY, "unknown selection in a condition"),
        ProblemCode::BadSelectionName => (S::UNPROCESSABLE_ENTITY, "bad name of a selection"),
        ProblemCode::Conflict => (S::UNPROCESSABLE_ENTITY, "fields that do not go together"),
    }
}

/// The status and title of a refused event.
pub(super) const fn of_event(reason: Reason) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match reason {
        Reason::NoValue => (S::BAD_REQUEST, "the event is empty"),
        Reason::NotUtf8 => (S::BAD_REQUEST, "the event is not UTF-8"),
        Reason::BadEnvelope => (S::BAD_REQUEST, "the event is not one JSON object"),
        Reason::BadCustomer => (S::BAD_REQUEST, "bad customerId in the event"),
        Reason::GlobalCustomer => (S::BAD_REQUEST, "the event is for the global customer"),
        Reason::BadPayloadType => (S::BAD_REQUEST, "bad payload in the event"),
        Reason::BadPayload => (S::BAD_REQUEST, "the payload is not JSON"),
        Reason::TooDeep => (S::BAD_REQUEST, "the payload nests too deep"),
        Reason::TooLarge => (S::PAYLOAD_TOO_LARGE, "the event is too large"),
        Reason::Misplaced => (S::BAD_REQUEST, "the event is misplaced"),
        Reason::BadControl => (S::BAD_REQUEST, "bad control record"),
    }
}

/// Where in an event the fault is, if one member is at fault.
pub(super) const fn pointer(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::BadCustomer | Reason::GlobalCustomer => Some("/customerId"),
        Reason::BadPayloadType | Reason::BadPayload | Reason::TooDeep => Some("/payload"),
        Reason::NoValue
        | Reason::NotUtf8
        | Reason::BadEnvelope
        | Reason::TooLarge
        | Reason::Misplaced
        | Reason::BadControl => None,
    }
}

/// What was expected of the event.
pub(super) const fn expected(reason: Reason) -> &'static str {
    match reason {
        Reason::NoValue | Reason::BadEnvelope => {
            "one JSON object {\"customerId\": uuid, \"payload\": object or JSON as a string}"
        },
        Reason::NotUtf8 => "UTF-8",
        Reason::BadCustomer => "the customer's UUID in its hyphenated form of 36 characters",
        Reason::GlobalCustomer => "a customer of your own: the global one is for rules alone",
        Reason::BadPayloadType => "an object, or a JSON document as a string",
        Reason::BadPayload => "one JSON document in the string",
        Reason::TooDeep => "at most 64 levels of nesting",
        Reason::TooLarge => "at most 1 MiB for one event",
        Reason::Misplaced => "a key that leads to the customer's partition",
        Reason::BadControl => "a rule, or a tombstone with a rule's key",
    }
}
