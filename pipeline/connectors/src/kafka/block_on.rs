//! Waits for a future on this thread. rdkafka's admin calls are futures, and nothing else here needs a runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end. What it waits for must be driven by another thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_future_that_is_woken_by_another_thread_ends() {
        let ready = Arc::new(AtomicBool::new(false));
        let waiting: Arc<Mutex<Option<Waker>>> = Arc::default();
        let other = {
            let (ready, waiting) = (Arc::clone(&ready), Arc::clone(&waiting));
            thread::spawn(move || {
                loop {
                    if let Some(waker) = waiting.lock().unwrap().take() {
                        ready.store(true, Ordering::SeqCst);
                        return waker.wake();
                    }
                    thread::yield_now();
                }
            })
        };
        let answer = block_on(std::future::poll_fn(|context| {
            if ready.load(Ordering::SeqCst) {
                return Poll::Ready(7);
            }
            *waiting.lock().unwrap() = Some(context.waker().clone());
            Poll::Pending
        }));
        other.join().unwrap();
        assert_eq!(answer, 7);
    }
}
