//! What an attempt does at Cortex Cloud: logs in, finds the customer, follows, and shares what is outstanding.

use domain::account::{Account, AccountCommand, AccountRefusal};
use domain::credits::PaidAction;
use domain::delivery::{Delivery, DeliveryCommand, Order};
use domain::{Asset, Credits, ResolutionCode, ResourceType};
use uuid::Uuid;

use super::{Attempt, InHand};
use crate::cortex::{CortexError, CortexUser, ItemKind, ItemRef, Session};
use crate::event_log::CommandError;
use crate::worker::stop::{RequiredAction, Step, Stop};

/// What came of sharing one asset.
enum ShareResult {
    Shared,
    NoSuchAsset,
}

impl Attempt {
    pub(super) async fn session(&self, in_hand: &mut InHand, renew: bool) -> Result<Session, Stop> {
        let account_id = in_hand.order.account_id;
        if renew {
            self.worker.sessions.forget(account_id);
        } else if let Some(session) = self.worker.sessions.find(account_id, &in_hand.credentials, self.now()) {
            return Ok(session);
        }
        let (Some(email), Some(password)) = (in_hand.credentials.email.known(), in_hand.credentials.password.known())
        else {
            return Err(Stop::require(ResolutionCode::MissingCredentials));
        };
        let (email, password) = (email.clone(), password.clone());
        self.before_call(in_hand).await?;
        let session = self.cortex.login(&email, &password).await.map_err(|error| match error.into() {
            Step::SessionExpired => Stop::Fail("the login expired at once".to_owned()),
            Step::Stop(stop) => stop,
        })?;
        self.worker.sessions.keep(account_id, &in_hand.credentials, &session);
        Ok(session)
    }

    pub(super) async fn fulfil(&self, in_hand: &mut InHand, session: &Session) -> Result<(), Step> {
        let user = self.customer(in_hand, session).await?;
        self.become_mutual(in_hand, session, &user).await?;
        let outstanding: Vec<Asset> = in_hand.order.outstanding().cloned().collect();
        let (mut missing, mut call) = (vec![], None);
        for asset in outstanding {
            match self.share(in_hand, session, &user, asset.clone()).await? {
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
        self.record(in_hand, DeliveryCommand::Complete { held: in_hand.held.clone() }).await?;
        Ok(())
    }

    async fn customer(&self, in_hand: &mut InHand, session: &Session) -> Result<CortexUser, Step> {
        let username = in_hand.order.username.as_ref().and_then(|username| username.known().cloned());
        let username = username.ok_or(Stop::require(ResolutionCode::MissingUsername))?;
        self.before_call(in_hand).await?;
        let user = self.cortex.find_user(session, &username).await?;
        Ok(user.ok_or(Stop::require(ResolutionCode::InvalidUsername))?)
    }

    /// Cortex Cloud shares only between users who follow each other.
    async fn become_mutual(&self, in_hand: &mut InHand, session: &Session, user: &CortexUser) -> Result<(), Step> {
        self.before_call(in_hand).await?;
        let mut relation = self.cortex.relation(session, user).await?;
        let action = PaidAction::Follow;
        if relation.following {
            // Done by an earlier attempt that did not live to record it, if credits are still set aside for it.
            if in_hand.order.followed.is_none()
                && let Some(credits) = self.reserved(in_hand, &action).await?
            {
                self.reserve(in_hand, action).await?;
                self.record_follow(in_hand, credits).await?;
            }
        } else {
            if in_hand.order.followed.is_none() {
                self.reserve(in_hand, action.clone()).await?;
            }
            self.before_paid_call(in_hand).await?;
            self.cortex.follow(session, user, self.key(&action, user)).await?;
            self.record_follow(in_hand, action.price()).await?;
            self.before_call(in_hand).await?;
            relation = self.cortex.relation(session, user).await?;
        }
        if relation.is_mutual() { Ok(()) } else { Err(Stop::Wait.into()) }
    }

    async fn record_follow(&self, in_hand: &mut InHand, credits: Credits) -> Result<(), Step> {
        let (held, call) = (in_hand.held.clone(), self.cortex.last_call());
        self.record(in_hand, DeliveryCommand::RecordFollow { held, credits, call }).await
    }

    async fn share(
        &self,
        in_hand: &mut InHand,
        session: &Session,
        user: &CortexUser,
        asset: Asset,
    ) -> Result<ShareResult, Step> {
        let item = ItemRef { kind: kind(asset.resource_type), id: &asset.resource_id };
        let action = PaidAction::Share(asset.clone());
        self.before_call(in_hand).await?;
        let shared = match self.cortex.is_shared(session, item, user).await {
            // The customer was found a moment ago: what is not there is the asset.
            Err(CortexError::NotFound) => return Ok(ShareResult::NoSuchAsset),
            shared => shared?,
        };
        let credits = if shared {
            // By an earlier attempt that did not live to record it: paid for. By anybody else: free.
            match self.reserved(in_hand, &action).await? {
                Some(credits) => {
                    self.reserve(in_hand, action).await?;
                    credits
                }
                None => Credits::ZERO,
            }
        } else {
            self.reserve(in_hand, action.clone()).await?;
            self.before_paid_call(in_hand).await?;
            match self.cortex.share(session, item, user, self.key(&action, user)).await {
                Err(CortexError::NotFound) => return Ok(ShareResult::NoSuchAsset),
                shared => shared?,
            }
            action.price()
        };
        let (held, call) = (in_hand.held.clone(), self.cortex.last_call());
        self.record(in_hand, DeliveryCommand::RecordShare { held, asset, credits, call }).await?;
        Ok(ShareResult::Shared)
    }

    /// What an action of this delivery is known by at Cortex Cloud: the same in every attempt.
    fn key(&self, action: &PaidAction, user: &CortexUser) -> Uuid {
        let action = match action {
            PaidAction::Follow => "follow".to_owned(),
            PaidAction::Share(asset) => format!("share {asset}"),
        };
        Uuid::new_v5(&self.id.0, format!("{action} {}", user.username).as_bytes())
    }

    /// What is set aside for an action of this delivery.
    async fn reserved(&self, in_hand: &InHand, action: &PaidAction) -> Result<Option<Credits>, Step> {
        let account: Account =
            self.worker.service.log.load(&in_hand.order.account_id.to_string()).await.map_err(Stop::from)?.aggregate;
        let merchant = account.merchant();
        Ok(merchant.and_then(|merchant| merchant.ledger.reservation(self.id, action)).map(|open| open.credits))
    }

    /// Sets the price aside for this attempt, or takes over what an earlier one left set aside.
    async fn reserve(&self, in_hand: &mut InHand, action: PaidAction) -> Result<(), Step> {
        self.before_call(in_hand).await?;
        let attempt = in_hand.held.attempt;
        let command = AccountCommand::ReserveCredits { delivery_id: self.id, action, attempt };
        let account_id = in_hand.order.account_id.to_string();
        match self.worker.service.log.execute::<Account>(&account_id, command, in_hand.origin.clone()).await {
            Ok(_) => Ok(()),
            Err(CommandError::Refused(AccountRefusal::InsufficientCredits { .. })) => {
                Err(Stop::require(ResolutionCode::CreditsExhausted).into())
            }
            Err(error) => Err(Stop::LogUnavailable(error.to_string()).into()),
        }
    }

    /// Before what is paid for: an order that was cancelled or revised since the last recorded step must not cost anything,
    /// nor one of an integration that was deactivated.
    async fn before_paid_call(&self, in_hand: &mut InHand) -> Result<(), Stop> {
        self.before_call(in_hand).await?;
        let delivery: Delivery = self.worker.service.log.load(&self.id.to_string()).await?.aggregate;
        let lease = delivery.order().and_then(Order::lease);
        match lease.filter(|lease| lease.worker == in_hand.held.worker && lease.attempt == in_hand.held.attempt) {
            Some(lease) if lease.stop.is_none() => {}
            Some(_) => return Err(Stop::HandBack),
            None => return Err(Stop::LeaseLost),
        }
        let link = self.worker.service.integrations.find(in_hand.order.integration_id).await.map_err(Stop::from)?;
        let is_active = link.is_some_and(|link| link.active);
        if is_active { Ok(()) } else { Err(Stop::require(ResolutionCode::IntegrationInactive)) }
    }
}

fn kind(resource_type: ResourceType) -> ItemKind {
    match resource_type {
        ResourceType::Preset => ItemKind::Preset,
        ResourceType::Capture => ItemKind::Capture,
    }
}
