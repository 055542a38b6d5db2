//! Orders as the GraphQL Admin API has them: <https://shopify.dev/docs/api/admin-graphql/latest/objects/Order>

use async_graphql::{Enum, ErrorExtensions as _, ID, SimpleObject};
use chrono::{DateTime, SecondsFormat, Utc};

use super::{Caller, PageInfo};
use crate::store_sandbox::money::{cents, decimal};
use crate::store_sandbox::order::{NewLine, Order as Placed, UsernameIn, in_words};
use crate::store_sandbox::shopify::order::line_id;
use crate::store_sandbox::store::ConnectedStore;

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderSortKeys {
    UpdatedAt,
}

#[derive(SimpleObject)]
pub(super) struct OrderConnection {
    nodes: Vec<Order>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Order {
    id: ID,
    legacy_resource_id: String,
    name: String,
    created_at: String,
    updated_at: String,
    cancelled_at: Option<String>,
    display_financial_status: String,
    currency_code: &'static str,
    email: String,
    note: Option<String>,
    test: bool,
    custom_attributes: Vec<Attribute>,
    customer: Customer,
    billing_address: Option<MailingAddress>,
    total_price_set: MoneyBag,
    total_refunded_set: MoneyBag,
    #[graphql(skip)]
    lines: Vec<LineItem>,
}

#[async_graphql::ComplexObject]
#[expect(clippy::unused_async, reason = "resolvers are async")]
impl Order {
    async fn line_items(&self, first: usize, after: Option<String>) -> async_graphql::Result<LineItemConnection> {
        let after = offset(after.as_deref());
        let later: Vec<LineItem> = self.lines.iter().skip(after).cloned().collect();
        Ok(LineItemConnection {
            page_info: page_info(after, first, later.len())?,
            nodes: later.into_iter().take(first).collect(),
        })
    }
}

#[derive(SimpleObject)]
struct LineItemConnection {
    nodes: Vec<LineItem>,
    page_info: PageInfo,
}

#[derive(SimpleObject, Clone)]
struct LineItem {
    id: ID,
    sku: Option<String>,
    title: String,
    quantity: u32,
    current_quantity: u32,
    product: Option<Resource>,
    variant: Option<Variant>,
    original_unit_price_set: MoneyBag,
    custom_attributes: Vec<Attribute>,
}

#[derive(SimpleObject, Clone)]
#[graphql(name = "ProductOfLine")]
struct Resource {
    legacy_resource_id: String,
}

#[derive(SimpleObject, Clone)]
#[graphql(name = "VariantOfLine")]
struct Variant {
    legacy_resource_id: String,
}

#[derive(SimpleObject, Clone)]
struct Attribute {
    key: &'static str,
    value: Option<String>,
}

#[derive(SimpleObject)]
struct Customer {
    legacy_resource_id: &'static str,
    email: String,
    first_name: String,
    last_name: String,
}

#[derive(SimpleObject)]
struct MailingAddress {
    first_name: String,
    last_name: String,
}

#[derive(SimpleObject, Clone)]
struct MoneyBag {
    shop_money: MoneyV2,
}

#[derive(SimpleObject, Clone)]
struct MoneyV2 {
    amount: String,
    currency_code: &'static str,
}

/// A page of the orders that were changed since a moment, the least recently changed first.
pub(super) fn page(
    caller: &Caller,
    (first, after): (usize, Option<String>),
    query: Option<&str>,
) -> async_graphql::Result<OrderConnection> {
    caller.require("read_orders")?;
    let since = query.map(changed_since).transpose()?;
    let world = caller.sandbox.world();
    let mut orders: Vec<&Placed> =
        world.stores.shop(&caller.shop).map(ConnectedStore::present_orders).into_iter().flatten().collect();
    orders.retain(|order| since.is_none_or(|since| order.updated_at >= since));
    orders.sort_by_key(|order| (order.updated_at, order.id.clone()));
    let after = offset(after.as_deref());
    let later = orders.len().saturating_sub(after);
    let nodes = orders.into_iter().skip(after).take(first).map(Order::of).collect();
    Ok(OrderConnection { nodes, page_info: page_info(after, first, later)? })
}

pub(super) fn find(caller: &Caller, id: &str) -> async_graphql::Result<Option<Order>> {
    caller.require("read_orders")?;
    let world = caller.sandbox.world();
    let found = world.stores.shop(&caller.shop).and_then(|shop| shop.order(id.rsplit('/').next()?).ok());
    Ok(found.filter(|order| !order.is_archived).map(Order::of))
}

/// Of Shopify's search syntax what is needed here: `updated_at:>='2026-11-30T12:00:00Z'`.
fn changed_since(query: &str) -> async_graphql::Result<DateTime<Utc>> {
    let moment = query.strip_prefix("updated_at:>='").and_then(|rest| rest.strip_suffix('\''));
    let moment = moment.and_then(|moment| moment.parse().ok());
    moment.ok_or_else(|| "the sandbox searches orders by updated_at:>='…' alone".into())
}

/// A cursor counts what comes before it. One that is none begins at the beginning.
pub(super) fn offset(after: Option<&str>) -> usize {
    after.and_then(|after| after.parse().ok()).unwrap_or(0)
}

pub(super) fn page_info(after: usize, first: usize, later: usize) -> async_graphql::Result<PageInfo> {
    if !(1..=250).contains(&first) {
        return Err("first must be between 1 and 250".into());
    }
    Ok(PageInfo {
        has_next_page: later > first,
        end_cursor: (later > 0).then(|| (after + later.min(first)).to_string()),
    })
}

impl Caller {
    pub(super) fn require(&self, scope: &str) -> async_graphql::Result<()> {
        let world = self.sandbox.world();
        let installed = world.stores.shop(&self.shop).and_then(|shop| shop.installations.get(&self.client_id));
        if installed.is_some_and(|installed| installed.scopes.contains(scope)) {
            return Ok(());
        }
        let refused = async_graphql::Error::new("Access denied for orders field.");
        Err(refused.extend_with(|_, extensions| extensions.set("code", "ACCESS_DENIED")))
    }
}

impl Order {
    fn of(order: &Placed) -> Self {
        let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (first_name, last_name) =
            order.placed.customer_name.split_once(' ').unwrap_or((&order.placed.customer_name, ""));
        Self {
            id: ID(format!("gid://shopify/Order/{}", order.id)),
            legacy_resource_id: order.id.clone(),
            name: format!("#{}", order.number),
            created_at: moment(order.created_at),
            updated_at: moment(order.updated_at),
            cancelled_at: order.cancelled_at.map(moment),
            display_financial_status: order.status.to_ascii_uppercase(),
            currency_code: "USD",
            email: order.placed.email.clone(),
            note: order.message(),
            test: false,
            custom_attributes: attributes("NDSP Username", order.username_in(UsernameIn::Order).map(str::to_owned)),
            customer: Customer {
                legacy_resource_id: "7000000001",
                email: order.placed.email.clone(),
                first_name: first_name.to_owned(),
                last_name: last_name.to_owned(),
            },
            billing_address: None,
            total_price_set: money(order.units()),
            total_refunded_set: money(order.units_refunded()),
            lines: order.placed.lines.iter().enumerate().map(|(at, line)| line_of(order, at, line)).collect(),
        }
    }
}

fn line_of(order: &Placed, at: usize, line: &NewLine) -> LineItem {
    let refunded = order.refunded.get(at).copied().unwrap_or_default();
    LineItem {
        id: ID(format!("gid://shopify/LineItem/{}", line_id(order, at))),
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        current_quantity: line.quantity - refunded,
        product: line.product_id.clone().map(|legacy_resource_id| Resource { legacy_resource_id }),
        variant: line.variant_id.clone().map(|legacy_resource_id| Variant { legacy_resource_id }),
        original_unit_price_set: money(1),
        custom_attributes: attributes("NDSP username", order.username_in(UsernameIn::Lines).map(in_words)),
    }
}

fn attributes(key: &'static str, value: Option<String>) -> Vec<Attribute> {
    value.map(|value| Attribute { key, value: Some(value) }).into_iter().collect()
}

/// As Shopify writes a decimal: without zeros that say nothing, but for one.
fn money(units: u32) -> MoneyBag {
    let text = decimal(cents(units));
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    let part = part.trim_end_matches('0');
    let amount = format!("{whole}.{}", if part.is_empty() { "0" } else { part });
    MoneyBag { shop_money: MoneyV2 { amount, currency_code: "USD" } }
}
