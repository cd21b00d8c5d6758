//! Random events: ties, late ones, times that cannot be read, repeated ids, odd keys and numbers.

use rules::{Payload, Timestamp};

use super::{Chance, Kind, customers};
use crate::{Event, History};

/// Times lie around here: an hour's end, which is a border of every window.
const BASE: i64 = 1_700_002_800_000;

/// Values of `n`: small ones that collide, decimals beyond the ninth digit, huge ones, and none.
const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "1",
    "2",
    "2",
    "3",
    "1.0",
    "-1",
    "-2",
    "0.5",
    "1.5",
    "0.0000000005",
    "0.1234567895",
    "1e-12",
    "999999999999999999",
    "1e18",
    "1e400",
    "\"1\"",
    "null",
    "[1,2]",
    "[1,\"x\",2.5]",
    "",
];
/// Values of `k`.
const KEYS: [&str; 14] = [
    "\"x\"",
    "\"x\"",
    "\"x\"",
    "\"y\"",
    "\"y\"",
    "1",
    "1.0",
    "\"1\"",
    "true",
    "null",
    "[\"x\",\"y\"]",
    "[\"y\",null]",
    "{}",
    "",
];
/// Values of `e`.
const ENTITIES: [&str; 11] = [
    "\"p\"",
    "\"p\"",
    "\"p\"",
    "\"q\"",
    "\"q\"",
    "\"r\"",
    "1",
    "[\"p\",\"q\"]",
    "[\"r\",\"r\",null]",
    "null",
    "",
];
/// Values of `id`.
const IDS: [&str; 9] = ["\"i1\"", "\"i1\"", "\"i2\"", "\"i3\"", "7", "7.0", "null", "[1]", ""];
/// Steps of time between events, in milliseconds.
const STEPS: [i64; 10] = [0, 0, 1, 500, 1_000, 1_000, 1_000, 2_000, 3_000, 7_000];

pub(super) fn history(chance: &mut Chance, kind: Kind) -> History {
    let count = if chance.percent(20) { 1 + chance.below(12) } else { 12 + chance.below(29) };
    let customers_used = chance.pick(&[1, 1, 2, 3]);
    // Some histories hardly know lateness, others hardly order.
    let late = chance.pick(&[0, 15, 40]);
    let mut front = BASE - chance.pick(&[0, 5_000, 20_000, 20_000]);
    let mut events = Vec::new();
    for index in 0..count {
        front += chance.pick(&STEPS);
        if chance.percent(2) {
            front += chance.pick(&[30_000, 120_000, 3_600_000]);
        }
        let mut time = front;
        if chance.percent(late) {
            time -= chance.pick(&[1, 500, 1_000, 2_000, 5_000, 10_000, 20_000]);
        }
        if kind == Kind::OrderFree {
            // Every time is another one: what ties do depends on arrival.
            time = time / 100 * 100 + i64::try_from(index).expect("there are few events");
        }
        let record = if chance.percent(50) { time } else { time + chance.between(-2, 4) * 1_000 };
        let customer = customers()[chance.below(customers_used)];
        let payload = payload(chance, time, kind);
        let payload = Payload::parse(&payload).expect("payloads are JSON").root().clone();
        // Positions grow, and not by one: other customers' events lie between.
        let position = u64::try_from(index * 3 + 5).expect("there are few events");
        events.push(Event { customer, payload, timestamp: Timestamp(record), position });
    }
    let advance_to = chance.percent(40).then(|| {
        let later = chance.pick(&[-5_000, 0, 1_000, 10_000, 25_000, 3_700_000]);
        Timestamp(front + later)
    });
    History { events, advance_to }
}

fn payload(chance: &mut Chance, time: i64, kind: Kind) -> String {
    let mut members = vec![format!("\"a\":{}", chance.below(4)), format!("\"b\":{}", chance.below(3))];
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            members.push(format!("\"{name}\":{value}"));
        }
    };
    put("k", chance.pick(&KEYS));
    put("e", chance.pick(&ENTITIES));
    put("id", chance.pick(&IDS));
    put("n", chance.pick(&NUMBERS));
    put("c", chance.pick(&["0", "1", "2", "2", "3", "2.0", "1.5", "-1", "\"2\"", ""]));
    let is_sound = kind == Kind::OrderFree || chance.percent(92);
    let text = Timestamp(time).to_string();
    let (at, ts) = match (is_sound, chance.below(6)) {
        (true, 0) => (format!("\"{time}\""), format!("\"{text}\"")),
        (true, 1) => (format!("{time}.9"), format!("\"{}\"", text.replace('Z', "9+00:00"))),
        (true, _) => (time.to_string(), format!("\"{text}\"")),
        (false, 0) => ("null".to_owned(), "17".to_owned()),
        (false, 1) => ("\"soon\"".to_owned(), "\"soon\"".to_owned()),
        (false, 2) => ("1e30".to_owned(), "\"10000-01-01T00:00:00Z\"".to_owned()),
        (false, 3) => (format!("[{time}]"), format!("[\"{text}\"]")),
        (false, _) => (String::new(), String::new()),
    };
    put("at", &at);
    put("ts", &ts);
    format!("{{{}}}", members.join(","))
}
