//! The inbox: what the alert topic says, one item an alert, with what people do about it. [`item`] is the pure fold of
//! records into items, [`project`] keeps the tables that come of it, [`silence`] says what is not told to anybody; the
//! other files are what people ask and do.

pub(crate) mod change;
pub(crate) mod groups;
pub(crate) mod item;
pub(crate) mod list;
mod project;
pub(crate) mod rebuild;
mod shown;
pub(crate) mod silence;
pub(crate) mod silences;
#[cfg(test)]
mod tests;

pub(crate) use project::Projector;
