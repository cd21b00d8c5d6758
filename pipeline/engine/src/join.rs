//! The join: rules that were filled from the past become part of the live stream.

use std::collections::BTreeMap;

use bytes::Bytes;
use rules::CustomerId;

use crate::apply::{Context, Effects, Failure};
use crate::clock::Clock;
use crate::key::{ClockId, Key, Timer, clock_of, shared_by_customer, timer_owner};
use crate::run::Run;
use crate::view::View;
use crate::write::Table;

/// Gives the clocks and timers of newcomers to the live stream: they have met the same events as it. A clock becomes the later
/// one of both, since live clocks also go on in silence, and what is due by then fires. Timers of rules that are not in force
/// any more are left out.
///
/// `hidden` are the entries as [`crate::reveal`] names them.
///
/// # Errors
/// State that cannot be read.
pub fn join(
    hidden: impl IntoIterator<Item = (Table, Key, Bytes)>,
    view: View<'_>,
    context: &Context<'_>,
) -> Result<Effects, Failure> {
    let mut run = Run::new(view, context);
    let mut joined: BTreeMap<CustomerId, Vec<(ClockId, Clock)>> = BTreeMap::new();
    for (table, key, value) in hidden {
        if table == Table::Timers {
            let customer = timer_owner(&key).unwrap_or(CustomerId::GLOBAL);
            let timer = Timer::from_key(&key).ok_or_else(|| run.damaged(customer))?;
            if run.rule_of(customer, &timer).is_some() {
                run.view.put(Table::Timers, key, value);
            }
            continue;
        }
        if let Some(customer) = shared_by_customer(&key) {
            let groups: u64 = run.decode(customer, &value)?;
            run.add_groups(customer, groups)?;
            continue;
        }
        let Some((customer, clock_id)) = clock_of(&key) else { continue };
        let own: Clock = run.decode(customer, &value)?;
        let merged = match run.clock(customer, clock_id)? {
            None => Clock { wakes_at: None, ..own },
            Some(live) => live.joined(&own),
        };
        run.set_clock(customer, clock_id, merged);
        joined.entry(customer).or_default().push((clock_id, merged));
    }
    for (customer, clocks) in joined {
        let targets: Vec<_> =
            clocks.iter().map(|(clock_id, clock)| (customer, *clock_id, clock.now)).collect();
        run.advance(&targets, None)?;
        // Nothing came, so the customer is as silent as before.
        for (clock_id, clock) in clocks {
            if let Some(moved) = run.clock(customer, clock_id)? {
                run.set_clock(customer, clock_id, Clock { set_at: clock.set_at, ..moved });
            }
        }
    }
    Ok(run.finish())
}
