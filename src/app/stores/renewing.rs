//! Tokens that end are replaced by others of the same authorisation, before they do.

use domain::IntegrationId;
use domain::integration::{AccessLost, Integration, IntegrationCommand, StoreAccess};
use event_log::Origin;
use providers::OAuth;

use super::{Stores, Visit, oauth_of};
use crate::app::error::Error;
use crate::app::links::CurrentLink;
use crate::ports::stores::{CallFailure, Target};

/// What came of renewing a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    Renewed,
    /// It does not end, was replaced, or is of no use any more.
    NotNeeded,
    /// It cannot be renewed, which is recorded once it has ended.
    Refused,
    /// The platform could not be called.
    Failed,
}

impl Stores {
    pub(crate) async fn renew(&self, id: IntegrationId, origin: Origin) -> Result<Renewal, Error> {
        let Some(link) = self.integrations.found(id).await? else { return Ok(Renewal::NotNeeded) };
        let Some(access) = link.store_access.as_ref().filter(|access| access.lost.is_none()) else {
            return Ok(Renewal::NotNeeded);
        };
        let granted = access.authorization.as_ref().and_then(|granted| Some((granted, granted.expires_at?)));
        let (Some((_, ends_at)), Ok((_, oauth))) = (granted, oauth_of(link.provider)) else {
            return Ok(Renewal::NotNeeded);
        };
        let renewal = self.renewed(id, &link, (access, oauth), origin.clone()).await?;
        let is_over = self.integrations.now() >= ends_at;
        if is_over && matches!(renewal, Renewal::Refused | Renewal::Failed) {
            self.lose_access(&Visit { id, link: &link, worker: None, origin }, AccessLost::Expired).await?;
            return Ok(Renewal::NotNeeded);
        }
        Ok(renewal)
    }

    async fn renewed(
        &self,
        id: IntegrationId,
        link: &CurrentLink,
        (access, oauth): (&StoreAccess, &dyn OAuth),
        origin: Origin,
    ) -> Result<Renewal, Error> {
        let Some(granted) = access.authorization.as_ref() else { return Ok(Renewal::NotNeeded) };
        let refresh_token = granted.refresh_token.as_ref().and_then(|token| token.known());
        let app = self.verification.apps.with_id(link, &granted.client_id);
        let target = Target::login(link.provider, access.store.as_deref());
        let (Some(refresh_token), Some(app), Some(target), Some(old_token)) =
            (refresh_token, app, target, access.token.known())
        else {
            return Ok(Renewal::Refused);
        };
        let Some(request) = oauth.refresh(refresh_token, &app) else { return Ok(Renewal::Refused) };
        let body = match self.client.call(&target, &request).await {
            Ok(body) => body,
            Err(CallFailure::Unavailable { status: Some(400), .. }) => return Ok(Renewal::Refused),
            Err(CallFailure::Unauthorized { .. } | CallFailure::Forbidden { .. } | CallFailure::NotFound { .. }) => {
                return Ok(Renewal::Refused);
            }
            Err(CallFailure::Unavailable { reason, .. }) => {
                tracing::warn!(integration = %id, reason, "the token of a store could not be renewed");
                return Ok(Renewal::Failed);
            }
        };
        let Ok(grant) = oauth.grant(&body, None, &granted.scopes, self.integrations.now()) else {
            return Ok(Renewal::Failed);
        };
        let renew = IntegrationCommand::RenewStoreAccess { old_token: old_token.as_str().into(), grant };
        self.integrations.data.log.execute::<Integration>(id, renew, origin).await?;
        Ok(Renewal::Renewed)
    }
}
