//! The settings of the router, checked.

use worker::router::{Begin, Customer, Field, Mapping};

use super::{Check, Layers};

/// Checked settings of the router.
#[derive(Debug, Clone)]
pub(crate) struct RouterConfig {
    pub(crate) input: String,
    pub(crate) dead_letters: String,
    pub(crate) mapping: Mapping,
    pub(crate) from: Option<Begin>,
}

/// Reads them if an input topic is named; what is wrong is noted.
pub(super) fn read(check: &mut Check<'_>) -> Option<RouterConfig> {
    let text = |layers: &Layers, setting: &str| layers.get(setting).unwrap_or_default().to_owned();
    let input = text(check.layers, "router.input");
    if input.is_empty() {
        return None;
    }
    let customer =
        check.setting("router.customer", customer, "`key`, or a path of names such as $.tenant.id");
    let payload = check.setting(
        "router.payload",
        |text| Field::parse(text).ok(),
        "a path of names such as $.body, or $",
    );
    let from = check.setting("router.from", from, "`beginning` or `end`");
    let dead_letters = text(check.layers, "router.dead-letters");
    Some(RouterConfig {
        input,
        dead_letters,
        mapping: Mapping { customer: customer?, payload: payload? },
        from: from?,
    })
}

fn customer(text: &str) -> Option<Customer> {
    if text == "key" { Some(Customer::Key) } else { Field::parse(text).ok().map(Customer::Field) }
}

fn from(text: &str) -> Option<Option<Begin>> {
    match text {
        "" => Some(None),
        "beginning" => Some(Some(Begin::Beginning)),
        "end" => Some(Some(Begin::End)),
        _ => None,
    }
}
