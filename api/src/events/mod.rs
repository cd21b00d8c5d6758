//! Events over HTTP: a body is cut into events, each is judged as the workers will judge it, the good ones go into
//! the log in one append.

pub(crate) mod append;
mod judge;
mod pieces;

#[cfg(test)]
mod tests;
