//! An allocator that counts, for tests and benchmarks that say how much memory something takes.
#![allow(dead_code, reason = "every test and benchmark takes its own part of this")]
#![expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; this one passes everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted.
pub(crate) struct Counting;

/// How many bytes are allocated now.
pub(crate) fn bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

/// How many allocations there were.
pub(crate) fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// The most bytes beyond those now that were allocated at once while this ran, and what it answered.
pub(crate) fn peak<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = bytes();
    PEAK.store(before, Ordering::Relaxed);
    let answer = run();
    (PEAK.load(Ordering::Relaxed) - before, answer)
}

fn add(size: usize) {
    let now = BYTES.fetch_add(size, Ordering::Relaxed) + size;
    PEAK.fetch_max(now, Ordering::Relaxed);
    COUNT.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: both functions pass their arguments on to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}
