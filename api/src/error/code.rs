//! The codes of what can go wrong between a client and the API. Those of rules begin with TOC-1, of events with TOC-2.

use axum::http::StatusCode;

/// A stable code; `docs/errors.md` has an entry for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Nothing is at that path.
    NoSuchPath,
    /// The path is there, the method is not.
    NoSuchMethod,
    /// A token is needed and none was sent.
    TokenMissing,
    /// The token is not known.
    TokenUnknown,
    /// The token does not give that right.
    NotAllowed,
    /// The body is longer than it may be.
    BodyTooLarge,
    /// The body's encoding is not read here.
    BodyEncoding,
    /// The body broke off or cannot be unpacked.
    BodyUnreadable,
    /// The body took too long to arrive.
    BodySlow,
    /// A query parameter cannot be used.
    BadQuery,
    /// A part of the path cannot be used.
    BadPath,
    /// A header cannot be used.
    BadHeader,
    /// The path names another rule than the body.
    RuleMismatch,
    /// There is no such rule.
    NoSuchRule,
    /// The rule has changed since the writer saw it.
    StaleRule,
    /// Of several events none could be taken.
    NoEventAccepted,
    /// The position of a stream cannot be read.
    BadStreamPosition,
    /// As many streams are open as may be.
    TooManyStreams,
    /// As much work is in progress as may be.
    Overloaded,
    /// The log is away or busy.
    LogUnavailable,
    /// The log cannot be used until somebody changes something.
    LogUnusable,
    /// The log refuses such a record.
    LogRefused,
    /// The write is in the log, and what became of it is not known yet.
    OutcomeUnknown,
    /// The process is not ready.
    NotReady,
    /// A defect of the server.
    Internal,
    /// The state that is asked for is with nobody who can be asked.
    StateElsewhere,
    /// The body is not what this request takes.
    BadBody,
    /// The tests that the rule carries fail.
    RuleTestsFailed,
    /// Something in the body belongs to another customer than the token.
    OtherCustomer,
    /// There is no such customer, or not for this token.
    NoSuchCustomer,
    /// There is no such token, or not for this one.
    NoSuchToken,
    /// Too many unknown tokens came from one address.
    TooManyAttempts,
    /// The database of the records is away or busy.
    RecordsUnavailable,
    /// The records cannot be used until somebody changes something.
    RecordsUnusable,
    /// There are as many things of that kind as may be.
    RecordsFull,
    /// The archive of events cannot be read.
    ArchiveUnusable,
    /// No place for savepoints is set.
    NoSavepoints,
    /// There is no such savepoint.
    NoSuchSavepoint,
    /// The issuer of tokens cannot be asked for its keys.
    IssuerUnavailable,
    /// There is no such alert, or not for this token.
    NoSuchAlert,
    /// The alert has changed since the writer saw it.
    StaleAlert,
    /// There is no such silence, or not for this token.
    NoSuchSilence,
    /// The rule is not being filled from the past.
    NotFilling,
    /// There is no such destination, or not for this token.
    NoSuchDestination,
}

impl Code {
    /// Every code, in the order of its number.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 44] = [
        Self::NoSuchPath,
        Self::NoSuchMethod,
        Self::TokenMissing,
        Self::TokenUnknown,
        Self::NotAllowed,
        Self::BodyTooLarge,
        Self::BodyEncoding,
        Self::BodyUnreadable,
        Self::BodySlow,
        Self::BadQuery,
        Self::BadPath,
        Self::BadHeader,
        Self::RuleMismatch,
        Self::NoSuchRule,
        Self::StaleRule,
        Self::NoEventAccepted,
        Self::BadStreamPosition,
        Self::TooManyStreams,
        Self::Overloaded,
        Self::LogUnavailable,
        Self::LogUnusable,
        Self::LogRefused,
        Self::OutcomeUnknown,
        Self::NotReady,
        Self::Internal,
        Self::BadBody,
        Self::RuleTestsFailed,
        Self::OtherCustomer,
        Self::NoSuchCustomer,
        Self::NoSuchToken,
        Self::TooManyAttempts,
        Self::RecordsUnavailable,
        Self::RecordsUnusable,
        Self::RecordsFull,
        Self::ArchiveUnusable,
        Self::NoSavepoints,
        Self::NoSuchSavepoint,
        Self::IssuerUnavailable,
        Self::NoSuchAlert,
        Self::StaleAlert,
        Self::NoSuchSilence,
        Self::StateElsewhere,
        Self::NotFilling,
        Self::NoSuchDestination,
    ];

    /// The code as it is written, for instance `TOC-4014`.
    pub(crate) const fn code(self) -> &'static str {
        self.entry().0
    }

    /// The status that goes with it.
    pub(crate) const fn status(self) -> StatusCode {
        self.entry().1
    }

    /// What it is called.
    pub(crate) const fn title(self) -> &'static str {
        self.entry().2
    }

    const fn entry(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::NoSuchPath => ("TOC-4001", S::NOT_FOUND, "no such path"),
            Self::NoSuchMethod => ("TOC-4002", S::METHOD_NOT_ALLOWED, "no such method here"),
            Self::TokenMissing => ("TOC-4003", S::UNAUTHORIZED, "token missing"),
            Self::TokenUnknown => ("TOC-4004", S::UNAUTHORIZED, "token unknown"),
            Self::NotAllowed => ("TOC-4005", S::FORBIDDEN, "not allowed"),
            Self::BodyTooLarge => ("TOC-4006", S::PAYLOAD_TOO_LARGE, "body too large"),
            Self::BodyEncoding => ("TOC-4007", S::UNSUPPORTED_MEDIA_TYPE, "body encoding unknown"),
            Self::BodyUnreadable => ("TOC-4008", S::BAD_REQUEST, "body unreadable"),
            Self::BodySlow => ("TOC-4009", S::REQUEST_TIMEOUT, "body took too long"),
            Self::BadQuery => ("TOC-4010", S::BAD_REQUEST, "bad query parameter"),
            Self::BadPath => ("TOC-4011", S::BAD_REQUEST, "bad path parameter"),
            Self::BadHeader => ("TOC-4012", S::BAD_REQUEST, "bad header"),
            Self::RuleMismatch => ("TOC-4013", S::UNPROCESSABLE_ENTITY, "path and rule differ"),
            Self::NoSuchRule => ("TOC-4014", S::NOT_FOUND, "no such rule"),
            Self::StaleRule => ("TOC-4015", S::PRECONDITION_FAILED, "the rule has changed"),
            Self::NoEventAccepted => ("TOC-4016", S::BAD_REQUEST, "no event was accepted"),
            Self::BadStreamPosition => ("TOC-4017", S::BAD_REQUEST, "bad stream position"),
            Self::TooManyStreams => ("TOC-4018", S::SERVICE_UNAVAILABLE, "too many streams"),
            Self::Overloaded => ("TOC-4019", S::SERVICE_UNAVAILABLE, "overloaded"),
            Self::LogUnavailable => ("TOC-4020", S::SERVICE_UNAVAILABLE, "log unavailable"),
            Self::LogUnusable => ("TOC-4021", S::INTERNAL_SERVER_ERROR, "log unusable"),
            Self::LogRefused => ("TOC-4022", S::UNPROCESSABLE_ENTITY, "refused by the log"),
            Self::OutcomeUnknown => ("TOC-4023", S::SERVICE_UNAVAILABLE, "outcome not known yet"),
            Self::NotReady => ("TOC-4024", S::SERVICE_UNAVAILABLE, "not ready"),
            Self::Internal => ("TOC-4025", S::INTERNAL_SERVER_ERROR, "internal error"),
            Self::BadBody => ("TOC-4026", S::BAD_REQUEST, "bad request body"),
            Self::RuleTestsFailed => ("TOC-4027", S::UNPROCESSABLE_ENTITY, "the rule's tests fail"),
            Self::OtherCustomer => ("TOC-4028", S::FORBIDDEN, "of another customer"),
            Self::NoSuchCustomer => ("TOC-4029", S::NOT_FOUND, "no such customer"),
            Self::NoSuchToken => ("TOC-4030", S::NOT_FOUND, "no such token"),
            Self::TooManyAttempts => ("TOC-4031", S::TOO_MANY_REQUESTS, "too many attempts"),
            Self::RecordsUnavailable => ("TOC-4032", S::SERVICE_UNAVAILABLE, "records unavailable"),
            Self::RecordsUnusable => ("TOC-4033", S::INTERNAL_SERVER_ERROR, "records unusable"),
            Self::RecordsFull => ("TOC-4034", S::CONFLICT, "no room for more"),
            Self::ArchiveUnusable => ("TOC-4035", S::SERVICE_UNAVAILABLE, "archive unusable"),
            Self::NoSavepoints => ("TOC-4036", S::CONFLICT, "savepoints are switched off"),
            Self::NoSuchSavepoint => ("TOC-4037", S::NOT_FOUND, "no such savepoint"),
            Self::IssuerUnavailable => ("TOC-4038", S::SERVICE_UNAVAILABLE, "issuer of tokens unavailable"),
            Self::NoSuchAlert => ("TOC-4039", S::NOT_FOUND, "no such alert"),
            Self::StaleAlert => ("TOC-4040", S::PRECONDITION_FAILED, "the alert has changed"),
            Self::NoSuchSilence => ("TOC-4041", S::NOT_FOUND, "no such silence"),
            Self::StateElsewhere => ("TOC-4042", S::SERVICE_UNAVAILABLE, "state elsewhere"),
            Self::NotFilling => ("TOC-4043", S::CONFLICT, "not being filled"),
            Self::NoSuchDestination => ("TOC-4044", S::NOT_FOUND, "no such destination"),
        }
    }
}
