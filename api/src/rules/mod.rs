//! Rules over HTTP. A write is a control record; the answer is what the rule book made of that record.

pub(crate) mod bootstrap;
pub(crate) mod contract;
pub(crate) mod effective;
pub(crate) mod explain;
pub(crate) mod export;
mod follower;
pub(crate) mod groups;
pub(crate) mod import;
pub(crate) mod list;
mod outcome;
mod page;
mod posted;
mod precondition;
pub(crate) mod preview;
pub(crate) mod schema;
mod sight;
mod tried;
pub(crate) mod validate;
pub(crate) mod write;

pub(crate) use effective::Effective;
pub(crate) use follower::Follower;
pub(crate) use precondition::expected as expected_version;

#[cfg(test)]
mod tests;
