//! What support and administrators see of the accounts of others, and what is never shown.

use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{TestApp, text};
use crate::engines::on_each_engine;
use crate::orders;

const STATS: &str = "query ($from: DateTime!, $to: DateTime!, $integration: ID, $account: ID) {
    deliveryStats(from: $from, to: $to, bucket: DAY, integrationId: $integration, accountId: $account) { received }
}";
const RECEIPTS: &str =
    "query ($filter: WebhookReceiptFilter) { webhookReceipts(filter: $filter) { nodes { outcome } } }";

on_each_engine! {
    async fn support_counts_and_lists_the_webhooks_of_any_account(app: &TestApp) {
        let owner = app.merchant().await;
        let stranger = app.merchant().await;
        let shop = owner.shop(Provider::Generic).await;
        shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        shop.post_unsigned(b"{}".to_vec(), &[]).await.refused(401, "missing_signature");
        app.settle().await;
        let support = {
            let made = app.admin("mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key } }", json!({})).await;
            text(&made["createApiKey"]["key"])
        };
        let (from, to) = (app.clock.now() - chrono::TimeDelta::days(2), app.clock.now() + chrono::TimeDelta::days(1));
        let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
        let counted = async |key: &str, integration: Option<&str>, account: Option<&str>| {
            let range = json!({ "from": from, "to": to, "integration": integration, "account": account });
            let answer = app.try_ask(key, STATS, range).await;
            let days = answer["data"]["deliveryStats"].as_array()?.clone();
            Some(days.iter().filter_map(|day| day["received"].as_i64()).sum::<i64>())
        };
        let listed = async |key: &str, integration: Option<&str>, account: Option<&str>| {
            let filter = json!({ "filter": { "integrationId": integration, "accountId": account } });
            let answer = app.try_ask(key, RECEIPTS, filter).await;
            answer["data"]["webhookReceipts"]["nodes"].as_array().map(Vec::len)
        };
        let (shop, account) = (Some(shop.id.as_str()), Some(owner.id.as_str()));
        for key in [&support, &app.admin.api_key] {
            assert_eq!((counted(key, shop, None).await, listed(key, shop, None).await), (Some(1), Some(2)));
            assert_eq!((counted(key, None, account).await, listed(key, None, account).await), (Some(1), Some(2)));
            assert_eq!((counted(key, None, None).await, listed(key, None, None).await), (Some(0), Some(2)), "every account's webhooks");
            let other = Some(stranger.id.as_str());
            assert_eq!((counted(key, shop, other).await, listed(key, shop, other).await), (None, None), "it is not that account's");
        }
        assert_eq!((counted(&owner.key, None, account).await, listed(&owner.key, shop, account).await), (Some(1), Some(2)));
        assert_eq!((counted(&stranger.key, shop, None).await, listed(&stranger.key, shop, None).await), (None, None));
        assert_eq!((counted(&stranger.key, None, account).await, listed(&stranger.key, None, account).await), (None, None));
        assert_eq!((counted(&stranger.key, shop, account).await, listed(&stranger.key, shop, account).await), (None, None));
    }

    async fn the_hash_of_a_key_is_never_shown(app: &TestApp) {
        let merchant = app.merchant().await;
        let document = "query ($id: ID!) { eventStream(aggregateType: \"account\", aggregateId: $id) { nodes { type data } } }";
        let stream = app.admin(document, json!({ "id": merchant.id })).await;
        let made = stream["eventStream"]["nodes"].as_array().unwrap().iter().find(|event| event["type"] == "api_key_created");
        let key = &made.expect("the account has a key")["data"];
        assert!(key["key_preview"].is_string() && key.get("key_hash").is_none(), "{key}");
        assert!(!stream.to_string().contains(&cloud_bridge::app::keys::hash(&merchant.key)));
    }

    async fn a_secret_that_no_store_shows_is_refused(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Shopify, &[]).await;
        let set = "mutation ($input: SetSigningSecretInput!) { done: setSigningSecret(input: $input) { userErrors { code field } } }";
        let create = "mutation ($input: CreateIntegrationInput!) { done: createIntegration(input: $input) { userErrors { code field } } }";
        for secret in ["shpss_\u{0}0123456789", "shpss_01234\n56789", "shpss_\u{7f}0123456789"] {
            let cases = [
                (set, json!({ "integrationId": shop.id, "signingSecret": secret })),
                (create, json!({ "provider": "SHOPIFY", "name": "x", "signingSecret": secret })),
            ];
            for (document, input) in cases {
                let answer = shop.merchant.ask(document, json!({ "input": input })).await;
                let error = json!({ "code": "INVALID_SECRET", "field": ["input", "signingSecret"] });
                assert_eq!(answer["done"]["userErrors"], Value::Array(vec![error]), "{secret:?}");
            }
        }
    }
}
