//! How often a key may ask, on one node and on several together.

use chrono::TimeDelta;
use domain::integration::Provider;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Merchant, TestApp, text};
use crate::engines::{Engine, on_each_engine};
use crate::orders;

const ASK: &str = "{ account { id } }";

async fn asked(node: &str, key: &str) -> reqwest::Response {
    let request = reqwest::Client::new().post(format!("{node}/graphql")).bearer_auth(key);
    request.json(&json!({ "query": ASK })).send().await.expect("the service answers")
}

async fn limited_key(app: &TestApp, per_minute: i32) -> String {
    let document = "mutation ($limit: Int!) { createApiKey(input: { name: \"desk\", requestsPerMinute: $limit }) { key userErrors { code } } }";
    text(&app.admin(document, json!({ "limit": per_minute })).await["createApiKey"]["key"])
}

/// A merchant's key for twenty requests a minute.
async fn key_of_twenty(merchant: &Merchant<'_>) -> String {
    let made =
        merchant.ask("mutation { createApiKey(input: { name: \"till\" }) { apiKey { id } key } }", json!({})).await;
    let id = text(&made["createApiKey"]["apiKey"]["id"]);
    let limit = "mutation ($account: ID!, $key: ID!) {
        limitApiKey(input: { accountId: $account, apiKeyId: $key, requestsPerMinute: 20 }) { userErrors { code } } }";
    merchant.app.admin(limit, json!({ "account": merchant.id, "key": id })).await;
    text(&made["createApiKey"]["key"])
}

/// Moves the clock to the beginning of a minute, so that the story fits into one.
fn at_a_fresh_minute(app: &TestApp) {
    let passed = app.clock.now().timestamp().rem_euclid(60);
    app.advance(TimeDelta::seconds(60 - passed));
}

on_each_engine! {
    async fn a_key_over_its_limit_gets_retry_after(app: &TestApp) {
        let key = limited_key(app, 3).await;
        at_a_fresh_minute(app);
        for _ in 0..3 {
            assert_eq!(asked(&app.node.url, &key).await.status(), StatusCode::OK);
        }
        let refused = asked(&app.node.url, &key).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let wait: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        let body: Value = refused.json().await.unwrap();
        assert_eq!(body["error"]["code"], "RATE_LIMIT_EXCEEDED");
        assert!(body["error"]["message"].is_string());
        app.advance(TimeDelta::seconds(wait));
        assert_eq!(asked(&app.node.url, &key).await.status(), StatusCode::OK);
    }

    async fn a_long_story_folded_to_a_moment_counts_for_what_is_read(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let mut order = orders::generic("long", "mutual_max", &["STORM"]);
        let long = shop.post(&order).await.accepted("queued");
        for number in 0..520 {
            if number % 20 == 0 {
                // Of what says nothing new, twenty are noted in an hour.
                app.advance(TimeDelta::hours(1));
            }
            order["note"] = json!(format!("call {number}"));
            shop.post(&order).await.accepted("duplicate");
        }
        let short = shop.post(&orders::generic("short", "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let key = key_of_twenty(&merchant).await;
        let until_refused = async |id: &str| {
            at_a_fresh_minute(app);
            let then = format!("{{ delivery(id: \"{id}\", asOf: \"2100-01-01T00:00:00Z\") {{ status }} }}");
            let mut times = 0;
            while app.try_ask(&key, &then, json!({})).await["data"]["delivery"]["status"] == "COMPLETED" {
                times += 1;
            }
            times
        };
        let (of_short, of_long) = (until_refused(&short).await, until_refused(&long).await);
        assert!(0 < of_long && of_long < of_short, "{of_long} and {of_short}");
    }

    async fn one_request_with_many_operations_counts_as_many(app: &TestApp) {
        let merchant = app.merchant().await;
        let key = key_of_twenty(&merchant).await;
        at_a_fresh_minute(app);
        let create = |number: usize| {
            format!("a{number}: createIntegration(input: {{ provider: GENERIC, name: \"s\" }}) {{ integration {{ id }} }} ")
        };
        let many = format!("mutation {{ {} }}", (0..100).map(create).collect::<Vec<_>>().concat());
        let answer = app.try_ask(&key, &many, json!({})).await;
        let refused = answer["errors"].as_array().unwrap();
        assert!(refused.iter().all(|error| error["extensions"]["code"] == "RATE_LIMIT_EXCEEDED"), "{answer}");
        let integrations = app.admin("{ integrations(first: 100) { nodes { id } } }", json!({})).await;
        assert!(integrations["integrations"]["nodes"].as_array().unwrap().len() <= 20, "{integrations}");

        // A large query counts as several: each of these as one and eight more.
        app.advance(TimeDelta::seconds(60));
        at_a_fresh_minute(app);
        let large = "{ deliveries(first: 100) { nodes { id timeline(first: 80) { nodes { type } } } } }";
        let answers = [app.try_ask(&key, large, json!({})).await, app.try_ask(&key, large, json!({})).await];
        assert!(answers[0]["errors"].is_null(), "{}", answers[0]);
        assert!(answers[1].to_string().contains("RATE_LIMIT_EXCEEDED"), "{}", answers[1]);
    }

    async fn a_key_that_ends_in_mid_request_does_nothing_more(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = merchant.ask("{ account { apiKeys { id } } }", json!({})).await["account"]["apiKeys"][0]["id"].clone();
        let document = r#"mutation ($id: ID!) {
            deactivateApiKey(input: { apiKeyId: $id }) { userErrors { code } }
            createApiKey(input: { name: "again" }) { key } }"#;
        let answer = app.try_ask(&merchant.key, document, json!({ "id": id })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
        let keys = app.admin("query ($id: ID) { account(id: $id) { apiKeys { name active } } }", json!({ "id": merchant.id })).await;
        let keys = keys["account"]["apiKeys"].as_array().unwrap().clone();
        assert!(keys.len() == 1 && keys[0]["active"] == json!(false), "{keys:?}");
    }

    async fn nodes_keep_one_limit_together(app: &TestApp) {
        let key = limited_key(app, 40).await;
        let second = match app.engine {
            Engine::Postgres => Some(app.second_node(0).await),
            Engine::Sqlite => None,
        };
        let nodes = [&app.node.url, second.as_ref().map_or(&app.node.url, |node| &node.url)];
        at_a_fresh_minute(app);
        let asking = (0..100).map(|n| asked(nodes[n % 2], &key));
        let answers = futures_util::future::join_all(asking).await;
        let let_through = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
        assert_eq!(let_through, 40);
        if let Some(second) = second {
            second.stop().await;
        }
    }

    async fn an_administrator_changes_the_limit_of_a_key(app: &TestApp) {
        let merchant = app.merchant().await;
        let made = merchant.ask("mutation { createApiKey(input: { name: \"till\" }) { apiKey { id } key } }", json!({})).await;
        let (id, key) = (text(&made["createApiKey"]["apiKey"]["id"]), text(&made["createApiKey"]["key"]));
        let limit = "mutation ($account: ID!, $key: ID!, $limit: Int!) {
            limitApiKey(input: { accountId: $account, apiKeyId: $key, requestsPerMinute: $limit }) { userErrors { code field } } }";
        let input = |limit: i32| json!({ "account": merchant.id, "key": id, "limit": limit });
        let refused = app.try_ask(&merchant.key, limit, input(5)).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
        let wrong = app.admin(limit, input(0)).await;
        assert_eq!(wrong["limitApiKey"]["userErrors"][0]["code"], "INVALID_LIMIT");
        app.admin(limit, input(1)).await;
        at_a_fresh_minute(app);
        assert_eq!(asked(&app.node.url, &key).await.status(), StatusCode::OK);
        assert_eq!(asked(&app.node.url, &key).await.status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
