//! Calls of callbacks: each bounded in time, an error tried again, a panic caught.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::event::Event;
use crate::{BoxError, BoxFuture};

/// What a callback returns: nothing, or a `Result` whose error says that it did nothing that must not be done again.
pub trait Outcome {
    /// Whether the event was handled.
    fn into_result(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

pub(crate) type Callback<T> = Arc<dyn Fn(T) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

pub(crate) fn callback<T, F, R>(callback: F) -> Callback<T>
where
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output: Outcome> + Send + 'static,
{
    Arc::new(move |event| {
        let returned = callback(event);
        Box::pin(async move { returned.await.into_result() })
    })
}

/// How a callback is called.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub(crate) timeout: Duration,
    /// How long to wait after each attempt that returned an error; after the last there is none.
    pub(crate) pauses: Vec<Duration>,
}

/// Why a call did not handle its event.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Returned(BoxError),
    // How far it got before is not known, so it is not called again.
    #[error("it panicked")]
    Panicked,
    #[error("it did not return within {0:?}")]
    TimedOut(Duration),
    #[error("the runtime shuts down")]
    Cancelled,
}

impl Calls {
    /// Calls it until it handles the event, or has failed for good: that is logged, and is the end of it.
    pub(crate) async fn handle<T: Event>(&self, callback: &Callback<T>, event: T) {
        let mut pauses = self.pauses.iter();
        loop {
            let Err(failure) = self.call(callback, event.clone()).await else { return };
            let (name, subject) = (T::CALLBACK, event.subject());
            let pause = match &failure {
                Failure::Returned(_) => pauses.next(),
                Failure::Panicked | Failure::TimedOut(_) | Failure::Cancelled => None,
            };
            let Some(pause) = pause else {
                tracing::error!(callback = name, subject, %failure, "an event was not handled");
                return;
            };
            tracing::warn!(callback = name, subject, %failure, again_in = ?pause, "an event is handled once more");
            sleep(*pause).await;
        }
    }

    async fn call<T: Event>(&self, callback: &Callback<T>, event: T) -> Result<(), Failure> {
        let callback = Arc::clone(callback);
        // A task of its own: a panic ends the task alone, and where the runtime has several threads, a callback that blocks
        // one of them blocks no queue.
        let mut task = tokio::spawn(async move { callback(event).await });
        match timeout(self.timeout, &mut task).await {
            Ok(Ok(returned)) => returned.map_err(Failure::Returned),
            Ok(Err(ended)) => Err(if ended.is_panic() { Failure::Panicked } else { Failure::Cancelled }),
            Err(_) => {
                task.abort();
                Err(Failure::TimedOut(self.timeout))
            }
        }
    }
}
