//! How an order is read at Square's API: one request, whose response has all of it.

use super::catalogue::Catalogue;
use super::oauth::Apps;
use super::order_list::OrderLists;
use super::{order, sample};
use crate::catalogue_api::CatalogueApi;
use crate::oauth::OAuth;
use crate::order_api::{OrderApi, OrderReference, OrderStep, ReadStep, path_segment};
use crate::order_list_api::OrderListApi;
use crate::sample::Purchase;
use crate::store_api::{ApiRequest, StoreAccess, StoreApi};
use crate::{Malformed, StoreReport};

/// The version of the API whose shapes are read here.
const VERSION: &str = "2025-10-16";

pub(super) struct Api;

impl StoreApi for Api {
    fn address(&self) -> &'static str {
        "https://connect.squareup.com"
    }

    fn headers(&self, token: &str) -> Vec<(&'static str, String)> {
        vec![
            ("authorization", format!("Bearer {token}")),
            ("square-version", VERSION.to_owned()),
            ("accept", "application/json".to_owned()),
        ]
    }

    /// The token is of one seller, whose orders it reads.
    fn store(&self, _entered: Option<&str>) -> Result<Option<String>, &'static str> {
        Ok(None)
    }

    fn access(&self) -> &'static StoreAccess {
        &StoreAccess {
            prompt: "The access token of Square's application",
            instructions: "Square's webhooks only name an order, which is then read at Square. The Developer Console shows the \
                           production access token of the application under Credentials. Where the token was made by OAuth \
                           it needs the permission ORDERS_READ.",
            needs_store: false,
        }
    }

    fn oauth(&self) -> Option<&'static dyn OAuth> {
        Some(&Apps)
    }

    fn catalogue(&self) -> Option<&'static dyn CatalogueApi> {
        Some(&Catalogue)
    }

    fn order_lists(&self) -> Option<&'static dyn OrderListApi> {
        Some(&OrderLists)
    }

    fn orders(&self) -> Option<&'static dyn OrderApi> {
        Some(&Orders)
    }

    /// <https://developer.squareup.com/reference/square/o-auth-api/retrieve-token-status>: it needs no permission.
    fn token_status(&self) -> Option<ApiRequest> {
        Some(ApiRequest::post("/oauth2/token/status", &serde_json::json!({})))
    }
}

pub(super) struct Orders;

impl OrderApi for Orders {
    fn next(&self, order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<OrderStep, Malformed> {
        read(order, responses).map(OrderStep::from)
    }

    fn report(&self, order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<Option<StoreReport>, Malformed> {
        read(order, responses).map(ReadStep::report)
    }

    fn sample_responses(&self, order: &OrderReference<'_>, purchase: &Purchase<'_>) -> Vec<Vec<u8>> {
        vec![sample::response(order, purchase)]
    }
}

/// The next step, and at the end the order: the same for its delivery and for what is published of it.
fn read(order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<ReadStep, Malformed> {
    match responses.first() {
        None => Ok(ReadStep::Request { path: format!("/v2/orders/{}", path_segment(order.order_id, "order_id")?) }),
        Some(response) => Ok(ReadStep::Order(Box::new(order::read(response, order)?))),
    }
}
