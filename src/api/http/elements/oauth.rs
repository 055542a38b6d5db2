//! `GET|POST /elements/{keyOrId}/oauth/url`: where the owner of a store is sent to authorise it. Asks for no key, and stores nothing.

use serde_json::{Value, json};

use super::refused::Refused;
use super::request::Asked;
use super::route::Route;
use crate::app::App;
use crate::app::instances::{DEFAULT_SCOPE, OauthUrl};

/// The element that there is, by the id and the key that Cloud Elements gives it.
pub(super) const ELEMENT_ID: u32 = 48;
pub(super) const ELEMENT_KEY: &str = "shopify";

/// Refuses another element.
pub(super) fn require_element(key_or_id: &str) -> Result<(), Refused> {
    if key_or_id == ELEMENT_KEY || key_or_id == ELEMENT_ID.to_string() {
        return Ok(());
    }
    let message = format!("there is no element {key_or_id:.50}: there is {ELEMENT_KEY} ({ELEMENT_ID})");
    Err(Refused::NotFound(message))
}

pub(super) fn url(app: &App, route: &Route, asked: &Asked) -> Result<Value, Refused> {
    let Route::OauthUrl { element } = route else { return Err(Refused::NoSuchResource) };
    require_element(element)?;
    let given = |name: &str| asked.query(name).or_else(|| asked.body[name].as_str()).filter(|text| !text.is_empty());
    let needed =
        |name: &str, what: &str| given(name).ok_or_else(|| Refused::Invalid(format!("{name} is missing: {what}")));
    let wanted = OauthUrl {
        client_id: needed("apiKey", "the client id of your app at Shopify")?,
        callback_url: needed(
            "callbackUrl",
            "where Shopify sends the shop's owner back to, one of those that your app allows",
        )?,
        store: needed("siteAddress", "the shop's name, as it is in the address of its admin")?,
        scope: given("scope").unwrap_or(DEFAULT_SCOPE),
        state: given("state").unwrap_or(ELEMENT_KEY),
    };
    Ok(json!({ "element": ELEMENT_KEY, "oauthUrl": app.instances.oauth_url(&wanted)? }))
}
