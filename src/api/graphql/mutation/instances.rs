//! Instances: creating, changing and deleting them, and what becomes of notifications that fail.

use async_graphql::{Context, ID, InputObject, Object};
use secrecy::SecretString;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::instance::{FailurePolicy, Instance};
use crate::api::graphql::viewer::app_and_viewer;
use crate::app;
use crate::app::instances::{DEFAULT_SCOPE, FoundInstance, InstanceChanges, NewGrant, NewInstance, Regrant, Settings};

/// What a store is authorised with: the code that came back from it, and the app that it came back to.
#[derive(InputObject)]
struct InstanceGrantInput {
    /// The code with which Shopify sent the shop's owner back. It is good for one time.
    code: String,
    /// Of your app at Shopify.
    client_id: String,
    /// It is sealed, and never shown again.
    client_secret: SecretString,
    /// The shop's name, as it is in the address of its admin.
    store: String,
    /// Where Shopify sent the shop's owner back to.
    callback_url: String,
    /// What the shop was asked to allow, with commas between: `read_orders,read_products,read_customers` unless said otherwise.
    scope: Option<String>,
}

#[derive(InputObject)]
struct CreateInstanceInput {
    /// Admin only: for another account.
    account_id: Option<ID>,
    name: String,
    tags: Option<Vec<String>>,
    grant: InstanceGrantInput,
    /// Whether what happens is sent. It is not unless said otherwise.
    events_enabled: Option<bool>,
    /// Where it is sent.
    notification_url: Option<String>,
    /// What `Elements-Webhook-Signature` is made with. Without one, this signature is not sent.
    signature_key: Option<SecretString>,
    /// What Shopify is asked to report, such as `orders/create`.
    topics: Option<Vec<String>>,
    /// The store is asked so often what it changed, in place of webhooks: 5 to 1440 minutes; 0 for webhooks.
    poll_every_minutes: Option<i32>,
}

/// What is left out stays as it is.
#[derive(InputObject)]
struct UpdateInstanceInput {
    number: i32,
    name: Option<String>,
    /// All of them: those that are not named are removed.
    tags: Option<Vec<String>>,
    /// To authorise the store again.
    grant: Option<InstanceGrantInput>,
    events_enabled: Option<bool>,
    /// Another address is another subscription; an empty one is none.
    notification_url: Option<String>,
    /// An empty one is none.
    signature_key: Option<SecretString>,
    topics: Option<Vec<String>>,
    poll_every_minutes: Option<i32>,
}

#[derive(InputObject)]
struct InstanceInput {
    number: i32,
}

#[derive(InputObject)]
struct SetFailurePolicyInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
    policy: FailurePolicy,
}

payload!(InstancePayload { instance: Instance });
payload!(DeleteInstancePayload { deleted: bool });
payload!(SetFailurePolicyPayload { policy: FailurePolicy });

#[derive(Default)]
pub(super) struct Instances;

#[Object]
impl Instances {
    /// Creates an instance: the code becomes a token of the store, which is asked to report the topics.
    async fn create_instance(
        &self,
        context: &Context<'_>,
        input: CreateInstanceInput,
    ) -> Result<InstancePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let grant = input.grant.read();
        let settings = Settings {
            events_enabled: input.events_enabled,
            notification_url: input.notification_url,
            signature_key: input.signature_key,
            topics: input.topics.map(|topics| topics.join(",")),
            poll_every: input.poll_every_minutes.map(minutes),
        };
        let new = NewInstance {
            account_id: input.account_id.map(String::from),
            name: input.name,
            tags: input.tags.unwrap_or_default(),
            grant,
            settings,
        };
        shown(context, app.instances.create(viewer, new).await).await
    }

    /// Changes an instance, and what it is made of with it.
    async fn update_instance(
        &self,
        context: &Context<'_>,
        input: UpdateInstanceInput,
    ) -> Result<InstancePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let changes = InstanceChanges {
            name: input.name,
            tags: input.tags,
            settings: Settings {
                events_enabled: input.events_enabled,
                notification_url: input.notification_url,
                signature_key: input.signature_key,
                topics: input.topics.map(|topics| topics.join(",")),
                poll_every: input.poll_every_minutes.map(minutes),
            },
            grant: input.grant.map(|grant| grant.read().into()),
        };
        shown(context, app.instances.update(viewer, number(input.number), changes).await).await
    }

    /// Takes an instance's token again, and sends what waits.
    async fn enable_instance(&self, context: &Context<'_>, input: InstanceInput) -> Result<InstancePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(context, app.instances.enable(viewer, number(input.number)).await).await
    }

    /// Refuses an instance's token, and sends nothing. What happens is recorded, and waits.
    async fn disable_instance(&self, context: &Context<'_>, input: InstanceInput) -> Result<InstancePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(context, app.instances.disable(viewer, number(input.number)).await).await
    }

    /// Deletes an instance for good, with its token and its endpoints. Its store is asked to send nothing more; its integration stays,
    /// switched off.
    async fn delete_instance(
        &self,
        context: &Context<'_>,
        input: InstanceInput,
    ) -> Result<DeleteInstancePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let deleted = app.instances.delete(viewer, number(input.number)).await;
        payload_of(deleted, |()| DeleteInstancePayload { deleted: Some(true), user_errors: vec![] })
    }

    /// Says what becomes of notifications that fail, for all instances of an account from now on.
    async fn set_failure_policy(
        &self,
        context: &Context<'_>,
        input: SetFailurePolicyInput,
    ) -> Result<SetFailurePolicyPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let account_id = input.account_id.map_or_else(|| viewer.account_id.to_string(), String::from);
        let set = app.instances.set_failure_policy(viewer, &account_id, input.policy.into()).await;
        payload_of(set, |()| SetFailurePolicyPayload { policy: Some(input.policy), user_errors: vec![] })
    }
}

async fn shown(context: &Context<'_>, done: Result<FoundInstance, app::Error>) -> Result<InstancePayload, ApiError> {
    let (app, viewer) = app_and_viewer(context)?;
    let instance = match &done {
        Ok(found) => app.instances.row(viewer, found.details.number).await?.and_then(Instance::of),
        Err(_) => None,
    };
    payload_of(done, |_| InstancePayload { instance, user_errors: vec![] })
}

impl InstanceGrantInput {
    fn read(self) -> NewGrant {
        let Self { code, client_id, client_secret, store, callback_url, scope } = self;
        let scope = scope.unwrap_or_else(|| DEFAULT_SCOPE.to_owned());
        NewGrant { code, client_id, client_secret, store, callback_url, scope }
    }
}

impl From<NewGrant> for Regrant {
    fn from(grant: NewGrant) -> Self {
        let NewGrant { code, client_id, client_secret, store, callback_url, scope } = grant;
        Self {
            code,
            client_id: Some(client_id),
            client_secret: Some(client_secret),
            store: Some(store),
            callback_url: Some(callback_url),
            scope: Some(scope),
        }
    }
}

/// None has a number below zero.
fn number(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// What is below zero is no interval: 1 is refused for it.
fn minutes(minutes: i32) -> u32 {
    u32::try_from(minutes).unwrap_or(1)
}
