//! `/accounts[/{id}]/settings`: what becomes of notifications that fail.

use axum::http::Method;
use domain::account::FailurePolicy;
use serde_json::{Value, json};

use super::access::Known;
use super::refused::Refused;
use super::request::Asked;
use crate::app::App;

const FAILURE_POLICY: &str = "notification.webhook.failure.policy";

pub(super) async fn settings(
    app: &App,
    caller: &Known,
    account: Option<&str>,
    asked: &Asked,
) -> Result<Value, Refused> {
    caller.require_account()?;
    let own = caller.viewer.account_id.to_string();
    if account.is_some_and(|account| !caller.viewer.owns(&account.to_ascii_lowercase())) {
        return Err(Refused::Forbidden("the account is not that of this key"));
    }
    if asked.method != Method::GET {
        let Some(given) = asked.body.as_object() else {
            return Err(Refused::Invalid(format!(r#"the body is a setting, such as {{"{FAILURE_POLICY}":"queue"}}"#)));
        };
        if let Some(unknown) = given.keys().find(|name| *name != FAILURE_POLICY) {
            return Err(Refused::Invalid(format!("there is no setting {unknown:.100}: there is {FAILURE_POLICY}")));
        }
        let policy = given.get(FAILURE_POLICY).and_then(Value::as_str).and_then(FailurePolicy::parse);
        let policy = policy.ok_or_else(|| Refused::Invalid(format!("{FAILURE_POLICY} is retry or queue")))?;
        app.instances.set_failure_policy(&caller.viewer, &own, policy).await?;
    }
    let policy = app.instances.failure_policy(&caller.viewer, &own).await?;
    Ok(json!({ FAILURE_POLICY: policy.as_str() }))
}
