//! Runs one seed of the simulated world and tells what happened, line by line: `cargo run -p simulation --example seed -- 7`.
//! A seed that fails is made shorter first.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command tells what it did")]

use simulation::{minimise, run, scenario};

fn main() -> std::process::ExitCode {
    let Some(seed) = std::env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("usage: seed NUMBER");
        return 2.into();
    };
    let (mut played, mut wrong) = run(&scenario(seed));
    if !wrong.is_empty() {
        let shortest;
        (shortest, played, wrong) = minimise(&scenario(seed));
        shortest.items.iter().for_each(|item| println!("t={} {:?} {:?}", item.at, item.fault, item.what));
        println!("{} workers, {} partitions, {:?}", shortest.workers, shortest.partitions, shortest.faults);
    }
    played.trace.iter().for_each(|line| println!("{line}"));
    println!("{} faults inside, outside {:?}", played.injected.len(), played.outside);
    println!("fingerprint {:016x}", played.fingerprint);
    for what in &wrong {
        println!("WRONG: {what}");
    }
    u8::from(!wrong.is_empty()).into()
}
