//! scratch
use engine::{Alert, Offset, Rehearsal};
use oracle::generate::case;
use rules::{Command, Payload, RuleBook, RuleVersion};
use serde_json::Value;
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let mut bad = 0; let mut shown = 0;
    for seed in args[0]..args[1] {
        let case = case(seed);
        let mut book = RuleBook::default();
        for rule in &case.rules { book.apply(Command::Put { rule: Box::new(rule.clone()), expected: None }); }
        let mut r = Rehearsal::new(book, "events");
        let mut alerts: Vec<Alert> = Vec::new();
        for e in &case.history.events {
            alerts.extend(r.event(e.customer, &Payload::from(e.payload.clone()), e.timestamp, Offset(e.position)).unwrap().alerts);
        }
        alerts.extend(r.finish(case.history.advance_to).unwrap().alerts);
        let found: Vec<Value> = alerts.iter().map(|a| { let mut v: Value = serde_json::from_slice(&a.to_json()).unwrap(); v.as_object_mut().unwrap().remove("emitTime"); v["ruleVersion"]=1.into(); v }).collect();
        let expected = oracle::evaluate(&case.rules, &case.history);
        if found == expected { continue; }
        bad += 1;
        if shown >= args.get(2).copied().unwrap_or(3) { continue; }
        shown += 1;
        println!("=== seed {seed}: {} expected {} found", expected.len(), found.len());
        let n = expected.iter().zip(&found).position(|(a,b)| a!=b).unwrap_or(expected.len().min(found.len()));
        let brief = |v: &Value| format!("{} {} g={} v={} at={} win={} seen={}..{} late={} id={} ev={} ent={}", v["alertId"].as_str().unwrap().get(32..).unwrap(), v["state"], v["group"], v["value"], v["eventTime"], v["window"], v["firstSeen"], v["lastSeen"], v["late"], v["alertInstanceId"].as_str().unwrap().get(..6).unwrap(), v["evidence"].as_array().unwrap().iter().map(|e| e["offset"].to_string()+e["eventId"].as_str().unwrap_or("-")).collect::<Vec<_>>().join(","), v["entities"]);
        for i in n.saturating_sub(1)..(n+2) {
            println!("  exp {i}: {}", expected.get(i).map(brief).unwrap_or_default());
            println!("  got {i}: {}", found.get(i).map(brief).unwrap_or_default());
        }
        if let (Some(a),Some(b)) = (expected.get(n), found.get(n)) { for (k,v) in a.as_object().unwrap() { if b.get(k)!=Some(v) { println!("  field {k}: exp {v} got {:?}", b.get(k)); } } }
        if args.len() > 3 {
            let id = expected.get(n).or(found.get(n)).unwrap()["alertId"].clone(); let cust = expected.get(n).or(found.get(n)).unwrap()["customerId"].clone();
            for rule in &case.rules { if rule.key.alert.to_string() == id.as_str().unwrap() { let mut w = rules::write_rule(rule, RuleVersion(1)); w.as_object_mut().unwrap().remove("entities"); println!("  rule {}", w); } }
            for e in &case.history.events { if e.customer.to_string()==cust.as_str().unwrap() { println!("   {} {} {}", e.position, e.timestamp, e.payload); } }
        }
    }
    println!("{bad} bad of {}", args[1]-args[0]);
}
