//! Endpoints: creating, changing, pausing and deleting them, their secrets, and test events.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::endpoint::RetryPolicy;
use projections::endpoints::EndpointRow;
use secrecy::SecretString;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::endpoint::{Endpoint, EndpointProfile, RetrySchedule};
use crate::api::graphql::error::payload_of;
use crate::api::graphql::moment::Moment;
use crate::api::graphql::viewer::app_and_viewer;
use crate::app;
use crate::app::endpoints::{Change, CreatedEndpoint, EndpointChanges, NewEndpoint, NewProfile, Trial};

/// A header of an endpoint's own.
#[derive(InputObject)]
struct HeaderInput {
    name: String,
    /// It is not shown again.
    value: SecretString,
}

/// Which receivers an endpoint is written for.
#[derive(InputObject)]
struct EndpointProfileInput {
    kind: EndpointProfile,
    /// Of `CLIONE`: the word in the names of its headers. `Clione` unless said otherwise.
    header_word: Option<String>,
    /// Of `CLOUD_ELEMENTS`: what the body has as `elementKey`, 1 to 100 characters. That of the store's platform, if left out.
    element_key: Option<String>,
    /// Of `CLOUD_ELEMENTS`: the key of its signature. Without one, this signature is not sent.
    signature_key: Option<SecretString>,
}

#[derive(InputObject)]
struct CreateEndpointInput {
    /// Admin only: for another account.
    account_id: Option<ID>,
    /// It must begin with https:// and be at a public address, unless the operator allows others.
    url: String,
    description: Option<String>,
    /// 1 to 50: `order.paid`, `order.*` for all of a group, `*` for every one.
    event_types: Vec<String>,
    /// Only what happens in these stores. Left out or empty: in every store, and what happens in none.
    integration_ids: Option<Vec<ID>>,
    /// A condition of JSON path over the event, `@`, such as `@.data.total.amount > 5000` (docs/endpoints.md).
    filter: Option<String>,
    /// At most 20.
    headers: Option<Vec<HeaderInput>>,
    /// Standard Webhooks unless said otherwise.
    profile: Option<EndpointProfileInput>,
    /// When what fails is sent again: that of the profile unless said otherwise.
    schedule: Option<RetrySchedule>,
    /// Whether events about one thing are sent one after the other. They are unless said otherwise.
    ordered: Option<bool>,
    /// 1 to 1000 requests in a second; no limit, if left out.
    rate_per_second: Option<i32>,
    /// 1 to 100 requests at a time; 10 unless said otherwise.
    concurrency: Option<i32>,
    /// `whsec_` and the base64 of 24 to 64 bytes. Left out: the account's default secret, or else a new one.
    signing_secret: Option<SecretString>,
}

/// What is left out stays as it is.
#[derive(InputObject)]
struct UpdateEndpointInput {
    endpoint_id: ID,
    url: Option<String>,
    description: Option<String>,
    event_types: Option<Vec<String>>,
    integration_ids: Option<Vec<ID>>,
    /// Null for none.
    filter: MaybeUndefined<String>,
    /// All of them: those that are not named are removed.
    headers: Option<Vec<HeaderInput>>,
    profile: Option<EndpointProfileInput>,
    /// Null for that of the profile.
    schedule: MaybeUndefined<RetrySchedule>,
    ordered: Option<bool>,
    /// Null for no limit. A changed one counts after at most five seconds, and not for what is under way.
    rate_per_second: MaybeUndefined<i32>,
    concurrency: Option<i32>,
}

#[derive(InputObject)]
struct EndpointInput {
    endpoint_id: ID,
}

#[derive(InputObject)]
struct RotateEndpointSecretInput {
    endpoint_id: ID,
    /// `whsec_` and the base64 of 24 to 64 bytes; a new one is made, if left out.
    signing_secret: Option<SecretString>,
    /// How long what is sent is signed with the old secret, too: 0 to 168 hours. 24 unless said otherwise. With 0 every other
    /// secret is void at once.
    overlap_hours: Option<i32>,
}

#[derive(InputObject)]
struct TestEndpointInput {
    endpoint_id: ID,
    /// The type of the sample; the first one that the endpoint gets, if left out.
    #[graphql(name = "type")]
    event_type: Option<String>,
}

payload!(EndpointPayload { endpoint: Endpoint });
payload!(
    /// The secret is in the answer this once. It is null where it is the account's default.
    EndpointSecretPayload { endpoint: Endpoint, signing_secret: String }
);
payload!(TestEndpointPayload { test: EndpointTest });

/// What became of a test event.
#[derive(SimpleObject)]
struct EndpointTest {
    #[graphql(name = "type")]
    event_type: &'static str,
    /// What was sent in the header `webhook-id`, and as the id of the event.
    message_id: ID,
    sent_at: Moment,
    /// Whether the endpoint took it: it responded with 2xx in time.
    succeeded: bool,
    status: Option<u16>,
    duration_ms: u32,
    /// What was connected to, or being connected to: the endpoint, or the proxy where the operator has one.
    address: Option<String>,
    /// Why it failed.
    reason: Option<String>,
    /// The first kilobyte of the answer.
    answer: String,
}

#[derive(Default)]
pub(super) struct Endpoints;

#[Object]
impl Endpoints {
    /// Creates an endpoint, to which events are sent from then on.
    async fn create_endpoint(
        &self,
        context: &Context<'_>,
        input: CreateEndpointInput,
    ) -> Result<EndpointSecretPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let created = app.endpoints.create(viewer, input.into()).await;
        payload_of(created, |CreatedEndpoint { id: _, row, secret }| EndpointSecretPayload {
            endpoint: row.map(Endpoint::from),
            signing_secret: secret,
            user_errors: vec![],
        })
    }

    /// Changes an endpoint: all that is named, or nothing where one of it is refused.
    async fn update_endpoint(
        &self,
        context: &Context<'_>,
        input: UpdateEndpointInput,
    ) -> Result<EndpointPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let id = input.endpoint_id.to_string();
        endpoint(app.endpoints.update(viewer, &id, input.into()).await)
    }

    /// Sends nothing to an endpoint until it is resumed. Its events wait.
    async fn pause_endpoint(&self, context: &Context<'_>, input: EndpointInput) -> Result<EndpointPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        endpoint(app.endpoints.pause(viewer, &input.endpoint_id).await)
    }

    /// Sends what waits for an endpoint that was paused, or that this service disabled.
    async fn resume_endpoint(&self, context: &Context<'_>, input: EndpointInput) -> Result<EndpointPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        endpoint(app.endpoints.resume(viewer, &input.endpoint_id).await)
    }

    /// Replaces the secret that what is sent is signed with.
    async fn rotate_endpoint_secret(
        &self,
        context: &Context<'_>,
        input: RotateEndpointSecretInput,
    ) -> Result<EndpointSecretPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let RotateEndpointSecretInput { endpoint_id, signing_secret, overlap_hours } = input;
        let overlap_hours = overlap_hours.unwrap_or(24);
        let rotated = app.endpoints.rotate_secret(viewer, &endpoint_id, signing_secret.as_ref(), overlap_hours).await;
        payload_of(rotated, |(row, secret)| EndpointSecretPayload {
            endpoint: row.map(Endpoint::from),
            signing_secret: Some(secret),
            user_errors: vec![],
        })
    }

    /// Deletes an endpoint for good, with its secrets and headers. What waits for it is not sent.
    async fn delete_endpoint(&self, context: &Context<'_>, input: EndpointInput) -> Result<EndpointPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        endpoint(app.endpoints.delete(viewer, &input.endpoint_id).await)
    }

    /// Sends a sample to an endpoint at once, signed as every notification is, with the header `webhook-test: true`. It changes
    /// nothing, and is not tried again. Counts as ten requests of the key.
    async fn test_endpoint(
        &self,
        context: &Context<'_>,
        input: TestEndpointInput,
    ) -> Result<TestEndpointPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let tested = app.endpoints.test(viewer, &input.endpoint_id, input.event_type.as_deref()).await;
        payload_of(tested, |trial| TestEndpointPayload { test: Some(trial.into()), user_errors: vec![] })
    }
}

fn endpoint(done: Result<Option<EndpointRow>, app::Error>) -> Result<EndpointPayload, ApiError> {
    payload_of(done, |row| EndpointPayload { endpoint: row.map(Endpoint::from), user_errors: vec![] })
}

impl From<EndpointProfileInput> for NewProfile {
    fn from(input: EndpointProfileInput) -> Self {
        let EndpointProfileInput { kind, header_word, element_key, signature_key } = input;
        Self { kind: kind.into(), header_word, element_key, signature_key }
    }
}

impl From<CreateEndpointInput> for NewEndpoint {
    fn from(input: CreateEndpointInput) -> Self {
        Self {
            account_id: input.account_id.map(String::from),
            url: input.url,
            description: input.description.unwrap_or_default(),
            event_types: input.event_types,
            integration_ids: ids(input.integration_ids.unwrap_or_default()),
            filter: input.filter,
            headers: named(input.headers.unwrap_or_default()),
            profile: input.profile.map(NewProfile::from).unwrap_or_default(),
            schedule: input.schedule.map(RetryPolicy::from),
            ordered: input.ordered,
            rate_per_second: input.rate_per_second,
            concurrency: input.concurrency,
            secret: input.signing_secret,
            paused: false,
        }
    }
}

impl From<UpdateEndpointInput> for EndpointChanges {
    fn from(input: UpdateEndpointInput) -> Self {
        Self {
            url: input.url,
            description: input.description,
            event_types: input.event_types,
            integration_ids: input.integration_ids.map(ids),
            filter: given(input.filter),
            headers: input.headers.map(named),
            profile: input.profile.map(NewProfile::from),
            schedule: given(input.schedule.map_value(RetryPolicy::from)),
            ordered: input.ordered,
            rate_per_second: given(input.rate_per_second),
            concurrency: input.concurrency,
        }
    }
}

fn ids(ids: Vec<ID>) -> Vec<String> {
    ids.into_iter().map(String::from).collect()
}

fn named(headers: Vec<HeaderInput>) -> Vec<(String, SecretString)> {
    headers.into_iter().map(|HeaderInput { name, value }| (name, value)).collect()
}

/// Null is a value of its own.
fn given<T>(value: MaybeUndefined<T>) -> Change<T> {
    match value {
        MaybeUndefined::Undefined => Change::Keep,
        MaybeUndefined::Null => Change::Remove,
        MaybeUndefined::Value(value) => Change::Set(value),
    }
}

impl From<Trial> for EndpointTest {
    fn from(trial: Trial) -> Self {
        Self {
            event_type: trial.event_type.as_str(),
            message_id: ID(trial.message_id.to_string()),
            sent_at: Moment(trial.sent_at),
            succeeded: trial.failure.is_none(),
            status: trial.status,
            duration_ms: u32::try_from(trial.duration.as_millis()).unwrap_or(u32::MAX),
            address: trial.address.map(|address| address.to_string()),
            reason: trial.failure,
            answer: trial.answer,
        }
    }
}
