//! The orders that a shop at Shopify changed. The GraphQL API names things otherwise than the webhooks do: an order that is read
//! there is written as its webhook has it, so that one parser reads both.
//!
//! <https://shopify.dev/docs/api/admin-graphql/latest/queries/orders>

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{data, query};
use crate::Malformed;
use crate::order_list_api::{ListedOrder, OrderListApi, OrderPage, WebhookStep, written};
use crate::shape::MAX_ITEMS;
use crate::store_api::ApiRequest;

const LIST: &str = "query ($first: Int!, $after: String, $changed: String!) { \
                    orders(first: $first, after: $after, query: $changed, sortKey: UPDATED_AT) { \
                    nodes { legacyResourceId updatedAt } pageInfo { hasNextPage endCursor } } }";
const READ: &str = "query ($id: ID!, $first: Int!, $after: String) { order(id: $id) { \
                    legacyResourceId name createdAt updatedAt cancelledAt displayFinancialStatus currencyCode email note test \
                    customAttributes { key value } \
                    customer { legacyResourceId email firstName lastName } \
                    billingAddress { firstName lastName } \
                    totalPriceSet { shopMoney { amount } } totalRefundedSet { shopMoney { amount } } \
                    lineItems(first: $first, after: $after) { nodes { \
                    id sku title quantity currentQuantity product { legacyResourceId } variant { legacyResourceId } \
                    originalUnitPriceSet { shopMoney { amount } } customAttributes { key value } } \
                    pageInfo { hasNextPage endCursor } } } }";
/// Orders of a page.
const PAGE: u32 = 250;
/// Lines of a page: what a query costs grows with them.
const LINES: usize = 100;

pub(super) struct OrderLists;

#[derive(Deserialize)]
struct List {
    orders: Connection<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    pub(super) nodes: Vec<T>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl<T> Connection<T> {
    pub(super) fn next(&self) -> Option<String> {
        self.page_info.end_cursor.clone().filter(|_| self.page_info.has_next_page)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    legacy_resource_id: String,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Read {
    order: Option<Order>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    legacy_resource_id: String,
    name: String,
    created_at: String,
    updated_at: String,
    cancelled_at: Option<String>,
    display_financial_status: Option<String>,
    currency_code: Option<String>,
    email: Option<String>,
    note: Option<String>,
    test: bool,
    custom_attributes: Vec<Attribute>,
    customer: Option<Customer>,
    billing_address: Option<Name>,
    total_price_set: MoneyBag,
    total_refunded_set: MoneyBag,
    line_items: Connection<Line>,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    legacy_resource_id: String,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoneyBag {
    shop_money: Money,
}

#[derive(Deserialize)]
struct Money {
    amount: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    /// `gid://shopify/LineItem/1`
    id: String,
    sku: Option<String>,
    title: String,
    quantity: u32,
    current_quantity: u32,
    product: Option<Resource>,
    variant: Option<Resource>,
    original_unit_price_set: MoneyBag,
    custom_attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    legacy_resource_id: String,
}

impl OrderListApi for OrderLists {
    fn list(&self, _: Option<&str>, since: DateTime<Utc>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let changed = format!("updated_at:>='{}'", written(since));
        Ok(query(LIST, json!({ "first": PAGE, "after": cursor, "changed": changed })))
    }

    fn listed(&self, body: &[u8], _: Option<&str>) -> Result<OrderPage, Malformed> {
        let List { orders } = data(body)?;
        let next = orders.next();
        let listed = |row: Row| ListedOrder { order_id: row.legacy_resource_id, changed_at: row.updated_at };
        Ok(OrderPage { orders: orders.nodes.into_iter().map(listed).collect(), next })
    }

    fn webhook(&self, _: Option<&str>, wanted: &ListedOrder, responses: &[&[u8]]) -> Result<WebhookStep, Malformed> {
        let mut order: Option<Order> = None;
        for response in responses {
            let Some(page) = data::<Read>(response)?.order else { return Ok(WebhookStep::Gone) };
            if page.legacy_resource_id != wanted.order_id {
                return Err(Malformed::invalid("id", "is of another order"));
            }
            order = Some(match order {
                None => page,
                Some(mut order) => {
                    order.line_items.nodes.extend(page.line_items.nodes);
                    order.line_items.page_info = page.line_items.page_info;
                    order
                }
            });
        }
        let after = order.as_ref().and_then(|order| order.line_items.next());
        match order {
            Some(order) if after.is_none() => {
                let body = order.webhook().to_string().into_bytes();
                Ok(WebhookStep::Webhook { topic: "orders/updated".to_owned(), body })
            }
            Some(order) if order.line_items.nodes.len() >= MAX_ITEMS => {
                Err(Malformed::invalid("line_items", "must not have more than 1,000 entries"))
            }
            Some(_) | None => {
                let id = format!("gid://shopify/Order/{}", wanted.order_id);
                Ok(WebhookStep::Request(query(READ, json!({ "id": id, "first": LINES, "after": after }))))
            }
        }
    }
}

impl Order {
    fn webhook(self) -> Value {
        let name = |name: &Name| json!({ "first_name": name.first_name, "last_name": name.last_name });
        json!({
            "id": number(&self.legacy_resource_id),
            "admin_graphql_api_id": format!("gid://shopify/Order/{}", self.legacy_resource_id),
            "name": self.name,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "cancelled_at": self.cancelled_at,
            "financial_status": self.display_financial_status.map(|status| status.to_ascii_lowercase()),
            "currency": self.currency_code,
            "email": self.email,
            "note": self.note,
            "test": self.test,
            "note_attributes": attributes(self.custom_attributes),
            "customer": self.customer.map(|customer| json!({
                "id": number(&customer.legacy_resource_id),
                "email": customer.email,
                "first_name": customer.first_name,
                "last_name": customer.last_name,
            })),
            "billing_address": self.billing_address.as_ref().map(name),
            "total_price": self.total_price_set.shop_money.amount,
            "refunds": refunds(&self.total_refunded_set, self.currency_code.as_deref()),
            "line_items": self.line_items.nodes.into_iter().map(Line::webhook).collect::<Vec<_>>(),
        })
    }
}

impl Line {
    fn webhook(self) -> Value {
        let id = |resource: Option<Resource>| resource.map(|resource| number(&resource.legacy_resource_id));
        json!({
            "id": number(self.id.rsplit('/').next().unwrap_or_default()),
            "sku": self.sku,
            "title": self.title,
            "quantity": self.quantity,
            "current_quantity": self.current_quantity,
            "product_id": id(self.product),
            "variant_id": id(self.variant),
            "price": self.original_unit_price_set.shop_money.amount,
            "properties": attributes(self.custom_attributes),
        })
    }
}

/// What was given back in all, as one payment: which lines it was for is in their current quantities.
fn refunds(total: &MoneyBag, currency: Option<&str>) -> Vec<Value> {
    let amount = &total.shop_money.amount;
    let is_nothing = amount.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'));
    let payment = json!({ "kind": "refund", "status": "success", "amount": amount, "currency": currency });
    if is_nothing { vec![] } else { vec![json!({ "refund_line_items": [], "transactions": [payment] })] }
}

fn attributes(attributes: Vec<Attribute>) -> Vec<Value> {
    attributes.into_iter().map(|Attribute { key, value }| json!({ "name": key, "value": value })).collect()
}

/// As webhooks have ids. What is no number stays as it is.
pub(super) fn number(id: &str) -> Value {
    id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number))
}
