//! The part of the GraphQL Admin API that is called: <https://shopify.dev/docs/api/admin-graphql>. A query that is not of this part
//! is refused as Shopify refuses one that it does not know.

mod orders;
mod products;

use async_graphql::{
    Context, EmptySubscription, Enum, ID, InputObject, Object, Request, Schema, SimpleObject, Variables,
};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DOMAIN, shop_id};
use crate::store_sandbox::apps::{AppSubscription, MAX_SUBSCRIPTIONS};
use crate::store_sandbox::operation::Operation;
use crate::store_sandbox::refusal::Refusal;
use crate::store_sandbox::{StoreSandbox, World};
use orders::{Order, OrderConnection, OrderSortKeys};
use products::{CollectionConnection, CollectionSortKeys, ProductConnection, ProductSortKeys};

/// What every query costs here, of a bucket of this size, which is filled again by so much a second.
const COST: f64 = 10.0;
const BUCKET: f64 = 2_000.0;
const RESTORED_A_SECOND: f64 = 100.0;

#[derive(Deserialize)]
pub(super) struct Asked {
    query: String,
    #[serde(default)]
    variables: Value,
}

/// Who asks: an app, in a shop.
#[derive(Clone)]
struct Caller {
    sandbox: StoreSandbox,
    shop: String,
    client_id: String,
}

pub(super) async fn answer(
    State(sandbox): State<StoreSandbox>,
    Path((shop, version)): Path<(String, String)>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Response {
    let token = headers.get("x-shopify-access-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
    let (token, operation) = (token.to_owned(), operation_of(&asked.query));
    let called = sandbox.clone();
    let answered = async move || {
        let caller = caller(&called, shop_id(&shop).unwrap_or_default(), &token).ok_or(Refusal::Unauthorized)?;
        let (available, is_paid) = called.change(|world| take(world, &caller, called.clock().now().timestamp_millis()));
        let cost = json!({
            "requestedQueryCost": COST,
            "actualQueryCost": is_paid.then_some(COST),
            "throttleStatus": {
                "maximumAvailable": BUCKET, "currentlyAvailable": available, "restoreRate": RESTORED_A_SECOND,
            },
        });
        if !is_paid {
            let errors = json!([{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }]);
            return Ok(Some(json!({ "errors": errors, "extensions": { "cost": cost } })));
        }
        let request = Request::new(asked.query).variables(Variables::from_json(asked.variables)).data(caller);
        let schema = Schema::build(Query, Mutation, EmptySubscription).finish();
        let mut answer = serde_json::to_value(schema.execute(request).await).unwrap_or_default();
        answer["extensions"] = json!({ "cost": cost });
        Ok(Some(answer))
    };
    let mut response = sandbox.perform(operation, answered).await;
    if let Ok(version) = HeaderValue::from_str(&version) {
        response.headers_mut().insert(HeaderName::from_static("x-shopify-api-version"), version);
    }
    response
}

/// By what a query names: the names by which calls are counted, held and made to fail.
fn operation_of(query: &str) -> Operation {
    if query.contains("webhookSubscriptionCreate") || query.contains("webhookSubscriptionDelete") {
        Operation::ShopifySubscribe
    } else if query.contains("webhookSubscriptions") {
        Operation::ShopifySubscriptions
    } else if query.contains(" orders(") {
        Operation::ShopifyOrders
    } else if query.contains(" products(") || query.contains(" collections(") {
        Operation::ShopifyProducts
    } else if query.contains(" order(") {
        Operation::ShopifyOrder
    } else {
        Operation::ShopifyOther
    }
}

fn caller(sandbox: &StoreSandbox, shop: &str, token: &str) -> Option<Caller> {
    let world = sandbox.world();
    let found = world.stores.shop(shop)?;
    let now = sandbox.clock().now();
    let client_id = found.installations.iter().find(|(_, installation)| installation.is_token(token, now))?.0.clone();
    Some(Caller { sandbox: sandbox.clone(), shop: shop.to_owned(), client_id })
}

/// Takes what a query costs out of the bucket, if it is in it. Returns what is left.
fn take(world: &mut World, caller: &Caller, now_ms: i64) -> (f64, bool) {
    let Some(shop) = world.stores.shop_mut(&caller.shop) else { return (0.0, false) };
    let (left, at_ms) = shop.bucket.unwrap_or((BUCKET, now_ms));
    let restored = f64::from(i32::try_from((now_ms - at_ms).max(0)).unwrap_or(i32::MAX)) / 1_000.0 * RESTORED_A_SECOND;
    let available = (left + restored).min(BUCKET);
    let is_paid = available >= COST;
    let left = if is_paid { available - COST } else { available };
    shop.bucket = Some((left, now_ms));
    (left, is_paid)
}

impl Caller {
    fn of<'a>(context: &Context<'a>) -> &'a Self {
        context.data_unchecked()
    }
}

struct Query;

#[Object]
#[expect(clippy::unused_async, reason = "resolvers are async")]
impl Query {
    async fn shop(&self, context: &Context<'_>) -> Shop {
        let caller = Caller::of(context);
        Shop { name: caller.shop.clone(), myshopify_domain: format!("{}{DOMAIN}", caller.shop), currency_code: "USD" }
    }

    async fn webhook_subscriptions(
        &self,
        context: &Context<'_>,
        first: usize,
        after: Option<String>,
    ) -> async_graphql::Result<SubscriptionConnection> {
        if !(1..=250).contains(&first) {
            return Err("first must be between 1 and 250".into());
        }
        let caller = Caller::of(context);
        let world = caller.sandbox.world();
        let installed = world.stores.shop(&caller.shop).and_then(|shop| shop.installations.get(&caller.client_id));
        let after: u64 = after.and_then(|after| after.parse().ok()).unwrap_or(0);
        let known = installed.map(|installed| installed.subscriptions.clone()).unwrap_or_default();
        let later: Vec<(u64, AppSubscription)> = known.into_iter().filter(|(number, _)| *number > after).collect();
        let nodes: Vec<WebhookSubscription> = later.iter().take(first).map(WebhookSubscription::of).collect();
        let end_cursor = later[..later.len().min(first)].last().map(|(number, _)| number.to_string());
        Ok(SubscriptionConnection { nodes, page_info: PageInfo { has_next_page: later.len() > first, end_cursor } })
    }

    async fn orders(
        &self,
        context: &Context<'_>,
        first: usize,
        after: Option<String>,
        query: Option<String>,
        sort_key: OrderSortKeys,
    ) -> async_graphql::Result<OrderConnection> {
        let OrderSortKeys::UpdatedAt = sort_key;
        orders::page(Caller::of(context), (first, after), query.as_deref())
    }

    async fn products(
        &self,
        context: &Context<'_>,
        first: usize,
        after: Option<String>,
        sort_key: ProductSortKeys,
    ) -> async_graphql::Result<ProductConnection> {
        let ProductSortKeys::Id = sort_key;
        products::page(Caller::of(context), (first, after))
    }

    async fn collections(
        &self,
        context: &Context<'_>,
        first: usize,
        after: Option<String>,
        sort_key: CollectionSortKeys,
    ) -> async_graphql::Result<CollectionConnection> {
        let (CollectionSortKeys::Id, None) = (sort_key, after) else { return Err("there is no such page".into()) };
        products::collections(Caller::of(context), first)
    }

    async fn order(&self, context: &Context<'_>, id: ID) -> async_graphql::Result<Option<Order>> {
        orders::find(Caller::of(context), &id)
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn webhook_subscription_create(
        &self,
        context: &Context<'_>,
        topic: WebhookSubscriptionTopic,
        webhook_subscription: WebhookSubscriptionInput,
    ) -> WebhookSubscriptionCreatePayload {
        let caller = Caller::of(context);
        let made = caller.sandbox.change(|world| subscribe(world, caller, topic, webhook_subscription.uri));
        match made {
            Ok(subscription) => {
                WebhookSubscriptionCreatePayload { webhook_subscription: Some(subscription), user_errors: vec![] }
            }
            Err(message) => WebhookSubscriptionCreatePayload {
                webhook_subscription: None,
                user_errors: vec![UserError { field: None, message: message.to_owned() }],
            },
        }
    }

    async fn webhook_subscription_delete(&self, context: &Context<'_>, id: ID) -> WebhookSubscriptionDeletePayload {
        let caller = Caller::of(context);
        let number = id.rsplit('/').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        let was_there = caller.sandbox.change(|world| {
            let shop = world.stores.shop_mut(&caller.shop)?;
            shop.installations.get_mut(&caller.client_id)?.subscriptions.remove(&number)
        });
        match was_there {
            Some(_) => {
                WebhookSubscriptionDeletePayload { deleted_webhook_subscription_id: Some(id), user_errors: vec![] }
            }
            None => WebhookSubscriptionDeletePayload {
                deleted_webhook_subscription_id: None,
                user_errors: vec![UserError {
                    field: Some(vec!["id".to_owned()]),
                    message: "Webhook subscription does not exist".to_owned(),
                }],
            },
        }
    }
}

fn subscribe(
    world: &mut World,
    caller: &Caller,
    topic: WebhookSubscriptionTopic,
    uri: String,
) -> Result<WebhookSubscription, &'static str> {
    let number = world.apps.next_number();
    let shop = world.stores.shop_mut(&caller.shop).ok_or("Shop does not exist")?;
    let installed = shop.installations.get_mut(&caller.client_id).ok_or("App does not exist")?;
    if topic.scope().is_some_and(|scope| !installed.scopes.contains(scope)) {
        return Err("You cannot create a webhook subscription with the specified topic");
    }
    let is_of_this_machine = uri.starts_with("http://127.0.0.1") || uri.starts_with("http://localhost");
    if !(uri.starts_with("https://") || is_of_this_machine) {
        return Err("Address protocol http:// is not supported");
    }
    let wanted = AppSubscription::new(topic.spelt(), uri, true);
    if installed.subscriptions.values().any(|known| *known == wanted) {
        return Err("Address for this topic has already been taken");
    }
    if installed.subscriptions.len() >= MAX_SUBSCRIPTIONS {
        return Err("Too many webhook subscriptions");
    }
    installed.subscriptions.insert(number, wanted.clone());
    Ok(WebhookSubscription::of(&(number, wanted)))
}

#[derive(SimpleObject)]
struct Shop {
    name: String,
    myshopify_domain: String,
    currency_code: &'static str,
}

#[derive(InputObject)]
struct WebhookSubscriptionInput {
    uri: String,
    #[graphql(default)]
    format: WebhookSubscriptionFormat,
}

#[derive(Enum, Clone, Copy, Default, PartialEq, Eq)]
enum WebhookSubscriptionFormat {
    #[default]
    Json,
    Xml,
}

#[derive(SimpleObject)]
struct WebhookSubscription {
    id: ID,
    topic: WebhookSubscriptionTopic,
    uri: String,
}

impl WebhookSubscription {
    fn of((number, subscription): &(u64, AppSubscription)) -> Self {
        Self {
            id: ID(format!("gid://shopify/WebhookSubscription/{number}")),
            topic: WebhookSubscriptionTopic::of(&subscription.topic),
            uri: subscription.address.clone(),
        }
    }
}

#[derive(SimpleObject)]
struct SubscriptionConnection {
    nodes: Vec<WebhookSubscription>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(SimpleObject)]
struct WebhookSubscriptionCreatePayload {
    webhook_subscription: Option<WebhookSubscription>,
    user_errors: Vec<UserError>,
}

#[derive(SimpleObject)]
struct WebhookSubscriptionDeletePayload {
    deleted_webhook_subscription_id: Option<ID>,
    user_errors: Vec<UserError>,
}

#[derive(SimpleObject)]
struct UserError {
    field: Option<Vec<String>>,
    message: String,
}

/// Of Shopify's topics those that somebody may want here.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
enum WebhookSubscriptionTopic {
    AppUninstalled,
    CheckoutsUpdate,
    CollectionsCreate,
    CollectionsDelete,
    CollectionsUpdate,
    CustomersCreate,
    CustomersUpdate,
    InventoryLevelsConnect,
    InventoryLevelsDisconnect,
    InventoryLevelsUpdate,
    OrdersCancelled,
    OrdersCreate,
    OrdersDelete,
    OrdersPaid,
    OrdersPartiallyFulfilled,
    OrdersUpdated,
    ProductsCreate,
    ProductsDelete,
    ProductsUpdate,
}

impl WebhookSubscriptionTopic {
    /// `orders/create`
    fn spelt(self) -> String {
        let name: &'static str = self.into();
        let name = name.to_ascii_lowercase();
        let resource = ["inventory_levels"].into_iter().find(|resource| name.starts_with(resource));
        let at = resource.map_or_else(|| name.find('_').unwrap_or(0), str::len);
        format!("{}/{}", &name[..at], &name[at + 1..])
    }

    fn of(topic: &str) -> Self {
        use strum::IntoEnumIterator as _;
        Self::iter().find(|known| known.spelt() == topic).unwrap_or(Self::OrdersUpdated)
    }

    fn scope(self) -> Option<&'static str> {
        match self {
            Self::AppUninstalled => None,
            Self::OrdersCancelled
            | Self::OrdersCreate
            | Self::OrdersDelete
            | Self::OrdersPaid
            | Self::OrdersPartiallyFulfilled
            | Self::OrdersUpdated
            | Self::CheckoutsUpdate => Some("read_orders"),
            Self::CollectionsCreate
            | Self::CollectionsDelete
            | Self::CollectionsUpdate
            | Self::ProductsCreate
            | Self::ProductsDelete
            | Self::ProductsUpdate => Some("read_products"),
            Self::CustomersCreate | Self::CustomersUpdate => Some("read_customers"),
            Self::InventoryLevelsConnect | Self::InventoryLevelsDisconnect | Self::InventoryLevelsUpdate => {
                Some("read_inventory")
            }
        }
    }
}
