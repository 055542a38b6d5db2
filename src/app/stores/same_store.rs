//! Stores that are known only once they were authorised, where an integration of the same account has them already: a second one
//! would deliver their orders twice.

use domain::IntegrationId;
use domain::integration::{ConnectionAttempt, Grant, Integration, IntegrationCommand, IntegrationRefusal, Provider};
use event_log::{Actor, CommandError, Committed, Position};
use projections::integrations::{self, IntegrationRow};
use providers::OAuth;

use super::Stores;
use crate::app::error::Error;
use crate::app::links::CurrentLink;

/// Integrations that are read at a time.
const PAGE: i64 = 200;

impl Stores {
    /// The integration that goes on with a store, in place of the one that was made for the attempt.
    pub(super) async fn connected_before(
        &self,
        id: IntegrationId,
        link: &CurrentLink,
        (attempt, grant): (&ConnectionAttempt, &Grant),
    ) -> Result<Option<(IntegrationId, CurrentLink)>, Error> {
        let Some(store) = grant.store.as_deref().filter(|_| attempt.makes_way) else { return Ok(None) };
        let data = &self.integrations.data;
        data.wait_for_views(Some(data.log.head())).await;
        for row in self.of_account(&link.account_id.to_string(), link.provider).await? {
            let Some(other) = row.id.parse().ok().filter(|other| *other != id) else { continue };
            let found = self.integrations.found(other).await?;
            let is_of_it = |other: &CurrentLink| {
                other.known_store.as_deref() == Some(store)
                    && self.verification.apps.with_id(other, &attempt.client_id).is_some()
            };
            if let Some(found) = found.filter(is_of_it) {
                return Ok(Some((other, found)));
            }
        }
        Ok(None)
    }

    /// What was begun for one integration is completed for the other, as if it had been begun there.
    pub(super) async fn hand_over(
        &self,
        (other, link): (IntegrationId, &CurrentLink),
        oauth: &dyn OAuth,
        attempt: &ConnectionAttempt,
        grant: &Grant,
    ) -> Result<(), CommandError<IntegrationRefusal>> {
        let attempt = ConnectionAttempt {
            store: grant.store.clone(),
            scopes: oauth.scopes(link.purpose).into_iter().map(str::to_owned).collect(),
            makes_way: false,
            ..attempt.clone()
        };
        let start = IntegrationCommand::StartConnecting { attempt };
        let log = &self.integrations.data.log;
        log.execute::<Integration>(other, start, &Actor::System).await.map(|_: Committed<Integration>| ())
    }

    /// The integrations that an account has with a platform.
    pub(super) async fn of_account(&self, account_id: &str, provider: Provider) -> Result<Vec<IntegrationRow>, Error> {
        let (mut rows, mut after) = (vec![], Position::START);
        loop {
            let views = &self.integrations.data.views;
            let page = integrations::page(views, Some(account_id), Some(provider.as_str()), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(rows) };
            after = last.listed_at;
            rows.extend(page);
        }
    }
}
