//! A runtime of its own for everything that is not on the way in.
//!
//! Webhooks come first: a store waits for its answer and may never come again, while views and deliveries catch up. So
//! projector, worker and reactions run on threads that the operating system lets run with what the way in leaves over.

use tokio::runtime::{Builder, Handle, Runtime};

/// As nice as a batch job: under full load it gets about a tenth of what the way in gets, and all of what is left over.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

pub(crate) struct BackgroundRuntime(Option<Runtime>);

impl BackgroundRuntime {
    pub(crate) fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("background")
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0.as_ref().expect("it is only taken when it is dropped").handle().clone()
    }
}

impl Drop for BackgroundRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for threads is not allowed where a runtime is left behind inside another.
            runtime.shutdown_background();
        }
    }
}

#[cfg(target_os = "linux")]
fn lower_priority() {
    // Linux takes a thread's id for a process's here, and so lowers this thread alone and those it starts.
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::warn!(%error, "background work runs with the same priority as the way in");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
