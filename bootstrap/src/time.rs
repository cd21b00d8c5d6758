//! Days and hours of archiving, in UTC.

use engine::Timestamp;
use time::OffsetDateTime;

/// The day and hour of a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// `2025-11-01`.
    pub(crate) day: String,
    pub(crate) hour: u8,
}

impl Moment {
    /// Of a time; those outside of the years 0001 to 9999 count as 1970-01-01.
    pub(crate) fn of(time: Timestamp) -> Self {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000);
        let moment = moment.ok().filter(|_| time.is_writable()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let day = format!("{:04}-{:02}-{:02}", moment.year(), u8::from(moment.month()), moment.day());
        Self { day, hour: moment.hour() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_hours_are_those_of_utc() {
        let at = |text: &str| Moment::of(text.parse().unwrap());
        assert_eq!(at("2025-11-01T23:59:59.999Z"), Moment { day: "2025-11-01".to_owned(), hour: 23 });
        assert_eq!(at("2024-02-29T00:00:00Z"), Moment { day: "2024-02-29".to_owned(), hour: 0 });
        assert_eq!(Moment::of(Timestamp(i64::MAX)).day, "1970-01-01");
    }
}
