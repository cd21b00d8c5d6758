//! Rules over HTTP. A write is a control record; the answer is what the rule book made of that record.

pub(crate) mod effective;
mod follower;
pub(crate) mod list;
mod outcome;
mod page;
mod posted;
mod precondition;
pub(crate) mod schema;
pub(crate) mod write;

pub(crate) use effective::Effective;
pub(crate) use follower::Follower;

#[cfg(test)]
mod tests;
