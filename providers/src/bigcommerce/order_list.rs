//! The orders that a store at BigCommerce changed. Webhooks only name an order, and so does what stands for one.
//!
//! <https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders/get-orders>

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::Malformed;
use crate::order_api::path_segment;
use crate::order_list_api::{ListedOrder, OrderListApi, OrderPage, WebhookStep, listed, page_number, written};
use crate::scalar::Scalar;
use crate::store_api::ApiRequest;

const PAGE: usize = 100;
/// Before the number of a page of orders in the archive, which a list of all leaves out.
const ARCHIVE: &str = "archive ";
const UPDATED: &str = "store/order/updated";

pub(super) struct OrderLists;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    #[serde(borrow)]
    date_modified: Scalar<'a>,
}

impl OrderListApi for OrderLists {
    fn list(&self, store: Option<&str>, since: DateTime<Utc>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let store = path_segment(store.ok_or_else(|| Malformed::missing("store hash"))?, "store hash")?;
        let in_archive = cursor.and_then(|cursor| cursor.strip_prefix(ARCHIVE));
        let page = page_number(in_archive.or(cursor))?;
        let archived = if in_archive.is_some() { "&is_deleted=true" } else { "" };
        let since = written(since);
        Ok(ApiRequest::get(format!(
            "/stores/{store}/v2/orders?min_date_modified={since}&sort=date_modified:asc&limit={PAGE}&page={page}{archived}"
        )))
    }

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<OrderPage, Malformed> {
        let orders = listed::<Row<'_>>(body, |row| (row.id, row.date_modified))?;
        let in_archive = cursor.and_then(|cursor| cursor.strip_prefix(ARCHIVE));
        let following = page_number(in_archive.or(cursor))?.saturating_add(1);
        let next = match (orders.len() >= PAGE, in_archive) {
            (true, None) => Some(following.to_string()),
            (true, Some(_)) => Some(format!("{ARCHIVE}{following}")),
            (false, None) => Some(format!("{ARCHIVE}1")),
            (false, Some(_)) => None,
        };
        Ok(OrderPage { orders, next })
    }

    fn webhook(&self, store: Option<&str>, order: &ListedOrder, _: &[&[u8]]) -> Result<WebhookStep, Malformed> {
        let id: u64 = order.order_id.parse().map_err(|_| Malformed::invalid("id", "is no number"))?;
        let body = json!({
            "scope": UPDATED,
            "producer": format!("stores/{}", store.unwrap_or_default()),
            "data": { "type": "order", "id": id },
            "created_at": order.changed_at.timestamp(),
        });
        Ok(WebhookStep::Webhook { topic: UPDATED.to_owned(), body: body.to_string().into_bytes() })
    }
}
