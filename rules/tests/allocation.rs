//! What reading an event allocates: nothing but what it keeps, once a thread has read a few; and what hostile events can take.
//!
//! A binary of its own, because it counts what is allocated: how often by each thread, since that of the test runner allocates too,
//! and how much by the whole process. Tests share a lock.
#![allow(unsafe_code, reason = "an allocator that counts")]

#[path = "made/mod.rs"]
mod made;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use made::{Chance, customer, event, put};
use rules::{Matcher, Payload, PayloadError, RuleBook, Snapshot};
use serde_json::Value;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    // A thread that ends may allocate after its counter is gone.
    COUNT.try_with(|count| count.set(count.get() + 1)).unwrap_or_default();
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the allocator of the system as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        taken(size);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Tests of one binary run side by side, and would count each other's.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What something gives and how often it allocates.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = COUNT.get();
    let result = work();
    (result, COUNT.get() - before)
}

fn snapshot(conditions: &[&str]) -> Snapshot {
    let mut book = RuleBook::default();
    for (alert, condition) in conditions.iter().enumerate() {
        book.apply(put(customer(alert % 2), alert, condition));
    }
    Matcher::compile(&book)
}

/// The event without decimals, which are computed with.
fn events() -> Vec<String> {
    let mut chance = Chance(20_261_121);
    let event = |_| {
        let mut event = event(&mut chance);
        event["amount"] = Value::from(1);
        event.to_string()
    };
    (0..50).map(event).collect()
}

#[test]
fn after_the_first_events_reading_allocates_what_is_kept_and_nothing_else() {
    let _alone = alone();
    let texts = events();
    let literals: Vec<String> = texts.iter().map(|text| Value::from(text.as_str()).to_string()).collect();
    let nobody = snapshot(&[]);
    let some = snapshot(&[
        "$.action == \"created\"",
        "$.actor.login == \"ann\" && $.actor.id > 3",
        "$.acl[*].user.login == \"bob\"",
        "$.repository.private == true",
    ]);
    for round in 0..2 {
        for (text, literal) in texts.iter().zip(&literals) {
            for snapshot in [&nobody, &some] {
                for (read, read_count) in [
                    counted(|| snapshot.read(customer(1), text).unwrap()),
                    counted(|| snapshot.read_quoted(customer(1), literal).unwrap()),
                ] {
                    let (copy, kept_count) = counted(|| read.clone());
                    assert!(copy == read);
                    // In the first round memory is taken that stays.
                    assert!(round == 0 || read_count == kept_count, "{read_count} and {kept_count}: {text}");
                    assert!(kept_count == 0 || !read.root().is_null());
                }
            }
        }
    }
}

/// 1 MiB of what costs most, by kind.
fn hostile() -> Vec<(&'static str, String)> {
    const LENGTH: usize = 1 << 20;
    let fill =
        |start: &str, piece: &str, end: &str| format!("{start}{}{end}", piece.repeat(LENGTH / piece.len()));
    vec![
        ("brackets", fill("", "[", "")),
        ("brackets and names", fill("", "{\"a\":", "")),
        ("empty arrays", fill("[[]", ",[]", "]")),
        ("arrays as deep as allowed", fill("[0", &format!(",{}{}", "[".repeat(63), "]".repeat(63)), "]")),
        ("an array one too deep", fill("[0", &format!(",{}{}", "[".repeat(64), "]".repeat(64)), "]")),
        ("elements", fill("[1", ",1", "]")),
        ("commas", fill("[", ",", "]")),
        ("backslashes", fill("\"", "\\\\", "\"")),
        ("a backslash too many", fill("\"", "\\\\", "\\\"")),
        ("quotes", fill("\"", "\\\"", "\"")),
        ("open strings", fill("", "\"\\", "")),
        ("escapes", fill("[\"", "\\u0041", "\"]")),
        ("line ends", fill("\"", "a\\n", "\"")),
        ("half pairs", fill("[\"", "\\ud800", "\"]")),
        ("pairs", fill("[\"", "\\ud83d\\ude00", "\"]")),
        ("a long exponent", fill("1e", "9", "")),
        ("a long number", fill("", "9", ".5")),
        ("large numbers", fill("[1e999", ",1e999", "]")),
        ("zero bytes", fill("\"", "\0", "\"")),
        ("zero bytes alone", fill("", "\0", "")),
        ("blanks", fill("[", " \n\t", "]")),
        ("one name", fill("{\"a\":0", ",\"a\":1", "}")),
        ("one name, of objects", fill("{\"a\":0", ",\"a\":{\"a\":{}}", "}")),
    ]
}

#[test]
fn hostile_events_take_memory_in_proportion_and_give_it_back() {
    let _alone = alone();
    let some = snapshot(&["$.a.a == 1", "$[*] == 1", "$[0][0][0] exists", "$.*.b == 2"]);
    for (name, text) in hostile() {
        let held = HELD.load(Ordering::Relaxed);
        PEAK.store(held, Ordering::Relaxed);
        let literal = Value::from(text.as_str()).to_string();
        let whole = Payload::parse(&text).err();
        assert_eq!(some.read(customer(1), &text).err(), whole, "{name}");
        assert_eq!(some.read_quoted(customer(1), &literal).err(), whole, "{name}");
        let refused = matches!(name, "brackets" | "brackets and names" | "an array one too deep");
        assert_eq!(whole == Some(PayloadError::TooDeep), refused, "{name}");
        drop((whole, literal, text));
        let peak = PEAK.load(Ordering::Relaxed) - held;
        // A member of a few bytes becomes a node with a name of its own.
        assert!(peak <= 96 << 20, "{name}: {peak} bytes at once");
        // What stays is the memory of the thread for the next events, whatever it was.
        let stays = HELD.load(Ordering::Relaxed).saturating_sub(held);
        assert!(stays <= 16 << 20, "{name}: {stays} bytes stay");
    }
}
