//! What an attempt does at Cortex Cloud: logs in, finds the customer, follows, and shares what is outstanding.

use domain::credits::PaidAction;
use domain::delivery::{DeliveryCommand, Phase};
use domain::{Asset, Credits, ResolutionCode, ResourceType};
use uuid::Uuid;

use super::attempt::{Attempt, Running};
use super::stop::{RequiredAction, Step, Stop};
use crate::ports::cortex::{CortexError, CortexUser, ItemKind, ItemRef, Session};

/// What came of sharing one asset.
enum ShareResult {
    Shared,
    NoSuchAsset,
}

impl Attempt {
    pub(super) async fn session(&self, running: &mut Running, renew: bool) -> Result<Session, Stop> {
        let account_id = running.order().account_id;
        if renew {
            self.deliveries.sessions.forget(account_id);
        } else if let Some(session) = self.deliveries.sessions.find(account_id, &running.credentials, self.now()) {
            return Ok(session);
        }
        let (Some(email), Some(password)) = (running.credentials.email.known(), running.credentials.password.known())
        else {
            return Err(Stop::require(ResolutionCode::MissingCredentials));
        };
        let (email, password) = (email.clone(), password.clone());
        running.lease.before_call().await?;
        let session = self.cortex.login(&email, &password).await.map_err(|error| match error.into() {
            Step::SessionExpired => Stop::Fail("the login expired at once".to_owned()),
            Step::Stop(stop) => stop,
        })?;
        self.deliveries.sessions.keep(account_id, &running.credentials, &session);
        Ok(session)
    }

    pub(super) async fn fulfil(&self, running: &mut Running, session: &Session) -> Result<(), Step> {
        let user = self.customer(running, session).await?;
        self.become_mutual(running, session, &user).await?;
        let outstanding: Vec<Asset> = running.order().outstanding().cloned().collect();
        let (mut missing, mut call) = (vec![], None);
        for asset in outstanding {
            match self.share(running, session, &user, asset.clone()).await? {
                ShareResult::Shared => {}
                // One asset that is not there does not hold up the others.
                ShareResult::NoSuchAsset => {
                    missing.push(asset);
                    call = self.cortex.last_call();
                }
            }
        }
        if !missing.is_empty() {
            let code = ResolutionCode::AssetNotFound;
            return Err(Stop::RequireAction(RequiredAction { code, missing, call }).into());
        }
        if running.order().summary.phase != Phase::Completed {
            running.lease.record(DeliveryCommand::Complete { held: running.held() }).await?;
        }
        Ok(())
    }

    async fn customer(&self, running: &mut Running, session: &Session) -> Result<CortexUser, Step> {
        let username = running.order().summary.username.as_ref().and_then(|username| username.known().cloned());
        let username = username.ok_or(Stop::require(ResolutionCode::MissingUsername))?;
        running.lease.before_call().await?;
        let user = self.cortex.find_user(session, &username).await?;
        Ok(user.ok_or(Stop::require(ResolutionCode::InvalidUsername))?)
    }

    /// Cortex Cloud shares only between users who follow each other.
    async fn become_mutual(&self, running: &mut Running, session: &Session, user: &CortexUser) -> Result<(), Step> {
        running.lease.before_call().await?;
        let mut relation = self.cortex.relation(session, user).await?;
        let action = PaidAction::Follow;
        if relation.following {
            // Done by an earlier attempt that did not live to record it.
            if running.order().followed.is_none() && running.order().has_begun(&action) {
                let credits = running.paid_earlier(&action);
                self.record_follow(running, credits).await?;
            }
        } else {
            // Following is paid once for a delivery.
            if running.order().followed.is_none() {
                running.afford(&action)?;
            }
            self.begin(running, action.clone()).await?;
            self.cortex.follow(session, user, self.key(&action, user)).await?;
            self.record_follow(running, action.price()).await?;
            running.lease.before_call().await?;
            relation = self.cortex.relation(session, user).await?;
        }
        if relation.is_mutual() { Ok(()) } else { Err(Stop::Wait.into()) }
    }

    async fn record_follow(&self, running: &mut Running, credits: Credits) -> Result<(), Step> {
        let (held, call) = (running.held(), self.cortex.last_call());
        Ok(running.lease.record(DeliveryCommand::RecordFollow { held, credits, call }).await?)
    }

    async fn share(
        &self,
        running: &mut Running,
        session: &Session,
        user: &CortexUser,
        asset: Asset,
    ) -> Result<ShareResult, Step> {
        let item = ItemRef { kind: kind(asset.resource_type), id: &asset.resource_id };
        let action = PaidAction::Share { asset: asset.clone() };
        running.lease.before_call().await?;
        let shared = match self.cortex.is_shared(session, item, user).await {
            // The customer was found a moment ago: what is not there is the asset.
            Err(CortexError::NotFound) => return Ok(ShareResult::NoSuchAsset),
            shared => shared?,
        };
        let credits = if shared {
            // By an earlier attempt that did not live to record it: paid for. By anybody else: free.
            if running.order().has_begun(&action) { running.paid_earlier(&action) } else { Credits::ZERO }
        } else {
            running.afford(&action)?;
            self.begin(running, action.clone()).await?;
            match self.cortex.share(session, item, user, self.key(&action, user)).await {
                Err(CortexError::NotFound) => return Ok(ShareResult::NoSuchAsset),
                shared => shared?,
            }
            action.price()
        };
        let (held, call) = (running.held(), self.cortex.last_call());
        running.lease.record(DeliveryCommand::RecordShare { held, asset, credits, call }).await?;
        Ok(ShareResult::Shared)
    }

    /// What an action of this delivery is known by at Cortex Cloud: the same in every attempt.
    fn key(&self, action: &PaidAction, user: &CortexUser) -> Uuid {
        let action = match action {
            PaidAction::Follow => "follow".to_owned(),
            PaidAction::Share { asset } => format!("share {asset}"),
        };
        Uuid::new_v5(&self.id.0, format!("{action} {}", user.username).as_bytes())
    }

    /// Records what is about to be done. An order that was cancelled or revised since the last recorded step must not cost
    /// anything, nor one of an integration that was deactivated.
    async fn begin(&self, running: &mut Running, action: PaidAction) -> Result<(), Step> {
        running.lease.before_call().await?;
        let link = self.deliveries.needs.links.find(running.order().integration_id).await.map_err(Stop::from)?;
        if !link.is_some_and(|link| link.active) {
            return Err(Stop::require(ResolutionCode::IntegrationInactive).into());
        }
        Ok(running.lease.record(DeliveryCommand::BeginStep { held: running.held(), action }).await?)
    }
}

impl Running {
    /// Whether there are credits for an action.
    fn afford(&self, action: &PaidAction) -> Result<(), Stop> {
        if action.price() <= self.left() { Ok(()) } else { Err(Stop::require(ResolutionCode::CreditsExhausted)) }
    }

    /// What is charged for what an earlier attempt did: nothing where the credits are gone meanwhile, for it is done.
    fn paid_earlier(&self, action: &PaidAction) -> Credits {
        if action.price() <= self.left() { action.price() } else { Credits::ZERO }
    }
}

fn kind(resource_type: ResourceType) -> ItemKind {
    match resource_type {
        ResourceType::Preset => ItemKind::Preset,
        ResourceType::Capture => ItemKind::Capture,
    }
}
