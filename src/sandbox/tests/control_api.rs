//! The control API, as another process uses it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::*;

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> StatusCode {
    let url = format!("{}/sandbox/{path}", sandbox.base_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.post(url).json(&body).send().await.unwrap().status()
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let url = format!("{}/sandbox/{path}", sandbox.base_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(url).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn people_and_accounts_can_be_added() {
    let merchant = merchant().await;
    let sandbox = &merchant.sandbox;
    for follows_back in [json!("already"), json!("at_once"), json!("never"), json!({ "afterSeconds": 500 })] {
        let body = json!({ "username": "anna", "followsBack": follows_back });
        assert_eq!(post(sandbox, "users", body).await, StatusCode::NO_CONTENT, "{follows_back}");
    }
    let anna = merchant.follow("anna").await;
    assert_eq!(merchant.relation(&anna).await, (true, false));
    assert_eq!(post(sandbox, "users/anna/follow-back", Value::Null).await, StatusCode::NO_CONTENT);
    assert_eq!(merchant.relation(&anna).await, (true, true));
    assert_eq!(post(sandbox, "users/nobody/follow-back", Value::Null).await, StatusCode::NOT_FOUND);

    let account = json!({ "email": "second@example.com", "password": "another" });
    assert_eq!(post(sandbox, "accounts", account).await, StatusCode::NO_CONTENT);
    merchant.client.login("second@example.com", "another").await.unwrap();
}

#[tokio::test]
async fn every_fault_can_be_scripted() {
    let merchant = merchant().await;
    let faults = ["error_500", "rate_limit", "drop_connection", "timeout", "after_effect_500"];
    for fault in faults.map(|name| json!(name)).into_iter().chain([json!({ "delayMs": 5 })]) {
        let script = json!({ "operation": "share", "fault": fault, "times": 2 });
        assert_eq!(post(&merchant.sandbox, "faults", script).await, StatusCode::NO_CONTENT, "{fault}");
    }
    let state = get(&merchant.sandbox, "state").await;
    assert_eq!(state["faults"][0], json!({ "operation": "share", "fault": "error_500", "times": 2 }));
    assert_eq!(state["faults"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn a_mistake_in_a_script_is_refused() {
    let merchant = merchant().await;
    for (path, body, status) in [
        ("faults", json!({ "operation": "deliver", "fault": "error_500" }), 422),
        ("faults", json!({ "operation": "any", "fault": "error_404" }), 422),
        ("faults", json!({ "operation": "any", "fault": "timeout", "time": 3 }), 422),
        ("faults", json!({ "operation": "any", "fault": "timeout", "times": 0 }), 400),
        ("users", json!({ "username": "", "followsBack": "never" }), 400),
        ("users", json!({ "username": "anna" }), 422),
        ("accounts", json!({ "email": "a@example.com", "password": "" }), 400),
    ] {
        assert_eq!(post(&merchant.sandbox, path, body.clone()).await.as_u16(), status, "{body}");
    }
}

#[tokio::test]
async fn another_process_can_stop_a_share_in_mid_flight() {
    let merchant = merchant().await;
    let sandbox = &merchant.sandbox;
    post(sandbox, "hold", json!({ "operation": "share", "at": "after_effect" })).await;
    let max = user("mutual_max");
    let share = merchant.client.share(&merchant.session, PRESET, &max, ids::fresh());
    let watch = async {
        let arrived = get(sandbox, "await?operation=share&count=1").await;
        assert_eq!(arrived["arrived"], 1);
        let held = get(sandbox, "await?operation=share&stage=held&count=1").await;
        assert_eq!(held, json!({ "arrived": 1, "held": 1, "answered": 0, "late": 0 }));
        assert_eq!(get(sandbox, "state").await["holds"], json!([{ "operation": "share", "at": "after_effect" }]));
        post(sandbox, "release", json!({ "operation": "any" })).await;
    };
    let (outcome, ()) = tokio::join!(share, watch);
    outcome.unwrap();
}

#[tokio::test]
async fn the_calls_can_be_read() {
    let merchant = merchant().await;
    let user = merchant.follow("follows_at_once").await;
    for _ in 0..2 {
        merchant.client.share(&merchant.session, PRESET, &user, ids::fresh()).await.unwrap();
    }
    let calls = get(&merchant.sandbox, "calls").await;
    assert_eq!(calls["operations"]["share"], json!({ "arrived": 2, "held": 0, "answered": 2, "late": 0 }));
    assert_eq!(calls["operations"]["unfollow"]["arrived"], 0);
    assert_eq!(calls["shareTotals"], json!({ "calls": 2, "effective": 1, "repeated": 1 }));
    let share = json!({
        "kind": "preset", "id": PRESET.id, "username": user.username, "calls": 2, "effective": 1, "repeated": 1,
    });
    assert_eq!(calls["shares"], json!([share]));
    assert_eq!(calls["followTotals"], json!({ "calls": 1, "effective": 1 }));
    assert_eq!(calls["follows"], json!([{ "username": user.username, "calls": 1, "effective": 1 }]));
}

#[tokio::test]
async fn the_state_shows_who_follows_whom_and_no_secret() {
    let merchant = merchant().await;
    merchant.follow("follows_after_60s").await;
    let state = get(&merchant.sandbox, "state").await;
    assert_eq!((&state["accounts"], &state["liveSessions"]), (&json!(1), &json!(1)));
    assert_eq!(state["users"][0], json!({ "username": "mutual_max", "followsBack": "already" }));
    let relation = json!({
        "merchant": DEFAULT_EMAIL, "username": "follows_after_60s", "following": true, "followedBack": false,
    });
    assert_eq!(state["relations"], json!([relation]));
    assert!(!state.to_string().contains(DEFAULT_PASSWORD));

    assert_eq!(post(&merchant.sandbox, "expire-tokens", Value::Null).await, StatusCode::NO_CONTENT);
    assert_eq!(get(&merchant.sandbox, "state").await["liveSessions"], 0);
}
