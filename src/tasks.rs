//! What runs in the background and is waited for when the service stops.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Tasks that hold something, such as a lease, or have yet to record how far they came. Cheap to clone.
#[derive(Clone)]
pub struct Tasks {
    stopping: watch::Sender<bool>,
    running: Arc<Mutex<JoinSet<()>>>,
    runtime: Handle,
}

impl Tasks {
    /// None yet. They will run on these threads.
    pub fn new(runtime: Handle) -> Self {
        Self { stopping: watch::Sender::new(false), running: Arc::default(), runtime }
    }

    /// Runs something that ends soon after [`Tasks::stopping`] becomes true.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_on(task, &self.runtime);
    }

    /// The same, on other threads.
    pub fn spawn_on(&self, task: impl Future<Output = ()> + Send + 'static, runtime: &Handle) {
        let mut running = self.running.lock();
        // What has ended is not kept.
        while running.try_join_next().is_some() {}
        running.spawn_on(task, runtime);
    }

    /// Becomes true when the service is to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Whether the service is to stop.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Lets every task know that it is to end, without waiting for it.
    pub fn begin_stopping(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns once every task has ended.
    pub async fn stop(&self) {
        self.begin_stopping();
        let mut running = std::mem::take(&mut *self.running.lock());
        while running.join_next().await.is_some() {}
    }
}
