//! The orders that a seller at Square changed, location by location. Webhooks only name an order, and so does what stands for one.
//!
//! <https://developer.squareup.com/reference/square/orders-api/search-orders>

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::order_list_api::{ListedOrder, OrderListApi, OrderPage, WebhookStep, listed_order, written};
use crate::scalar::Scalar;
use crate::shape::{List, Object, Shape};
use crate::store_api::ApiRequest;
use crate::{Malformed, body};

/// Orders of a page, which come whole.
const PAGE: u32 = 100;
/// Locations that one search takes.
const LOCATIONS: usize = 10;
const UPDATED: &str = "order.updated";

pub(super) struct OrderLists;

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Locations<'a> {
    locations: List<Object<Location<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Location<'a> {
    id: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Found<'a> {
    orders: List<Object<Row<'a>>>,
    cursor: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Row<'a> {
    id: Scalar<'a>,
    updated_at: Scalar<'a>,
}

/// Where a list is: at the first of these searches, whose locations are separated by commas and which are separated by semicolons,
/// and there at a cursor of Square's own.
struct Cursor<'a> {
    searches: &'a str,
    of_search: &'a str,
}

impl<'a> Cursor<'a> {
    fn read(cursor: &'a str) -> Result<Self, Malformed> {
        let (searches, of_search) = cursor.split_once('|').ok_or_else(|| Malformed::invalid("cursor", "is none"))?;
        Ok(Self { searches, of_search })
    }

    fn locations(&self) -> Vec<&'a str> {
        self.searches.split(';').next().unwrap_or_default().split(',').collect()
    }
}

impl OrderListApi for OrderLists {
    fn list(&self, _: Option<&str>, since: DateTime<Utc>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let Some(cursor) = cursor else { return Ok(ApiRequest::get("/v2/locations")) };
        let cursor = Cursor::read(cursor)?;
        let mut search = json!({
            "location_ids": cursor.locations(),
            "limit": PAGE,
            "query": {
                "filter": { "date_time_filter": { "updated_at": { "start_at": written(since) } } },
                "sort": { "sort_field": "UPDATED_AT", "sort_order": "ASC" },
            },
        });
        if !cursor.of_search.is_empty() {
            search["cursor"] = json!(cursor.of_search);
        }
        Ok(ApiRequest::post("/v2/orders/search", &search))
    }

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<OrderPage, Malformed> {
        let text = body::text(body)?;
        let Some(cursor) = cursor else {
            let found = body::read::<Object<Locations<'_>>>(text)?.object().unwrap_or_default();
            let ids: Vec<String> =
                objects(found.locations, "locations")?.into_iter().filter_map(|location| location.id.text()).collect();
            let is_plain = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !ids.iter().all(is_plain) {
                return Err(Malformed::invalid("the id of a location", "is none"));
            }
            let searches: Vec<String> = ids.chunks(LOCATIONS).map(|ids| ids.join(",")).collect();
            let next = (!searches.is_empty()).then(|| format!("{}|", searches.join(";")));
            return Ok(OrderPage { orders: vec![], next });
        };
        let cursor = Cursor::read(cursor)?;
        let found = body::read::<Object<Found<'_>>>(text)?.object().unwrap_or_default();
        let orders = objects(found.orders, "orders")?.into_iter().map(|row| listed_order((row.id, row.updated_at)));
        let orders = orders.collect::<Result<_, _>>()?;
        let next = match found.cursor.text() {
            Some(of_search) => Some(format!("{}|{of_search}", cursor.searches)),
            None => cursor.searches.split_once(';').map(|(_, rest)| format!("{rest}|")),
        };
        Ok(OrderPage { orders, next })
    }

    fn webhook(&self, _: Option<&str>, order: &ListedOrder, _: &[&[u8]]) -> Result<WebhookStep, Malformed> {
        let changed_at = written(order.changed_at);
        let id = &order.order_id;
        let body = json!({
            "type": UPDATED,
            "created_at": changed_at,
            "data": {
                "type": "order_updated",
                "id": id,
                "object": { "order_updated": { "order_id": id, "updated_at": changed_at } },
            },
        });
        Ok(WebhookStep::Webhook { topic: UPDATED.to_owned(), body: body.to_string().into_bytes() })
    }
}

fn objects<T>(list: List<Object<T>>, field: &str) -> Result<Vec<T>, Malformed> {
    let Shape::List(list) = list else { return Ok(vec![]) };
    Ok(list.bounded(field)?.into_iter().filter_map(Shape::object).collect())
}
