//! How a BigCommerce store lets an app be authorised: its owner installs the app, and BigCommerce opens our callback, in a frame of
//! the store's control panel. It returns no `state`.
//!
//! <https://developer.bigcommerce.com/docs/integrations/apps/guide/auth>

use chrono::{DateTime, Utc};
use domain::integration::{Grant, Purpose};
use serde::Deserialize;
use serde_json::json;

use super::api::store_hash;
use crate::Malformed;
use crate::oauth::{App, Authorize, Callback, CallbackRefusal, OAuth, Query, token_response};
use crate::order_api::path_segment;
use crate::store_api::ApiRequest;

pub(super) struct Apps;

impl OAuth for Apps {
    /// As the app's own settings have them: an owner allows all of them or none.
    fn scopes(&self, purpose: Purpose) -> Vec<&'static str> {
        let mut scopes = vec!["store_v2_orders_read_only", "store_v2_products_read_only"];
        if purpose.publishes() {
            scopes.push("store_v2_customers_read_only");
        }
        scopes
    }

    /// Which store it is, the owner's sign-in says.
    fn needs_store(&self) -> bool {
        false
    }

    fn login_address(&self) -> &'static str {
        "https://login.bigcommerce.com"
    }

    fn authorize_path(&self, wanted: &Authorize<'_>) -> String {
        let client_id = path_segment(wanted.client_id, "client_id").unwrap_or_default();
        format!("/app/{client_id}/install")
    }

    fn returns_state(&self) -> bool {
        false
    }

    /// Nothing of it is signed: what counts is whether the code is good for a token, and that is of the store that the response
    /// names.
    fn callback(&self, query: &Query, _app: &App<'_>, _now: DateTime<Utc>) -> Result<Callback, CallbackRefusal> {
        query.refuse_declined()?;
        let context = query.require("context", "it names no store")?;
        let hash = context.strip_prefix("stores/").and_then(store_hash);
        let hash = hash.ok_or(CallbackRefusal::Malformed("what it names is no store"))?;
        Ok(Callback {
            code: query.require("code", "it has no code")?.to_owned(),
            store: Some(hash.to_owned()),
            context: vec![
                ("scope", query.get("scope").unwrap_or_default().to_owned()),
                ("context", context.to_owned()),
            ],
        })
    }

    fn exchange(&self, callback: &Callback, app: &App<'_>, redirect_uri: &str) -> ApiRequest {
        let mut body = app.exchange(&callback.code, redirect_uri);
        for (name, value) in &callback.context {
            body[*name] = json!(value);
        }
        ApiRequest::post("/oauth2/token", &body)
    }

    fn grant(
        &self,
        body: &[u8],
        callback: Option<&Callback>,
        _wanted: &[String],
        _now: DateTime<Utc>,
    ) -> Result<Grant, Malformed> {
        #[derive(Deserialize)]
        struct Body {
            access_token: String,
            #[serde(default)]
            scope: String,
            context: String,
        }
        let granted: Body = token_response(body)?;
        let store = granted.context.strip_prefix("stores/").and_then(store_hash).map(str::to_owned);
        let store = store.ok_or_else(|| Malformed::invalid("context", "names no store"))?;
        if callback.and_then(|callback| callback.store.as_ref()).is_some_and(|claimed| *claimed != store) {
            return Err(Malformed::invalid("context", "is of another store"));
        }
        Ok(Grant {
            token: granted.access_token.into(),
            store: Some(store),
            scopes: with_implied(&granted.scope),
            refresh_token: None,
            expires_at: None,
        })
    }
}

/// Who may change may read, and BigCommerce names the larger alone.
fn with_implied(scope: &str) -> Vec<String> {
    let mut scopes: Vec<String> = scope.split_whitespace().map(str::to_owned).collect();
    let larger = |scope: &&String| scope.starts_with("store_v2_") && !scope.ends_with("_read_only");
    let implied: Vec<String> = scopes.iter().filter(larger).map(|scope| format!("{scope}_read_only")).collect();
    scopes.extend(implied);
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: App<'_> = App { client_id: "client", client_secret: "hush" };

    fn read(query: &str) -> Result<Callback, CallbackRefusal> {
        Apps.callback(&Query::read(query).unwrap(), &APP, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn the_store_is_the_one_that_the_token_is_for() {
        let callback = read("code=abc&scope=store_v2_orders&context=stores%2Fabc123&account_uuid=x").unwrap();
        assert_eq!(callback.store.as_deref(), Some("abc123"));
        let request = Apps.exchange(&callback, &APP, "https://b.example/oauth/bigcommerce/callback");
        assert!(request.body.unwrap().contains(r#""context":"stores/abc123""#));
        let grant = |context: &str| {
            let body = format!(
                r#"{{"access_token":"t","scope":"store_v2_orders store_v2_products_read_only","context":"{context}"}}"#
            );
            Apps.grant(body.as_bytes(), Some(&callback), &[], DateTime::UNIX_EPOCH)
        };
        let granted = grant("stores/abc123").unwrap();
        assert_eq!(granted.store.as_deref(), Some("abc123"));
        assert!(granted.scopes.contains(&"store_v2_orders_read_only".to_owned()), "{:?}", granted.scopes);
        assert!(grant("stores/other").is_err() && grant("").is_err());
    }

    #[test]
    fn what_is_no_callback_is_refused() {
        for query in
            ["", "code=abc", "context=stores/abc123", "code=abc&context=stores/../x", "code=abc&context=abc123"]
        {
            assert!(matches!(read(query), Err(CallbackRefusal::Malformed(_))), "{query}");
        }
        assert!(matches!(read("error=access_denied"), Err(CallbackRefusal::Declined(_))));
    }
}
