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
