//! Loads what the rows of a list refer to with one question for all of them, instead of one for each. What was loaded is shared
//! by all who asked: a request may name one row under thousands of names. Who may see it was decided before: it belongs to a row
//! that the caller was shown, or the use case that has it read decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::Private;
use domain::delivery::DeliveryEvent;
use domain::notice::NoticeEvent;
use event_log::recorded::{AnyEvent, Recorded};
use projections::accounts;
use projections::delivery_log::{self, DeliveryRow};
use projections::integrations::{self, IntegrationRow};
use projections::stores::{self, StoreRow};

use crate::app::log_and_views::LogAndViews;
use crate::app::receipts::{self, Published, PublishingWebhook};
use event_log::{LoadError, Position};

pub(super) struct Loader(pub(super) LogAndViews);

/// An account, for its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AccountKey(pub(super) String);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct IntegrationKey(pub(super) String);

/// A connected store, by its integration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct StoreKey(pub(super) String);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DeliveryKey(pub(super) String);

/// The position of a webhook in the log, for the headers that are kept with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HeadersKey(pub(super) Position);

impl async_graphql::dataloader::Loader<HeadersKey> for Loader {
    type Value = Arc<BTreeMap<String, String>>;
    type Error = Arc<LoadError>;

    async fn load(&self, keys: &[HeadersKey]) -> Result<HashMap<HeadersKey, Self::Value>, Self::Error> {
        let positions: Vec<Position> = keys.iter().map(|key| key.0).collect();
        let events = self.0.log.read_at(&positions).await.map_err(Arc::new)?;
        let headers = |event: AnyEvent| match event {
            AnyEvent::Delivery(DeliveryEvent::WebhookReceived { webhook, .. }) => webhook.headers,
            AnyEvent::Delivery(DeliveryEvent::WebhookRepeated(repeated)) => repeated.headers,
            AnyEvent::Notice(NoticeEvent::WebhookReceived(notice)) => notice.headers,
            AnyEvent::Delivery(_)
            | AnyEvent::Notice(
                NoticeEvent::WebhookRepeated(_) | NoticeEvent::OrderRead(_) | NoticeEvent::PersonalDataErased {},
            )
            | AnyEvent::Account(_)
            | AnyEvent::Integration(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Checkpoint(_)
            | AnyEvent::OperatorAction(_)
            | AnyEvent::Resource(_)
            | AnyEvent::Publication(_)
            | AnyEvent::Endpoint(_)
            | AnyEvent::Dispatch(_)
            | AnyEvent::Store(_)
            | AnyEvent::Instance(_)
            | AnyEvent::Unknown => None,
        };
        let known =
            |headers: Option<Private<BTreeMap<String, String>>>| headers.as_ref().and_then(Private::known).cloned();
        let of_event = |event: Recorded| Some((HeadersKey(event.position), Arc::new(known(headers(event.event))?)));
        Ok(events.into_iter().filter_map(of_event).collect())
    }
}

impl async_graphql::dataloader::Loader<PublishingWebhook> for Loader {
    type Value = Published;
    type Error = Arc<LoadError>;

    async fn load(&self, keys: &[PublishingWebhook]) -> Result<HashMap<PublishingWebhook, Published>, Self::Error> {
        let published = receipts::published(&self.0, keys).await.map_err(Arc::new)?;
        Ok(keys.iter().cloned().zip(published).collect())
    }
}

impl async_graphql::dataloader::Loader<StoreKey> for Loader {
    type Value = Arc<StoreRow>;
    type Error = Arc<sqlx::Error>;

    async fn load(&self, keys: &[StoreKey]) -> Result<HashMap<StoreKey, Self::Value>, Self::Error> {
        let ids: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let rows = stores::find_many(&self.0.views, &ids).await?;
        Ok(rows.into_iter().map(|row| (StoreKey(row.id.clone()), Arc::new(row))).collect())
    }
}

impl async_graphql::dataloader::Loader<IntegrationKey> for Loader {
    type Value = Arc<IntegrationRow>;
    type Error = Arc<sqlx::Error>;

    async fn load(&self, keys: &[IntegrationKey]) -> Result<HashMap<IntegrationKey, Self::Value>, Self::Error> {
        let ids: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let rows = integrations::find_many(&self.0.views, &ids).await?;
        Ok(rows.into_iter().map(|row| (IntegrationKey(row.id.clone()), Arc::new(row))).collect())
    }
}

impl async_graphql::dataloader::Loader<AccountKey> for Loader {
    type Value = String;
    type Error = Arc<sqlx::Error>;

    async fn load(&self, keys: &[AccountKey]) -> Result<HashMap<AccountKey, String>, Self::Error> {
        let ids: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let names = accounts::names(&self.0.views, &ids).await?;
        Ok(names.into_iter().map(|(id, name)| (AccountKey(id), name)).collect())
    }
}

impl async_graphql::dataloader::Loader<DeliveryKey> for Loader {
    type Value = Arc<DeliveryRow>;
    type Error = Arc<sqlx::Error>;

    async fn load(&self, keys: &[DeliveryKey]) -> Result<HashMap<DeliveryKey, Self::Value>, Self::Error> {
        let ids: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let rows = delivery_log::find_many(&self.0.views, &ids).await?;
        Ok(rows.into_iter().map(|row| (DeliveryKey(row.id.clone()), Arc::new(row))).collect())
    }
}
