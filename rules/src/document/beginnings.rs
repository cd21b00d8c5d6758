//! How names begin: a set that tells most names that nobody looks for from the others, by two bytes and without an end.

/// A set of beginnings. It may hold more than was added, never less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Beginnings([u64; 4]);

impl Beginnings {
    /// All names.
    pub(crate) const ALL: Self = Self([u64::MAX; 4]);

    /// Adds a name.
    pub(crate) fn add(&mut self, name: &str) {
        match name.as_bytes() {
            // As it stands in a text: the closing quote, and then anything.
            [] => (0..=u8::MAX).for_each(|second| self.put(b'"', second)),
            [first] => self.put(*first, b'"'),
            [first, second, ..] => self.put(*first, *second),
        }
    }

    /// What is in either one.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(own, theirs)| *own |= theirs);
        self
    }

    /// Whether a name may be one of these, given the two bytes behind its opening quote in a text.
    pub(crate) fn may_have(&self, [first, second]: [u8; 2]) -> bool {
        let (word, bit) = place(first, second);
        // What a backslash stands for may be anything.
        self.0[word] >> bit & 1 == 1 || first == b'\\' || second == b'\\'
    }

    fn put(&mut self, first: u8, second: u8) {
        let (word, bit) = place(first, second);
        self.0[word] |= 1 << bit;
    }
}

fn place(first: u8, second: u8) -> (usize, u8) {
    let mixed = first ^ second.rotate_left(3);
    (usize::from(mixed % 4), mixed / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(names: &[&str], text: &str) -> bool {
        let mut beginnings = Beginnings::default();
        names.iter().for_each(|name| beginnings.add(name));
        beginnings.may_have(*text.as_bytes().first_chunk().unwrap())
    }

    #[test]
    fn a_name_that_was_added_is_there_however_it_is_written() {
        for (name, texts) in [
            ("action", &["action\":", "a\\u0063tion\"", "\\u0061ction\""][..]),
            ("a", &["a\":", "\\u0061\":"]),
            ("", &["\":1", "\" :", "\"\t:"]),
            ("é", &["é\":", "\\u00e9\""]),
        ] {
            texts.iter().for_each(|text| assert!(has(&[name, "other"], text), "{name} {text}"));
        }
        assert!(!has(&["action"], "sender\":") && !has(&[], "a\":"));
        assert!(Beginnings::ALL.may_have(*b"xy"));
    }
}
