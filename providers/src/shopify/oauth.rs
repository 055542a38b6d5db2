//! How a shop lets an app be authorised.
//!
//! <https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant>

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::integration::{Grant, Purpose};
use serde::Deserialize;
use serde_json::json;
use signing::{Encoding, is_signed};

use super::api::shop_domain;
use crate::Malformed;
use crate::oauth::{App, Authorize, Callback, CallbackRefusal, OAuth, Query, joined, require_recent, token_response};
use crate::store_api::ApiRequest;

/// How far from now a callback may have been signed: as in Shopify's own library.
const TOLERANCE: Duration = Duration::from_secs(90);

pub(super) struct Apps;

impl OAuth for Apps {
    /// Products in any case: mappings are chosen from them.
    fn scopes(&self, purpose: Purpose) -> Vec<&'static str> {
        let mut scopes = vec!["read_orders", "read_products"];
        if purpose.publishes() {
            scopes.extend(["read_customers", "read_inventory"]);
        }
        scopes
    }

    fn login_address(&self) -> &'static str {
        "https://{store}"
    }

    fn authorize_path(&self, wanted: &Authorize<'_>) -> String {
        let Authorize { client_id, scopes, redirect_uri, state } = wanted;
        let query = joined([
            ("client_id", *client_id),
            ("scope", &scopes.join(",")),
            ("redirect_uri", redirect_uri),
            ("state", state),
        ]);
        format!("/admin/oauth/authorize?{query}")
    }

    /// The signature is over everything else of the query, in hexadecimal.
    fn callback(&self, query: &Query, app: &App<'_>, now: DateTime<Utc>) -> Result<Callback, CallbackRefusal> {
        // Shopify signs nothing where the merchant says no.
        query.refuse_declined()?;
        let signature = query.require("hmac", "it has no hmac")?;
        let signed = query.signed_without(&["hmac", "signature"]);
        if !is_signed(signature, Encoding::Hex, &[signed.as_bytes()], app.client_secret.as_bytes()) {
            return Err(CallbackRefusal::WrongSignature);
        }
        require_recent(query.require("timestamp", "it has no timestamp")?, now, TOLERANCE)?;
        let shop = query.require("shop", "it names no shop")?;
        // To the letter: nothing is made of it that Shopify did not sign.
        let shop = shop_domain(shop).filter(|domain| domain == shop);
        let store = Some(shop.ok_or(CallbackRefusal::Malformed("what it names is no shop"))?);
        Ok(Callback { code: query.require("code", "it has no code")?.to_owned(), store, context: vec![] })
    }

    fn exchange(&self, callback: &Callback, app: &App<'_>, _redirect_uri: &str) -> ApiRequest {
        let body = json!({ "client_id": app.client_id, "client_secret": app.client_secret, "code": callback.code });
        ApiRequest::post("/admin/oauth/access_token", &body)
    }

    fn refresh(&self, refresh_token: &str, app: &App<'_>) -> Option<ApiRequest> {
        Some(ApiRequest::post("/admin/oauth/access_token", &app.refresh(refresh_token)))
    }

    fn grant(
        &self,
        body: &[u8],
        callback: Option<&Callback>,
        _wanted: &[String],
        now: DateTime<Utc>,
    ) -> Result<Grant, Malformed> {
        #[derive(Deserialize)]
        struct Body {
            access_token: String,
            #[serde(default)]
            scope: String,
            /// Seconds, where the token ends.
            expires_in: Option<i64>,
            refresh_token: Option<String>,
        }
        let granted: Body = token_response(body)?;
        Ok(Grant {
            token: granted.access_token.into(),
            store: callback.and_then(|callback| callback.store.clone()),
            scopes: with_implied(&granted.scope),
            refresh_token: granted.refresh_token.map(Into::into),
            expires_at: granted
                .expires_in
                .and_then(TimeDelta::try_seconds)
                .and_then(|ends| now.checked_add_signed(ends)),
        })
    }
}

/// Who may write may read, and Shopify leaves out what follows.
fn with_implied(scope: &str) -> Vec<String> {
    let mut scopes: Vec<String> =
        scope.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    let implied: Vec<String> =
        scopes.iter().filter_map(|scope| Some(format!("read_{}", scope.strip_prefix("write_")?))).collect();
    scopes.extend(implied);
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: App<'_> = App { client_id: "client", client_secret: "hush" };

    fn signed(query: &str) -> String {
        let code = Encoding::Hex
            .encoded(&signing::code(b"hush", &[Query::read(query).unwrap().signed_without(&[]).as_bytes()]));
        format!("{query}&hmac={code}")
    }

    fn read(query: &str) -> Result<Callback, CallbackRefusal> {
        let now = DateTime::from_timestamp(1_337_178_173, 0).unwrap();
        Apps.callback(&Query::read(query).unwrap(), &APP, now)
    }

    const QUERY: &str = "code=0907a61c0c8d55e99db179b68161bc00&shop=some-shop.myshopify.com&state=0.6784241404160823&timestamp=1337178173";

    #[test]
    fn the_example_of_shopifys_documents_is_signed_as_they_say() {
        let query = format!("{QUERY}&hmac=700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf");
        let callback = read(&query).unwrap();
        assert_eq!(
            (&*callback.code, callback.store.as_deref()),
            ("0907a61c0c8d55e99db179b68161bc00", Some("some-shop.myshopify.com"))
        );
    }

    #[test]
    fn what_shopify_did_not_sign_just_now_is_not_believed() {
        assert!(read(&signed(QUERY)).is_ok());
        assert_eq!(read(&signed(QUERY).replace("some-shop", "other-shop")), Err(CallbackRefusal::WrongSignature));
        assert_eq!(read(&format!("{}&more=1", signed(QUERY))), Err(CallbackRefusal::WrongSignature));
        assert!(matches!(read(QUERY), Err(CallbackRefusal::Malformed(_))));
        assert_eq!(read(&signed(&QUERY.replace("1337178173", "1337178000"))), Err(CallbackRefusal::TooOld));
        for shop in ["evil.example", "some-shop.myshopify.com.evil.example", "Some-Shop.myshopify.com", "some-shop"] {
            let query = signed(&QUERY.replace("some-shop.myshopify.com", shop));
            assert!(matches!(read(&query), Err(CallbackRefusal::Malformed(_))), "{shop}");
        }
        assert!(matches!(read("error=access_denied&state=1"), Err(CallbackRefusal::Declined(_))));
    }

    #[test]
    fn the_owner_is_asked_for_what_the_purpose_needs_and_nothing_more() {
        assert_eq!(Apps.scopes(Purpose::Delivers), ["read_orders", "read_products"]);
        assert_eq!(Apps.scopes(Purpose::Both).len(), 4);
        let scopes = ["read_orders".to_owned(), "read_products".to_owned()];
        let wanted =
            Authorize { client_id: "id 1", scopes: &scopes, redirect_uri: "https://b.example/x?y", state: "s" };
        assert_eq!(
            Apps.authorize_path(&wanted),
            "/admin/oauth/authorize?client_id=id%201&scope=read_orders%2Cread_products&redirect_uri=https%3A%2F%2Fb.example%2Fx%3Fy&state=s"
        );
    }

    #[test]
    fn who_may_write_may_read() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let body = br#"{"access_token":"shpat_1","scope":"write_orders, read_products","expires_in":3599,"refresh_token":"shprt_1"}"#;
        let grant = Apps.grant(body, None, &[], now).unwrap();
        assert_eq!(grant.scopes, ["read_orders", "read_products", "write_orders"]);
        assert_eq!(grant.expires_at, DateTime::from_timestamp(4_599, 0));
        for body in ["{}", "", "[]", r#"{"access_token":5}"#] {
            assert!(Apps.grant(body.as_bytes(), None, &[], now).is_err(), "{body}");
        }
    }
}
