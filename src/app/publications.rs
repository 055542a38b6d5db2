//! Events that an account's own programs publish.

use chrono::{DateTime, Utc};
use commerce::{CommerceEventType, Payload};
use cqrs_es::Aggregate as _;
use domain::account::Account;
use domain::notice::NamedCustomers;
use domain::publication::{Publication, PublicationCommand, Published};
use domain::{AccountId, IntegrationId, Private, PublicationId};
use event_log::{Sequence, ids};
use projections::commerce::events::{self, CommerceEventRow};

use super::accounts::{named_or_own, require_managed};
use super::error::{Error, Refused};
use super::links::Links;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;

const MAX_KEY_CHARS: usize = 200;

/// What can be published.
pub struct Publications {
    data: LogAndViews,
    links: Links,
}

/// An event as a program gives it.
pub struct NewEvent {
    /// None for the caller's own account.
    pub account_id: Option<String>,
    /// The store that it is about, if it is about one.
    pub integration_id: Option<String>,
    pub event_type: String,
    /// What it says, as JSON.
    pub data: String,
    /// None for now.
    pub occurred_at: Option<DateTime<Utc>>,
    pub idempotency_key: Option<String>,
}

impl Publications {
    pub fn new(data: LogAndViews, links: Links) -> Self {
        Self { data, links }
    }

    /// Publishes an event whose payload is as the schema of its type says; with the same idempotency key again, nothing again.
    pub async fn publish(&self, viewer: &Viewer, new: NewEvent) -> Result<Option<CommerceEventRow>, Error> {
        let is_named = new.account_id.is_some();
        let account_id = require_managed(viewer, &named_or_own(viewer, new.account_id))?;
        if is_named && self.data.log.current::<Account>(account_id).await?.aggregate.merchant().is_none() {
            return Err(Refused::not_found("accountId").into());
        }
        let event_type = CommerceEventType::parse(&new.event_type);
        let event_type = event_type.ok_or_else(|| Refused::unknown_event_type(&new.event_type))?;
        let payload = commerce::check(event_type, &new.data).map_err(|invalid| {
            let field = if invalid.field == "type" { "type" } else { "data" };
            Refused::new("INVALID_EVENT", invalid.to_string(), Some(field))
        })?;
        if payload.object_id().is_some_and(|id| id.contains('\0')) {
            let message = "the id of what the event is about must not contain U+0000: it cannot be stored";
            return Err(Refused::new("INVALID_EVENT", message, Some("data")).into());
        }
        let integration_id = self.integration_of(account_id, new.integration_id).await?;
        let id = match new.idempotency_key.as_deref().map(str::trim) {
            Some(key) if key.is_empty() || key.chars().count() > MAX_KEY_CHARS => {
                let message = format!("an idempotency key has 1 to {MAX_KEY_CHARS} characters");
                return Err(Refused::new("INVALID_IDEMPOTENCY_KEY", message, Some("idempotencyKey")).into());
            }
            Some(key) => PublicationId::of(account_id, key),
            None => PublicationId(ids::fresh()),
        };
        let customers = NamedCustomers { emails: emails_in(&payload), ..NamedCustomers::default() };
        let published = Published {
            account_id,
            integration_id,
            event_type,
            object_id: payload.object_id(),
            occurred_at: new.occurred_at,
            data: Private::Known(serde_json::to_string(&payload).map_err(|_| Error::Internal)?),
            customers: (!customers.is_empty()).then_some(Private::Known(customers)),
        };
        let publish = PublicationCommand::Publish(Box::new(published));
        let actor = viewer.actor(Some(&account_id.to_string()));
        self.data.log.execute::<Publication>(id, publish, &actor).await?;
        // By the log: it is published, also where the views are behind. What another call published with the same key, too.
        let recorded = self.data.log.recorded_of(Publication::TYPE, &id.to_string(), Sequence::START, 1).await?;
        self.data.wait_for_views(recorded.first().map(|event| event.position)).await;
        Ok(recorded.first().and_then(events::published))
    }

    async fn integration_of(&self, account: AccountId, named: Option<String>) -> Result<Option<IntegrationId>, Error> {
        let Some(named) = named else { return Ok(None) };
        let not_found = || Refused::not_found("integrationId");
        let id: IntegrationId = named.parse().map_err(|_| not_found())?;
        let link = self.links.find(id).await?.ok_or_else(not_found)?;
        if link.account_id == account { Ok(Some(id)) } else { Err(not_found().into()) }
    }
}

/// The addresses of customers that an event names: by them it is found when one is to be erased.
fn emails_in(payload: &Payload) -> Vec<String> {
    let Payload::FaqSubmitted(faq) = payload else { return vec![] };
    faq.email.iter().map(|email| email.as_str().to_owned()).collect()
}
