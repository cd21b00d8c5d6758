//! What takes long runs on a thread of its own, with less of the processor than the stream.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use worker::Background;

/// How much the thread stands back for others, as `nice` counts.
const NICENESS: i32 = 10;

type Task = (String, Box<dyn FnOnce() + Send>);

/// One thread for all tasks, in order. It ends when the last of its clones is dropped and its tasks are done.
#[derive(Clone)]
pub(crate) struct BackgroundThread(Arc<Sender<Task>>);

impl BackgroundThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (sender, tasks) = channel();
        thread::Builder::new().name("background".to_owned()).spawn(move || work(&tasks))?;
        Ok(Self(Arc::new(sender)))
    }
}

impl Background for BackgroundThread {
    fn run(&self, name: String, task: Box<dyn FnOnce() + Send>) {
        if self.0.send((name, task)).is_err() {
            tracing::error!("the background thread is gone");
        }
    }
}

fn work(tasks: &Receiver<Task>) {
    // On Linux this is about the calling thread alone.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the background thread keeps its priority");
    }
    while let Ok((name, task)) = tasks.recv() {
        tracing::debug!(name, "a background task starts");
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(task)).is_err() {
            tracing::error!(name, "a background task has panicked");
        }
    }
}
