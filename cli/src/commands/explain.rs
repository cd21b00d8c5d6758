//! `tocsin rules explain`

use std::path::Path;

use engine::{Reason, decode};
use rules::{CustomerId, ExplainLimits, Marks, Payload, Rule, RuleExplanation};
use serde_json::json;
use uuid::Uuid;

use super::{input, rule_files, validate};
use crate::arguments::Output;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn explain(
    files: &Path,
    wanted: Option<&str>,
    event: &Path,
    customer: Option<Uuid>,
    output: Output,
) -> Result<(), Failure> {
    let rules = rules(files, wanted)?;
    let (customer, payload) = read_event(event, customer)?;
    let explain =
        |rule: &Rule| RuleExplanation::new(rule, Some(customer), &payload, ExplainLimits::default());
    let explained: Vec<RuleExplanation> = rules.iter().map(explain).collect();
    match output {
        Output::Json => println!("{}", json!(explained)),
        Output::Text => {
            let marks = marks(|name| std::env::var(name).ok());
            let texts: Vec<String> = explained.iter().map(|rule| rule.to_text(marks)).collect();
            print!("{}", texts.join("\n"));
        },
    }
    Ok(())
}

fn rules(files: &Path, wanted: Option<&str>) -> Result<Vec<Rule>, Failure> {
    let rules = validate::sound(rule_files::read(files)?)?;
    let is_wanted = |rule: &Rule| {
        let (alert, key) = (rule.key.alert.to_string(), rule.key.to_string());
        wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(&alert) || wanted.eq_ignore_ascii_case(&key))
    };
    let rules: Vec<Rule> = rules.into_iter().filter(is_wanted).collect();
    match (rules.is_empty(), wanted) {
        (false, _) => Ok(rules),
        (true, None) => Err(Failure::usage(format!("{}: there are no rules", files.display()))),
        (true, Some(wanted)) => {
            Err(Failure::usage(format!("{}: there is no rule {wanted}", files.display())))
        },
    }
}

fn read_event(file: &Path, customer: Option<Uuid>) -> Result<(CustomerId, Payload), Failure> {
    let bytes = input::read(file)?;
    let refused = |detail: String| Failure::usage(format!("{}: {detail}", file.display()));
    if let Some(customer) = customer {
        let text = std::str::from_utf8(&bytes).map_err(|error| refused(error.to_string()))?;
        let payload = Payload::parse(text.trim()).map_err(|error| refused(error.to_string()))?;
        return Ok((CustomerId::from_uuid(customer), payload));
    }
    let event = decode(Some(bytes.trim_ascii())).map_err(|refusal| {
        let hint = if matches!(refusal.reason, Reason::BadCustomer | Reason::BadPayloadType) {
            "; if this is a bare payload, name its customer with --customer"
        } else {
            ""
        };
        refused(format!("{} {}{hint}", refusal.reason.code(), refusal.detail))
    })?;
    Ok((event.customer, event.payload))
}

/// Signs where the locale can show them, words elsewhere.
fn marks(variable: impl Fn(&str) -> Option<String>) -> Marks {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    let is_unicode = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    if is_unicode { Marks::Signs } else { Marks::Words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_for_locales_that_show_them() {
        let marks = |list: &'static [(&str, &str)]| {
            marks(|name| list.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(marks(&[("LANG", "en_GB.UTF-8")]), Marks::Signs);
        assert_eq!(marks(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]), Marks::Words);
        assert_eq!(marks(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]), Marks::Signs);
        assert_eq!(marks(&[]), Marks::Words);
    }
}
