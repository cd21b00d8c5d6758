//! Errors as clients see them: RFC 9457 `application/problem+json` with a stable code, the places in the caller's
//! input, and a link to the code's entry in `docs/errors.md`.

mod code;
mod fault;
mod inner;
mod ports;
mod problem;
mod records;

pub(crate) use code::Code;
pub(crate) use fault::Fault;
pub(crate) use problem::{CodeOf, Problem, ProblemBody};

/// What handlers answer.
pub(crate) type Answer<T> = Result<T, Problem>;

#[cfg(test)]
mod tests {
    use ::rules::ProblemCode;
    use engine::Reason;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/errors.md");

    fn all_codes() -> Vec<&'static str> {
        let rules = ProblemCode::ALL.iter().map(|code| code.code());
        let engine = Reason::ALL.iter().map(|reason| reason.code());
        let api = Code::ALL.iter().map(|code| code.code());
        rules.chain(engine).chain(api).collect()
    }

    #[test]
    fn every_code_has_one_entry_in_the_document_and_every_entry_a_code() {
        let headings: Vec<&str> = DOCUMENT
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .filter(|heading| heading.starts_with("TOC-"))
            .collect();
        assert_eq!(headings, all_codes(), "docs/errors.md lists the codes in order");
    }

    #[test]
    fn every_entry_says_what_happened_why_and_what_to_do() {
        for entry in DOCUMENT.split("\n## ").skip(1).filter(|entry| entry.starts_with("TOC-")) {
            for part in ["**What happened.**", "**Why.**", "**What to do.**"] {
                assert!(entry.contains(part), "{part} is missing in {entry}");
            }
        }
    }

    #[test]
    fn codes_are_distinct_and_stable() {
        let numbers: Vec<_> = Code::ALL.iter().map(|code| code.code()).collect();
        let expected: Vec<_> = (4001..4001 + Code::ALL.len()).map(|number| format!("TOC-{number}")).collect();
        assert_eq!(numbers, expected);
    }
}
