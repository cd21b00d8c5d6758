//! One signal that ends threads, tasks and streams together.

use tokio::sync::watch;

/// The side that gives the signal; dropping it gives it too.
pub(crate) struct Stopper(watch::Sender<bool>);

/// The side that obeys.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// A new pair.
pub(crate) fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Gives the signal.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Stop {
    /// Whether the signal was given. For threads, which look between two polls.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the signal.
    pub(crate) async fn wait(&mut self) {
        // An error means that the stopper is gone, which is the signal too.
        if self.0.wait_for(|stopped| *stopped).await.is_err() {
            tracing::debug!("the stopper is gone");
        }
    }
}
