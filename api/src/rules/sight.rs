//! Which rules somebody sees, and how much of each: of a global rule a customer sees what applies to itself, and nothing
//! of other customers.

use rules::{ActiveRule, CustomerId, RuleBook, RuleKey};
use serde_json::Value;

use crate::access::Reach;
use crate::error::{Answer, Code, Problem};

/// Whether they see the rule at all.
pub(super) fn sees(reach: Reach, active: &ActiveRule) -> bool {
    let owner = active.rule.key.customer;
    reach.covers(owner)
        || matches!(reach, Reach::Customer(own) if owner.is_global() && active.rule.applies_to(own))
}

/// The rule as they see it.
pub(super) fn shown(reach: Reach, active: &ActiveRule) -> Value {
    let Reach::Customer(own) = reach else { return active.to_json() };
    if !active.rule.key.customer.is_global() {
        return active.to_json();
    }
    let mut seen = active.clone();
    let ActiveRule { rule, suspended, .. } = &mut seen;
    // It applies, so it is not excluded; who else is, is nobody's business.
    rule.scope.exclude.clear();
    rule.scope.include.retain(|customer| *customer == own);
    rule.scope.overrides.retain(|customer, _| *customer == own);
    suspended.retain(|customer, _| *customer == own);
    seen.to_json()
}

/// Whether they may write this rule.
///
/// # Errors
/// A rule that they see is not theirs; of any other they learn no more than that there is none.
pub(super) fn may_write(reach: Reach, key: &RuleKey, book: &RuleBook) -> Answer<()> {
    if reach.covers(key.customer) {
        return Ok(());
    }
    if book.get(key).is_some_and(|active| sees(reach, active)) {
        return Err(Problem::new(Code::NotAllowed, "a global rule is written by its authors alone"));
    }
    Err(missing(key, book))
}

/// The answer for a rule that is not there, or not for them.
pub(super) fn missing(key: &RuleKey, book: &RuleBook) -> Problem {
    let problem = Problem::new(Code::NoSuchRule, format!("there is no rule {key}"));
    if book.get(key).is_some() { problem.hidden() } else { problem }
}

/// Whether they may write rules of this customer, whichever they are.
///
/// # Errors
/// It is another customer.
pub(super) fn may_write_for(reach: Reach, customer: CustomerId) -> Answer<()> {
    if reach.covers(customer) {
        return Ok(());
    }
    let detail = "the rule belongs to another customer than the token";
    let fault = crate::access::foreign("/customerId");
    Err(Problem::new(Code::OtherCustomer, detail).with_faults(vec![fault]))
}

#[cfg(test)]
mod tests {
    use rules::{Generation, RuleVersion, Suspension, SuspensionReason, Timestamp, read_rule};

    use super::*;

    #[test]
    fn of_a_global_rule_a_customer_sees_its_own_suspension_and_no_other() {
        let text = br#"{"customerId": "deadbeef-dead-beef-dead-beefdeadbeef",
            "alertId": "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10", "alertName": "n", "match": "$.a"}"#;
        let (rule, _) = read_rule(text, None).unwrap();
        let mut active = ActiveRule::new(rule, RuleVersion(1), Generation(1));
        let [own, other]: [CustomerId; 2] =
            ["9f20f8a4-d8c8-4a74-ac90-3452b97c2e34", "11111111-2222-4333-8444-555555555555"]
                .map(|id| id.parse().unwrap());
        let suspension =
            Suspension { reason: SuspensionReason::StepBudget, since: Timestamp(0), partition: 0, offset: 7 };
        active.suspended.insert(other, suspension);
        let seen = shown(Reach::Customer(own), &active);
        assert_eq!(seen.get("suspended"), None, "{seen}");
        active.suspended.insert(own, suspension);
        let seen = shown(Reach::Customer(own), &active);
        assert_eq!(seen["suspended"].as_array().unwrap().len(), 1);
        assert!(!seen.to_string().contains(&other.to_string()), "{seen}");
        assert_eq!(shown(Reach::Global, &active)["suspended"].as_array().unwrap().len(), 2);
        assert!(sees(Reach::Customer(own), &active), "a suspended rule still applies to its customer");
    }
}
