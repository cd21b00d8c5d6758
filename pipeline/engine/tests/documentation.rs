//! The whole rules of `docs/rules.md` do what their own tests say.
#![expect(clippy::disallowed_methods, reason = "the documentation is a file, and the environment says where")]

use engine::run_tests;
use rules::read_rule;

#[test]
fn the_rules_of_the_documentation_pass_their_own_tests() {
    // Asked at run time: a target folder that several checkouts share keeps the paths of one of them.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let text = std::fs::read_to_string(format!("{folder}/../../docs/rules.md"))
        .expect("the documentation can be read");
    let boxes = text.split("```json rule\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let mut run = 0;
    for (rule, _) in boxes {
        let fresh = "00000000-0000-4000-8000-000000000002".parse().expect("an id");
        let (rule, _) = read_rule(rule.as_bytes(), Some(fresh)).expect("the documentation's rules are sound");
        for report in run_tests(&rule).expect("memory can be read") {
            assert!(report.passed, "{}: {:?}", report.name, report.differences);
            run += 1;
        }
    }
    assert!(run > 0, "no rule of the documentation carries a test");
}
