//! Kafka's errors, named by what the caller does next.

use ports::{Error, ErrorKind};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

/// An error of this code that came up while doing something.
pub(super) fn error(action: &str, code: Code, detail: &str) -> Error {
    let detail = if detail.is_empty() { code.to_string() } else { detail.to_owned() };
    let hint = hint(code).map(|hint| format!(": {hint}")).unwrap_or_default();
    Error::new(kind(code), format!("{action}: {detail}{hint}"))
}

/// An error that rdkafka reports.
pub(super) fn from_kafka(action: &str, problem: &KafkaError) -> Error {
    match (problem, problem.rdkafka_error_code()) {
        (KafkaError::ClientConfig(_, reason, key, _), _) => Error::new(
            ErrorKind::Misconfigured,
            format!("{action}: the Kafka setting `{key}` is refused: {reason}"),
        ),
        (KafkaError::ClientCreation(reason), _) => {
            Error::new(ErrorKind::Misconfigured, format!("{action}: {reason}"))
        },
        (_, Some(code)) => error(action, code, ""),
        _ => Error::new(ErrorKind::Unavailable, format!("{action}: {problem}")),
    }
}

/// The error of a topic that is not there.
pub(super) fn no_topic(topic: &str) -> Error {
    Error::new(
        ErrorKind::Misconfigured,
        format!("topic `{topic}` does not exist: create it with `tocsin topics create`"),
    )
}

/// What the caller does next. Whatever may pass by itself is [`ErrorKind::Unavailable`].
pub(super) fn kind(code: Code) -> ErrorKind {
    match code {
        Code::Fenced | Code::FencedInstanceId | Code::InvalidProducerEpoch | Code::ProducerFenced => {
            ErrorKind::Fenced
        },
        Code::AutoOffsetReset | Code::OffsetOutOfRange => ErrorKind::Gone,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => ErrorKind::Refused,
        Code::BadMessage | Code::InvalidMessage => ErrorKind::Corrupt,
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::InvalidSessionTimeout
        | Code::InvalidTransactionTimeout
        | Code::InconsistentGroupProtocol
        | Code::GroupMaxSizeReached
        | Code::InvalidGroupId
        | Code::InvalidTopic
        | Code::InvalidReplicationFactor
        | Code::InvalidPartitions
        | Code::InvalidConfig
        | Code::PolicyViolation
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicOrPartition => ErrorKind::Misconfigured,
        _ => ErrorKind::Unavailable,
    }
}

/// Whether a member that is told this cannot go on, though librdkafka would keep trying in silence.
pub(super) fn ends_membership(code: Code) -> bool {
    // A topic that was made a moment ago may be unknown to some broker; a missing one is found before joining.
    let passes = matches!(code, Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition);
    !passes && matches!(kind(code), ErrorKind::Misconfigured | ErrorKind::Fenced)
}

fn hint(code: Code) -> Option<&'static str> {
    match code {
        Code::InvalidSessionTimeout => Some(
            "set `session.timeout.ms` between the broker's group.min.session.timeout.ms and \
             group.max.session.timeout.ms",
        ),
        Code::InvalidTransactionTimeout => {
            Some("raise the broker's `transaction.max.timeout.ms` to at least 6000")
        },
        Code::InconsistentGroupProtocol => {
            Some("the group has members of another program: choose another `group.id`")
        },
        Code::TopicAuthorizationFailed => Some("grant READ, WRITE and DESCRIBE on the topic"),
        Code::GroupAuthorizationFailed => Some("grant READ on the group"),
        Code::TransactionalIdAuthorizationFailed => Some("grant WRITE and DESCRIBE on the transactional id"),
        Code::FencedInstanceId | Code::Fenced | Code::ProducerFenced => {
            Some("another process runs under the same name")
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_change() {
        let refused = error("joining group `a`", Code::InvalidSessionTimeout, "");
        assert_eq!(refused.kind, ErrorKind::Misconfigured);
        assert!(refused.message.contains("session.timeout.ms"), "{refused}");
        assert_eq!(kind(Code::AllBrokersDown), ErrorKind::Unavailable);
        assert_eq!(kind(Code::FencedInstanceId), ErrorKind::Fenced);
    }
}
