//! The integrations that webhooks come in for, as they stand now: read from the log, never from a view that can lag.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;

use domain::IntegrationId;
use domain::integration::{Integration, Link};

use event_log::stream::Loaded;
use event_log::{EventLog, LoadError, Sequence};

/// Never behind this node's own writes, and behind another node's only as long as a notification takes.
#[derive(Clone)]
pub struct Links {
    log: EventLog,
}

/// An integration that exists.
#[derive(Clone)]
pub struct CurrentLink(Arc<Loaded<Integration>>);

impl Deref for CurrentLink {
    type Target = Link;

    fn deref(&self) -> &Link {
        self.0.aggregate.link().expect("only made of one that exists")
    }
}

impl CurrentLink {
    /// Of the last event that is known of it.
    pub fn sequence(&self) -> Sequence {
        self.0.sequence
    }
}

impl Links {
    pub fn new(log: &EventLog) -> Self {
        Self { log: log.clone() }
    }

    /// As the log says at this moment, also where another node wrote it: for what an event leads to, which is seen before the node that wrote it
    /// remembers it.
    pub async fn latest(&self, id: IntegrationId) -> Result<Option<CurrentLink>, LoadError> {
        let loaded = self.log.load::<Integration>(id).await?;
        Ok(loaded.aggregate.link().is_some().then(|| CurrentLink(Arc::new(loaded))))
    }

    /// The integration, if there is one.
    pub async fn find(&self, id: IntegrationId) -> Result<Option<CurrentLink>, LoadError> {
        let loaded = self.log.current::<Integration>(id).await?;
        Ok(loaded.aggregate.link().is_some().then(|| CurrentLink(loaded.clone())))
    }
}

/// The address that a store is given for its webhooks.
pub fn webhook_url(public_url: &str, provider: &str, id: &impl Display) -> String {
    format!("{public_url}/api/webhooks/{provider}/{id}")
}
