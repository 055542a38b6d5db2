//! How a Square seller lets an application be authorised.
//!
//! <https://developer.squareup.com/docs/oauth-api/create-urls-for-square-authorization>

use chrono::{DateTime, Utc};
use domain::integration::{Grant, Purpose};
use serde::Deserialize;

use crate::Malformed;
use crate::oauth::{App, Authorize, Callback, CallbackRefusal, OAuth, Query, joined, token_response};
use crate::store_api::ApiRequest;

pub(super) struct Apps;

impl OAuth for Apps {
    fn scopes(&self, purpose: Purpose) -> Vec<&'static str> {
        let mut scopes = vec!["ITEMS_READ", "MERCHANT_PROFILE_READ", "ORDERS_READ"];
        if purpose.publishes() {
            scopes.extend(["CUSTOMERS_READ", "INVENTORY_READ"]);
        }
        scopes
    }

    /// Which seller it is, the sign-in says.
    fn needs_store(&self) -> bool {
        false
    }

    fn login_address(&self) -> &'static str {
        "https://connect.squareup.com"
    }

    fn authorize_path(&self, wanted: &Authorize<'_>) -> String {
        let Authorize { client_id, scopes, redirect_uri, state } = wanted;
        let query = joined([
            ("client_id", *client_id),
            ("scope", &scopes.join(" ")),
            // Has sellers sign in again, so that none authorises an account that somebody else left signed in.
            ("session", "false"),
            ("state", state),
            ("redirect_uri", redirect_uri),
        ]);
        format!("/oauth2/authorize?{query}")
    }

    fn callback(&self, query: &Query, _app: &App<'_>, _now: DateTime<Utc>) -> Result<Callback, CallbackRefusal> {
        query.refuse_declined()?;
        if query.get("response_type").is_some_and(|response_type| response_type != "code") {
            return Err(CallbackRefusal::Malformed("it has no code"));
        }
        Ok(Callback { code: query.require("code", "it has no code")?.to_owned(), store: None, context: vec![] })
    }

    fn exchange(&self, callback: &Callback, app: &App<'_>, redirect_uri: &str) -> ApiRequest {
        ApiRequest::post("/oauth2/token", &app.exchange(&callback.code, redirect_uri))
    }

    fn refresh(&self, refresh_token: &str, app: &App<'_>) -> Option<ApiRequest> {
        Some(ApiRequest::post("/oauth2/token", &app.refresh(refresh_token)))
    }

    /// Square lets the seller allow all that was asked for, or nothing.
    fn grant(
        &self,
        body: &[u8],
        _callback: Option<&Callback>,
        wanted: &[String],
        _now: DateTime<Utc>,
    ) -> Result<Grant, Malformed> {
        #[derive(Deserialize)]
        struct Body {
            access_token: String,
            expires_at: Option<DateTime<Utc>>,
            merchant_id: String,
            refresh_token: Option<String>,
        }
        let granted: Body = token_response(body)?;
        Ok(Grant {
            token: granted.access_token.into(),
            store: Some(granted.merchant_id),
            scopes: wanted.to_vec(),
            refresh_token: granted.refresh_token.map(Into::into),
            expires_at: granted.expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: App<'_> = App { client_id: "client", client_secret: "hush" };

    fn read(query: &str) -> Result<Callback, CallbackRefusal> {
        Apps.callback(&Query::read(query).unwrap(), &APP, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_code_is_good_for_a_token_that_ends() {
        assert_eq!(read("code=sq0cgp-x&response_type=code&state=1").unwrap().code, "sq0cgp-x");
        assert!(matches!(read("state=1"), Err(CallbackRefusal::Malformed(_))));
        let denied = "error=access_denied&error_description=user_denied&state=1";
        assert_eq!(read(denied), Err(CallbackRefusal::Declined("user_denied".to_owned())));
        let body = br#"{"access_token":"EAAA","token_type":"bearer","expires_at":"2026-12-30T00:00:00Z","merchant_id":"ML1","refresh_token":"EQAA","short_lived":false}"#;
        let wanted = ["ORDERS_READ".to_owned()];
        let grant = Apps.grant(body, None, &wanted, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((grant.store.as_deref(), &grant.scopes[..]), (Some("ML1"), &wanted[..]));
        assert!(grant.expires_at.is_some() && grant.refresh_token.is_some());
    }

    #[test]
    fn the_seller_signs_in_and_is_asked() {
        let scopes = ["ITEMS_READ".to_owned(), "ORDERS_READ".to_owned()];
        let wanted =
            Authorize { client_id: "sq0idp-x", scopes: &scopes, redirect_uri: "https://b.example/c", state: "s" };
        let path = Apps.authorize_path(&wanted);
        assert!(path.contains("scope=ITEMS_READ%20ORDERS_READ") && path.contains("session=false"), "{path}");
    }
}
