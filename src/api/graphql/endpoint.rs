//! Endpoints: what an account's events are sent to, and what an endpoint would have been sent.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::endpoint::{DisableCause, EventTypePattern, RetryPolicy};
use projections::endpoints::{EndpointRow, ShownProfile, ShownSettings};

use super::ApiError;
use super::account::count;
use super::commerce_event::CommerceEvent;
use super::integration::{Integration, Owner, owner_of};
use super::loader::{IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::viewer::app_and_viewer;
use crate::app::endpoints::{MAX_MATCHED, Match, Matches, Mismatch};

/// Events that `matches` examines unless it is said how many.
const DEFAULT_MATCHED: i32 = 100;

/// An address to which an account's commerce events are sent.
pub(super) struct Endpoint {
    row: EndpointRow,
    settings: ShownSettings,
}

impl From<EndpointRow> for Endpoint {
    fn from(row: EndpointRow) -> Self {
        Self { settings: row.settings(), row }
    }
}

#[Object]
impl Endpoint {
    async fn id(&self) -> ID {
        ID(self.row.id.clone())
    }

    /// Whose it is.
    async fn account(&self, context: &Context<'_>) -> Result<Owner, ApiError> {
        owner_of(context, &self.row.account_id).await
    }

    async fn url(&self) -> &str {
        &self.settings.url
    }

    async fn description(&self) -> &str {
        &self.settings.description
    }

    /// The types of events that it gets: `order.paid`, `order.*` for all of a group, `*` for every one.
    async fn event_types(&self) -> Vec<&str> {
        self.settings.event_types.iter().map(EventTypePattern::as_str).collect()
    }

    /// It gets what happens in these stores alone. Empty for all of them, and for what happens in none.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn integrations(&self, context: &Context<'_>) -> Result<Vec<Integration>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let keys: Vec<_> = self.settings.integrations.iter().map(|id| IntegrationKey(id.to_string())).collect();
        let mut found = loader.load_many(keys.clone()).await?;
        Ok(keys.iter().filter_map(|key| found.remove(key)).map(Integration).collect())
    }

    /// The condition that an event must meet to be sent (docs/endpoints.md). Null where every one is.
    async fn filter(&self) -> Option<&str> {
        self.settings.filter.as_deref()
    }

    /// The names of its own headers. Their values are not shown, since they may give access.
    async fn header_names(&self) -> &[String] {
        &self.settings.header_names
    }

    /// Which receivers it is written for.
    async fn profile(&self) -> EndpointProfile {
        match &self.settings.profile {
            ShownProfile::Standard => EndpointProfile::Standard,
            ShownProfile::Clione { .. } => EndpointProfile::Clione,
            ShownProfile::CloudElements { .. } => EndpointProfile::CloudElements,
        }
    }

    /// Of the profile `CLIONE`: the word in the names of its headers, `Clione` in `X-Clione-Signature`.
    async fn header_word(&self) -> Option<&str> {
        match &self.settings.profile {
            ShownProfile::Clione { header_word } => Some(header_word),
            ShownProfile::Standard | ShownProfile::CloudElements { .. } => None,
        }
    }

    /// Of the profile `CLOUD_ELEMENTS`: what the body has as `elementKey`. Null for that of the store's platform.
    async fn element_key(&self) -> Option<&str> {
        match &self.settings.profile {
            ShownProfile::CloudElements { element_key, .. } => element_key.as_deref(),
            ShownProfile::Standard | ShownProfile::Clione { .. } => None,
        }
    }

    /// Of the profile `CLOUD_ELEMENTS`: whether it has a key, with which `Elements-Webhook-Signature` is made.
    async fn has_signature_key(&self) -> Option<bool> {
        match &self.settings.profile {
            ShownProfile::CloudElements { has_signature_key, .. } => Some(*has_signature_key),
            ShownProfile::Standard | ShownProfile::Clione { .. } => None,
        }
    }

    /// When what fails is sent again.
    async fn schedule(&self) -> RetrySchedule {
        self.settings.retry_policy().into()
    }

    /// Whether events about one thing are sent one after the other, in their order.
    async fn ordered(&self) -> bool {
        self.settings.ordered
    }

    /// Requests in a second, at most; null for no limit.
    async fn rate_per_second(&self) -> Option<u32> {
        self.settings.rate_per_second
    }

    /// Requests at a time, at most.
    async fn concurrency(&self) -> u32 {
        self.settings.concurrency
    }

    async fn status(&self) -> EndpointStatus {
        self.row.status().into()
    }

    /// How far it has failed towards being degraded or disabled. Null while it is well.
    async fn failing(&self) -> Option<EndpointFailing> {
        let since = self.row.failing_since?;
        let percent = self.row.failing_percent.and_then(|percent| i32::try_from(percent).ok()).unwrap_or_default();
        Some(EndpointFailing { percent, since: moment(since), reason: self.row.reason.clone() })
    }

    /// Why this service disabled it, where it did: nothing is sent until it is resumed.
    async fn disabled(&self) -> Option<EndpointDisabled> {
        let cause = self.row.disable_cause()?.into();
        Some(EndpointDisabled { cause, reason: self.row.reason.clone() })
    }

    async fn signing_secret_preview(&self) -> &str {
        &self.row.secret_preview
    }

    /// Until when what is sent is signed with earlier secrets, too; it may have passed.
    async fn previous_secrets_until(&self) -> Option<Moment> {
        self.row.previous_secrets_until.map(moment)
    }

    async fn created_at(&self) -> Moment {
        moment(self.row.created_at)
    }

    /// When its settings, secrets or health changed last.
    async fn updated_at(&self) -> Moment {
        moment(self.row.updated_at)
    }

    async fn deleted_at(&self) -> Option<Moment> {
        self.row.deleted_at.map(moment)
    }

    /// What if: which of the last events of the account it would have been sent, the newest first, and why not the others.
    #[graphql(complexity = "matched_cost(last) * child_complexity + 1")]
    async fn matches(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many events are examined: 1 to 1000; 100 unless said otherwise.")] last: Option<i32>,
        #[graphql(desc = "As if this were its filter; an empty one lets every event pass.")] filter: Option<String>,
    ) -> Result<EndpointMatches, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let wanted = (last.unwrap_or(DEFAULT_MATCHED), filter.as_deref());
        Ok(app.endpoints.matches(viewer, &self.row, wanted).await?.into())
    }
}

fn matched_cost(last: Option<i32>) -> usize {
    usize::try_from(last.unwrap_or(DEFAULT_MATCHED).clamp(1, MAX_MATCHED)).unwrap_or(1)
}

/// When what could not be sent is sent again.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "RetryPolicy")]
pub(super) enum RetrySchedule {
    /// After 1 s, 5 s, 30 s, 2 m, 10 m, 1 h and 6 h; the endpoint is degraded with the seventh failure.
    Standard,
    /// Nine times within three days, 4 to the power of the number of seconds after the first failure; the endpoint is disabled then.
    CloudElements,
    /// Five times within nine and a half hours, 8 to the power of the number of seconds after the first failure; the endpoint is
    /// disabled then.
    CloudElementsFive,
    /// Never: what fails is a dead letter at once, to be redriven.
    Queue,
}

/// Which receivers an endpoint is written for.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "crate::app::endpoints::ProfileKind")]
pub(super) enum EndpointProfile {
    /// Standard Webhooks, and nothing else.
    Standard,
    /// With the headers of Clione's webhooks, too.
    Clione,
    /// With the body and the headers of Cloud Elements, too.
    CloudElements,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::endpoint::EndpointStatus")]
pub(super) enum EndpointStatus {
    Enabled,
    /// An event failed so often in a row that only a probe is sent now and then, until one succeeds.
    Degraded,
    /// By a person. Events wait.
    Paused,
    /// By this service, until it is resumed. Events wait.
    Disabled,
    Deleted,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "DisableCause")]
pub(super) enum EndpointDisableCause {
    /// It responded with 410.
    Gone,
    /// The retries of an event are used up, and its profile has it that nothing more is sent then.
    FailurePolicy,
}

/// An endpoint that does not take what it is sent.
#[derive(SimpleObject)]
struct EndpointFailing {
    /// Of the failures in a row that degrade or disable it.
    percent: i32,
    /// When the first of them was.
    since: Moment,
    /// Why the last of them failed.
    reason: Option<String>,
}

/// An endpoint that this service disabled.
#[derive(SimpleObject)]
struct EndpointDisabled {
    cause: EndpointDisableCause,
    reason: Option<String>,
}

/// What an endpoint would have been sent.
#[derive(SimpleObject)]
pub(super) struct EndpointMatches {
    /// How many events were examined.
    examined: i32,
    /// How many of them are for the endpoint.
    matched: i32,
    /// All of them, the newest first.
    events: Vec<EndpointMatch>,
}

/// An event, and whether it is for an endpoint.
#[derive(SimpleObject)]
struct EndpointMatch {
    commerce_event: CommerceEvent,
    /// Whether it is.
    matches: bool,
    /// Why it is not. Null where it is.
    mismatch: Option<EndpointMismatch>,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "Mismatch")]
enum EndpointMismatch {
    /// It is of a type that the endpoint does not get.
    Type,
    /// It happened in another store than those of the endpoint, or in none.
    Integration,
    /// It does not meet the filter.
    Filter,
}

impl From<Matches> for EndpointMatches {
    fn from(matches: Matches) -> Self {
        Self {
            examined: count(matches.events.len()),
            matched: count(matches.matched()),
            events: matches.events.into_iter().map(EndpointMatch::from).collect(),
        }
    }
}

impl From<Match> for EndpointMatch {
    fn from(Match { event, mismatch }: Match) -> Self {
        Self {
            commerce_event: event.into(),
            matches: mismatch.is_none(),
            mismatch: mismatch.map(EndpointMismatch::from),
        }
    }
}
