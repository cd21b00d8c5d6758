//! Destinations: webhooks that alerts are sent to. The alert topic is read into a queue of each destination, in one
//! transaction with the position; [`deliver`] sends what waits, each destination on its own. [`address`] says where to
//! that may be, [`form`] what is sent, [`verdict`] what an answer means.

mod address;
mod deliver;
pub(crate) mod form;
pub(crate) mod list;
pub(crate) mod make;
mod send;
#[cfg(test)]
mod tests;
mod verdict;

pub use address::Network;
pub(crate) use deliver::Deliverer;
