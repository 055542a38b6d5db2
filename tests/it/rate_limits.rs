//! How often a key may ask, on one node and on several together.

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{TestApp, text};
use crate::engines::{Engine, on_each_engine};

const ASK: &str = "{ account { id } }";

async fn asked(node: &str, key: &str) -> reqwest::Response {
    let request = reqwest::Client::new().post(format!("{node}/graphql")).bearer_auth(key);
    request.json(&json!({ "query": ASK })).send().await.expect("the service answers")
}

async fn limited_key(app: &TestApp, per_minute: i32) -> String {
    let document = "mutation ($limit: Int!) { createApiKey(input: { name: \"desk\", requestsPerMinute: $limit }) { key userErrors { code } } }";
    text(&app.admin(document, json!({ "limit": per_minute })).await["createApiKey"]["key"])
}

/// Moves the clock to the beginning of a minute, so that the story fits into one.
fn at_a_fresh_minute(app: &TestApp) {
    let passed = app.clock.now().timestamp().rem_euclid(60);
    app.advance(TimeDelta::seconds(60 - passed));
}

on_each_engine! {
    async fn a_key_that_asks_too_often_is_told_when_to_come_back(app: &TestApp) {
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
