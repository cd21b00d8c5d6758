//! Rules and events for the end-to-end tests: real payloads where they are at hand, generated ones everywhere.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

/// How many customers the events belong to.
pub const CUSTOMERS: usize = 50;

/// A small seeded source of numbers (splitmix64, public domain algorithm by Sebastiano Vigna).
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).unwrap()
    }
}

pub fn customer(index: usize) -> String {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 + index as u128).to_string()
}

/// Twenty rules in the original form: half of them global, half of one customer each.
pub fn rules() -> Vec<Value> {
    let paths = [
        "$.action",
        "$.actor.email",
        "$.repository.private",
        "$..ip_address",
        "$.sender[?(@ == 'Codertocat')]",
        "$.probes[?(@.name == 'p-1')]",
        "$.probes[?(@.level > 7)].name",
        "$.actor[?(@ == 'bot')]",
        "$.changes[*].from",
        "$['type']",
    ];
    let rule = |(index, path): (usize, &&str)| {
        let threshold = [1, 3, 10, 25, 60][index % 5];
        let global = json!("deadbeef-dead-beef-dead-beefdeadbeef");
        let owner = if index < 10 { global } else { json!(customer(index)) };
        json!({
            "customerId": owner, "alertId": Uuid::from_u128(0x7000_8000_0000_0000_0000 + index as u128),
            "alertName": format!("rule {index}"), "alertDescription": path, "threshold": threshold, "jsonPath": path
        })
    };
    paths.iter().chain(&paths).enumerate().map(rule).collect()
}

/// Events as producers write them: about nine in ten small audit events, the rest large webhooks.
pub fn events(count: usize, seed: u64) -> Vec<Value> {
    let mut random = Random(seed);
    let (audit, webhooks) = (real("audit.ndjson.gz"), real("gh.ndjson.gz"));
    let payload = |random: &mut Random| {
        let pool = if random.below(10) == 0 { &webhooks } else { &audit };
        if pool.is_empty() || random.below(4) == 0 {
            return generated(random).to_string();
        }
        pool[random.below(pool.len())].clone()
    };
    let event = |_| {
        let payload = payload(&mut random);
        json!({"customerId": customer(random.below(CUSTOMERS)), "payload": payload})
    };
    (0..count).map(event).collect()
}

fn generated(random: &mut Random) -> Value {
    let probes: Vec<Value> = (0..random.below(3))
        .map(|_| json!({"name": format!("p-{}", random.below(4)), "level": random.below(10)}))
        .collect();
    let action = ["created", "deleted", "", "shared"][random.below(4)];
    let kind = ["bot", "person"][random.below(2)];
    json!({
        "id": format!("{:016x}", random.number()),
        "action": action,
        "type": "generated",
        "actor": {"kind": kind, "email": "ann@example.com", "note": "a \"quoted\" \\ tab\t"},
        "repository": {"private": random.below(2) == 0, "size": random.number() % 1_000_000},
        "changes": if random.below(3) == 0 { json!([{"from": "x"}, {"from": null}]) } else { json!([]) },
        "ip": {"ip_address": format!("10.0.0.{}", random.below(256))},
        "probes": probes,
    })
}

/// One document a line of a file of real events, if it is at hand.
fn real(name: &str) -> Vec<String> {
    let folder =
        std::env::var_os("TOCSIN_TEST_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let Ok(file) = std::fs::File::open(folder.join(name)) else {
        return Vec::new();
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect()
}

/// The root of the repository, asked at run time: a target folder that several checkouts share keeps the paths of one of
/// them.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    Path::new(&package).parent().unwrap().to_owned()
}
