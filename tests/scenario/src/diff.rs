//! What differs between what was expected and what came.

use std::fmt;

use crate::way::Way;

pub(crate) mod compare;

/// A batch of which something else came than was expected.
#[derive(Debug)]
pub struct Mismatch {
    /// The way in which the scenario ran.
    pub way: Way,
    /// The first and last line of the batch's steps, from 1.
    pub lines: (usize, usize),
    /// Both sides, in order.
    pub sides: Vec<Side>,
}

/// A record of both sides or of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// It came as expected.
    Both(String),
    /// It was expected, on that line, and did not come.
    Missing(usize, String),
    /// It came and was not expected.
    Extra(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.lines;
        if first == last {
            writeln!(f, "{}: of line {first} came", self.way)?;
        } else {
            writeln!(f, "{}: of lines {first} to {last} came", self.way)?;
        }
        for side in &self.sides {
            match side {
                Side::Both(text) => writeln!(f, "    {text}")?,
                Side::Missing(line, text) => writeln!(f, "  - {text}    (expected by line {line})")?,
                Side::Extra(text) => writeln!(f, "  + {text}")?,
            }
        }
        Ok(())
    }
}
