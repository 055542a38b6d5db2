//! Shopify: authorising apps, the part of the GraphQL Admin API that is called, and the webhooks of apps. Every shop is behind one
//! address, under its domain: `/shopify/{shop}.myshopify.com/admin/…`.

mod admin;
mod oauth;
pub(super) mod order;

use axum::Router;
use axum::routing::{get, post};

use super::StoreSandbox;

/// What follows the name of a shop.
pub(super) const DOMAIN: &str = ".myshopify.com";

pub(super) fn routes() -> Router<StoreSandbox> {
    Router::new()
        .route("/shopify/{shop}/admin/oauth/authorize", get(oauth::ask).post(oauth::answer))
        .route("/shopify/{shop}/admin/oauth/access_token", post(oauth::exchange))
        .route("/shopify/{shop}/admin/api/{version}/graphql.json", post(admin::answer))
}

/// The id of a shop in the sandbox, out of its domain.
fn shop_id(domain: &str) -> Option<&str> {
    domain.strip_suffix(DOMAIN)
}
