//! Alerts and dead letters as records.

use engine::{Alert, DeadLetter, LateEvent, Partition};
use ports::{Header, Outgoing};
use rules::Suspend;

use crate::controls::PARTITION as CONTROLS;

/// The header of an alert that holds its instance id.
const INSTANCE_HEADER: &str = "alertInstanceId";

/// The most bytes of an original value that a dead letter carries; with key and headers it stays below Kafka's
/// default limit of 1 MB for a message.
const DEAD_LETTER_BYTES_MAX: usize = 900_000;

/// An alert as a record: in the partition number of its event.
pub(crate) fn alert(topic: &str, partition: Partition, alert: &Alert) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        partition: Some(partition),
        timestamp: None,
        key: Some(alert.customer_id.to_string().into()),
        value: Some(alert.to_json().into()),
        headers: vec![Header::new(INSTANCE_HEADER, alert.alert_instance_id.to_string())],
    }
}

/// Where a dead letter came from.
pub(crate) struct Source<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: Partition,
}

/// A dead letter as a record: the original key and value, and in headers why and where from.
pub(crate) fn dead_letter(
    topic: &str,
    partition: Partition,
    source: &Source<'_>,
    letter: &DeadLetter,
) -> Outgoing {
    let mut headers = vec![
        Header::new("reason", letter.reason.code()),
        Header::new("detail", letter.detail.clone()),
        Header::new("topic", source.topic.to_owned()),
        Header::new("partition", source.partition.to_string()),
        Header::new("offset", letter.offset.to_string()),
        Header::new("timestamp", letter.timestamp.to_string()),
    ];
    let value = letter.value.clone().map(|value| {
        if value.len() <= DEAD_LETTER_BYTES_MAX {
            return value;
        }
        headers.push(Header::new("truncated-from-bytes", value.len().to_string()));
        value.slice(..DEAD_LETTER_BYTES_MAX)
    });
    // A key beyond any id's length is not worth failing a transaction for.
    let key = letter.key.clone().map(|key| key.slice(..key.len().min(1024)));
    Outgoing { topic: topic.to_owned(), partition: Some(partition), timestamp: None, key, value, headers }
}

/// The control record that suspends a rule.
pub(crate) fn suspension(topic: &str, suspend: &Suspend) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        partition: Some(CONTROLS),
        timestamp: None,
        key: Some(suspend.record_key().into()),
        value: Some(suspend.to_bytes().into()),
        headers: Vec::new(),
    }
}

/// An event that came too late for a rule, as a record: as it came, and in headers which rule and by how much.
pub(crate) fn late_event(
    topic: &str,
    partition: Partition,
    source: &Source<'_>,
    event: &LateEvent,
) -> Outgoing {
    let headers = vec![
        Header::new("customerId", event.customer.to_string()),
        Header::new("rule", event.rule.to_string()),
        Header::new("eventTime", event.time.to_string()),
        Header::new("clock", event.clock.to_string()),
        Header::new("topic", source.topic.to_owned()),
        Header::new("partition", source.partition.to_string()),
        Header::new("offset", event.input.offset.to_string()),
    ];
    let value = event.input.value.clone().map(|value| value.slice(..value.len().min(DEAD_LETTER_BYTES_MAX)));
    let key = Some(event.customer.to_string().into());
    Outgoing { topic: topic.to_owned(), partition: Some(partition), timestamp: None, key, value, headers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use engine::{Offset, Reason, Timestamp};
    use ports::header;

    fn letter(value: usize) -> DeadLetter {
        DeadLetter {
            reason: Reason::TooLarge,
            detail: "too large".into(),
            offset: Offset(7),
            timestamp: Timestamp(0),
            key: Some(Bytes::from_static(b"k")),
            value: Some(vec![0; value].into()),
        }
    }

    #[test]
    fn a_dead_letter_tells_reason_place_and_bytes() {
        let source = Source { topic: "events", partition: Partition(3) };
        let record = dead_letter("t.dead-letters", Partition(3), &source, &letter(10));
        let told: Vec<_> = record.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(told, ["reason", "detail", "topic", "partition", "offset", "timestamp"]);
        assert_eq!(header(&record.headers, "offset").unwrap(), "7");
        assert_eq!(record.value.unwrap().len(), 10);
    }

    #[test]
    fn an_oversized_value_is_cut_and_says_so() {
        let source = Source { topic: "events", partition: Partition(0) };
        let record = dead_letter("t.dead-letters", Partition(0), &source, &letter(2 << 20));
        assert_eq!(record.value.as_ref().unwrap().len(), DEAD_LETTER_BYTES_MAX);
        assert_eq!(header(&record.headers, "truncated-from-bytes").unwrap(), "2097152");
    }
}
