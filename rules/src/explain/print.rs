//! Explanations as text: an indented tree, for terminals and for people.

use std::fmt::Write;

use super::{Explanation, RuleExplanation, Selected, Why};

/// How truth is marked in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// `✓` and `✗`.
    Signs,
    /// `yes` and `no`, for terminals that have no such signs.
    Words,
}

impl Marks {
    fn of(self, holds: bool) -> &'static str {
        match (self, holds) {
            (Self::Signs, true) => "✓",
            (Self::Signs, false) => "✗",
            (Self::Words, true) => "yes",
            (Self::Words, false) => "no ",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Signs => 2,
            Self::Words => 4,
        }
    }
}

impl RuleExplanation {
    /// The rule, then the tree of each of its conditions. Every line ends in a line feed.
    pub fn to_text(&self, marks: Marks) -> String {
        let mut tree = Tree { marks, text: String::new() };
        tree.line(0, &format!("{}/{} {}", self.customer_id, self.alert_id, self.alert_name));
        if self.applies == Some(false) {
            tree.line(
                0,
                &format!(
                    "{} the rule is not evaluated for this customer, by its owner, scope or status",
                    marks.of(false)
                ),
            );
        }
        for condition in &self.conditions {
            tree.line(0, &format!("{}:", condition.name));
            tree.explanation(0, &condition.explanation);
        }
        tree.text
    }
}

impl Explanation {
    /// The tree. Every line ends in a line feed.
    pub fn to_text(&self, marks: Marks) -> String {
        let mut tree = Tree { marks, text: String::new() };
        tree.explanation(0, self);
        tree.text
    }
}

struct Tree {
    marks: Marks,
    text: String,
}

impl Tree {
    fn line(&mut self, indent: usize, line: &str) {
        for _ in 0..indent {
            self.text.push(' ');
        }
        // Names come from tenants and values from payloads: nothing of them may steer a terminal.
        for each in line.chars() {
            if each.is_control() || is_direction(each) {
                write!(self.text, "\\u{{{:x}}}", u32::from(each)).expect("a string takes every text");
            } else {
                self.text.push(each);
            }
        }
        self.text.push('\n');
    }

    fn explanation(&mut self, indent: usize, explained: &Explanation) {
        let mark = self.marks.of(explained.holds);
        let inside = indent + self.marks.width();
        let reason = &explained.reason;
        match &explained.why {
            Why::All { parts } => self.group(indent, &format!("{mark} all of these: {reason}"), parts),
            Why::Any { parts } => self.group(indent, &format!("{mark} one of these: {reason}"), parts),
            Why::Not { part } => {
                self.group(indent, &format!("{mark} not this: {reason}"), std::slice::from_ref(part));
            },
            Why::Selection { selection, part } => {
                let part = part.as_deref().map(std::slice::from_ref).unwrap_or_default();
                self.group(indent, &format!("{mark} {selection}: {reason}"), part);
            },
            Why::Test { text, nodes, nodes_total, .. } => {
                self.line(indent, &format!("{mark} {text}"));
                self.line(inside, reason);
                self.nodes(inside, nodes, *nodes_total);
            },
        }
    }

    fn group(&mut self, indent: usize, head: &str, parts: &[Explanation]) {
        self.line(indent, head);
        for part in parts {
            self.explanation(indent + self.marks.width(), part);
        }
    }

    fn nodes(&mut self, indent: usize, nodes: &[Selected], total: usize) {
        for node in nodes {
            // A single node has the verdict and the reason of its test.
            let (mark, why) = if total > 1 {
                let why = node.why.as_ref().map(|why| format!("  -- {why}")).unwrap_or_default();
                (format!("{} ", self.marks.of(node.meets)), why)
            } else {
                (String::new(), String::new())
            };
            let what = if node.is_length { "length of " } else { "" };
            self.line(indent, &format!("{mark}{what}{} = {}{why}", node.path, node.value));
        }
        match total - nodes.len().min(total) {
            0 => {},
            more => self.line(indent, &format!("and {more} more")),
        }
    }
}

/// Signs that turn the direction of what follows, so that a line would read as another one.
fn is_direction(each: char) -> bool {
    matches!(each, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}
