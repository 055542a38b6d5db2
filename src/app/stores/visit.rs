//! Being at a store: who is there, for which integration, and what it follows from.

use chrono::{DateTime, Utc};
use domain::IntegrationId;
use domain::store::Step;
use event_log::Origin;

use crate::app::links::CurrentLink;
use crate::ports::stores::Target;

/// One piece of work at a store.
#[derive(Clone)]
pub(crate) struct Visit<'a> {
    pub(crate) id: IntegrationId,
    /// As it was read after the visit began.
    pub(crate) link: &'a CurrentLink,
    /// Who holds the lease of the store. None for what needs none.
    pub(crate) worker: Option<&'a str>,
    pub(crate) origin: Origin,
}

impl<'a> Visit<'a> {
    /// What is called. None where the store cannot be, or is not to be.
    pub(crate) fn target(&self) -> Option<Target<'a>> {
        let access = self.link.store_access.as_ref()?;
        Target::api(self.link.provider, access).filter(Target::has_token)
    }

    pub(crate) fn integration_sequence(&self) -> u64 {
        self.link.sequence().0.unsigned_abs()
    }

    /// There is nothing to be done there until the integration changes.
    pub(crate) fn pause(&self, now: DateTime<Utc>) -> Step {
        Step::Pause { integration_sequence: self.integration_sequence(), now }
    }
}
