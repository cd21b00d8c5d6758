//! A log in Apache Kafka, through librdkafka.
//!
//! One [`KafkaLog`] serves a process: it creates and inspects topics, appends outside of transactions, opens readers,
//! and joins groups. A member of a group is one consumer and one transactional producer; a commit is one Kafka
//! transaction that holds records and positions. What Kafka promises is taken as it is: the group's generation fences
//! a former owner, and after any doubt the committed positions tell what happened.

mod admin;
mod append;
mod assignment;
mod block_on;
mod bounded;
mod commit;
mod context;
mod delivery;
mod errors;
mod ffi;
mod log;
mod member;
mod metrics;
mod observer;
mod reader;
mod serve;
mod settings;
mod settle;
mod takeover;
mod transaction;

pub use log::KafkaLog;
pub(crate) use metrics::describe as describe_metrics;
pub use settings::Settings;
