//! The orders that a WooCommerce shop changed. Its API has an order as its webhooks have it.
//!
//! <https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders>

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::Malformed;
use crate::order_api::path_segment;
use crate::order_list_api::{ListedOrder, OrderListApi, OrderPage, WebhookStep, listed, page_number, written};
use crate::scalar::Scalar;
use crate::store_api::ApiRequest;

const PATH: &str = "/wp-json/wc/v3/orders";
const PAGE: usize = 100;

pub(super) struct OrderLists;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    #[serde(borrow)]
    date_modified_gmt: Scalar<'a>,
}

impl OrderListApi for OrderLists {
    fn list(&self, _: Option<&str>, since: DateTime<Utc>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let page = page_number(cursor)?;
        // After, and not from: dates are in whole seconds.
        let after = written(since - TimeDelta::seconds(1)).replace('Z', "");
        Ok(ApiRequest::get(format!(
            "{PATH}?modified_after={after}&dates_are_gmt=true&orderby=modified&order=asc&per_page={PAGE}&page={page}\
             &_fields=id,date_modified_gmt"
        )))
    }

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<OrderPage, Malformed> {
        let orders = listed::<Row<'_>>(body, |row| (row.id, row.date_modified_gmt))?;
        let next = (orders.len() >= PAGE).then_some(page_number(cursor)?.saturating_add(1).to_string());
        Ok(OrderPage { orders, next })
    }

    fn webhook(&self, _: Option<&str>, order: &ListedOrder, responses: &[&[u8]]) -> Result<WebhookStep, Malformed> {
        let Some(body) = responses.first() else {
            let id = path_segment(&order.order_id, "id")?;
            return Ok(WebhookStep::Request(ApiRequest::get(format!("{PATH}/{id}"))));
        };
        Ok(WebhookStep::Webhook { topic: "order.updated".to_owned(), body: body.to_vec() })
    }
}
