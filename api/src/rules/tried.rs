//! The tests that a rule carries are run before it is saved.

use engine::run_tests;
use rules::Rule;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::error::{Answer, Code, Fault, Problem};

/// How many differences are told.
const FAULTS_MAX: usize = 20;

/// Saves a rule whose tests fail.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ForceQuery {
    /// Save the rule although its tests fail.
    #[serde(default)]
    pub(crate) force: bool,
    /// Why; needed with `force`, and logged.
    pub(crate) reason: Option<String>,
}

/// Whether the rule may be saved.
pub(super) fn check(rule: &Rule, query: &ForceQuery) -> Answer<()> {
    let reason = query.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    match (query.force, reason) {
        (true, None) => {
            return Err(Problem::new(Code::BadQuery, "`force` needs a `reason`: say why in a few words"));
        },
        (true, Some(reason)) => {
            tracing::warn!(rule = %rule.key, reason, "a rule is saved without its tests");
            return Ok(());
        },
        (false, _) => {},
    }
    let faults = faults(rule)?;
    if faults.is_empty() {
        return Ok(());
    }
    let detail = "the rule's tests do not come out as they say; it is not saved";
    Err(Problem::new(Code::RuleTestsFailed, detail).with_faults(faults))
}

/// Expected and actual alerts of the rule's tests, as far as they differ.
pub(super) fn faults(rule: &Rule) -> Answer<Vec<Fault>> {
    let reports = run_tests(rule).map_err(|failure| Problem::new(Code::Internal, failure.to_string()))?;
    let failed = reports.iter().enumerate().filter(|(_, report)| !report.passed);
    let faults = failed.flat_map(|(test, report)| {
        let cut = report.cut.iter().map(move |event| Fault {
            code: Code::RuleTestsFailed.code(),
            pointer: Some(format!("/tests/{test}/events/{event}")),
            line: None,
            column: None,
            message: format!("test `{}`: the rule looks at more of the event than it may", report.name),
            expected: "paths that look at no more than 100,000 nodes of an event".to_owned(),
        });
        let differences = report.differences.iter().map(move |difference| Fault {
            code: Code::RuleTestsFailed.code(),
            pointer: Some(format!("/tests/{test}/expect/{}", difference.index)),
            line: None,
            column: None,
            message: format!("test `{}`: {} came", report.name, side(difference.actual.as_ref())),
            expected: side(difference.expected.as_ref()),
        });
        cut.chain(differences)
    });
    Ok(faults.take(FAULTS_MAX).collect())
}

fn side(alert: Option<&Value>) -> String {
    alert.map_or_else(|| "no alert".to_owned(), |alert| format!("the alert {alert}"))
}
