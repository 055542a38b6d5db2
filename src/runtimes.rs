//! Runtimes of their own for everything but webhooks.
//!
//! Webhooks come first: a store waits for its answer and may never come again. The API can wait a moment, and views and
//! deliveries catch up. So they run on threads that the operating system lets run with what webhooks leave over.

use strum::IntoStaticStr;
use tokio::runtime::{Builder, Handle, Runtime};

/// What a runtime is for.
#[derive(Clone, Copy, Debug, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Purpose {
    /// Projector, worker and process managers: under full load they get about a tenth of what webhooks get.
    Background,
    /// Sending events to endpoints: about a third.
    Dispatch,
    /// What people and programs ask by GraphQL: about a third. A request that takes long holds up others of its kind.
    Api,
}

impl Purpose {
    fn threads(self) -> usize {
        match self {
            Self::Background => 1,
            Self::Api | Self::Dispatch => 2,
        }
    }

    #[cfg(target_os = "linux")]
    fn niceness(self) -> i32 {
        match self {
            Self::Background => 10,
            Self::Api | Self::Dispatch => 5,
        }
    }
}

/// Threads with a purpose, until it is dropped.
pub(crate) struct PurposeRuntime(Option<Runtime>);

impl PurposeRuntime {
    pub(crate) fn start(purpose: Purpose) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(purpose.threads())
            .thread_name(<&str>::from(purpose))
            .on_thread_start(move || lower_priority(purpose))
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0.as_ref().expect("it is only taken when it is dropped").handle().clone()
    }
}

impl Drop for PurposeRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for threads is not allowed where a runtime is left behind inside another.
            runtime.shutdown_background();
        }
    }
}

#[cfg(target_os = "linux")]
fn lower_priority(purpose: Purpose) {
    // Linux takes a thread's id for a process's here, and so lowers this thread alone and those it starts.
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), purpose.niceness()) {
        tracing::warn!(%error, ?purpose, "threads run with the same priority as webhooks");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority(_: Purpose) {}
