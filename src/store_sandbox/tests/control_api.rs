//! The control API, as another process uses it.

use serde_json::json;

use super::*;

async fn post(sandbox: &StoreSandbox, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/sandbox/{path}", sandbox.base_url());
    let answer = http().post(url).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

async fn look(sandbox: &StoreSandbox, path: &str) -> Value {
    let url = format!("{}/sandbox/{path}", sandbox.base_url());
    http().get(url).send().await.unwrap().json().await.unwrap()
}

/// With the store of BigCommerce and its order 100.
async fn one_order() -> StoreSandbox {
    let sandbox = sandbox().await;
    let store = json!({ "platform": "bigcommerce", "id": HASH, "token": TOKEN });
    assert_eq!(post(&sandbox, "stores", store).await.0, 204);
    let line = json!({ "sku": "STORM", "title": "Storm", "variation": "Mono", "productId": "1", "variantId": "2", "quantity": 3 });
    let order = json!({
        "username": "max", "usernameIn": "message", "email": "max@example.com", "customerName": "Max Musician", "note": "Hi",
        "lines": [line, { "title": "Glass" }], "status": "Pending", "unpaid": true,
    });
    let (status, webhook) = post(&sandbox, &format!("stores/{HASH}/orders"), order).await;
    assert_eq!((status, &webhook["topic"], &webhook["order"]), (200, &json!("store/order/created"), &json!("100")));
    sandbox
}

#[tokio::test]
async fn everything_can_happen_over_http() {
    let sandbox = one_order().await;
    for (path, body, topic) in [
        ("pay", Value::Null, "updated"),
        ("username", json!({ "username": "moritz" }), "updated"),
        ("status", json!({ "status": "Completed" }), "statusUpdated"),
        ("refund", json!({ "line": 0, "quantity": 1 }), "refund/created"),
        ("cancel", Value::Null, "statusUpdated"),
        ("archive", Value::Null, "archived"),
    ] {
        let (status, webhook) = post(&sandbox, &format!("stores/{HASH}/orders/100/{path}"), body).await;
        assert_eq!((status, &webhook["topic"]), (200, &json!(format!("store/order/{topic}"))), "{path}");
        assert_eq!(
            serde_json::from_str::<Value>(webhook["body"].as_str().unwrap()).unwrap()["scope"],
            webhook["topic"]
        );
    }
    let square = json!({ "platform": "square", "id": MERCHANT, "token": SQUARE_TOKEN });
    post(&sandbox, "stores", square).await;
    post(&sandbox, &format!("stores/{MERCHANT}/orders"), json!({ "id": "S1", "lines": [{ "title": "Glass" }] })).await;
    let taken_back = json!({ "line": 0, "quantity": 1 });
    let (status, webhook) = post(&sandbox, &format!("stores/{MERCHANT}/orders/S1/take-back"), taken_back).await;
    assert_eq!((status, &webhook["topic"]), (200, &json!("order.created")));

    let order = bigcommerce_order(&sandbox, "100").await;
    assert_eq!(order["customer_message"], "Hi\nNDSP username: moritz");

    for (token, status) in [(Value::Null, 401), (json!("second"), 200)] {
        assert_eq!(post(&sandbox, &format!("stores/{HASH}/token"), json!({ "token": token })).await.0, 204);
        assert_eq!(get(&sandbox, &order_path("100"), "second").await.status(), status);
    }
}

#[tokio::test]
async fn a_mistake_is_refused() {
    let sandbox = one_order().await;
    let orders = format!("stores/{HASH}/orders");
    for (path, body, status, code) in [
        ("stores".to_owned(), json!({ "platform": "magento", "id": "a", "token": "t" }), 422, Value::Null),
        (
            "stores".to_owned(),
            json!({ "platform": "square", "id": "a", "token": "t".repeat(1_001) }),
            400,
            json!("out_of_bounds"),
        ),
        (orders.clone(), json!({ "user": "max" }), 422, Value::Null),
        (format!("{orders}/100/status"), json!({ "status": "COMPLETED" }), 400, json!("out_of_bounds")),
        (format!("{orders}/101/cancel"), Value::Null, 404, json!("order_not_found")),
        ("stores/none/orders".to_owned(), json!({}), 404, json!("store_not_found")),
        (format!("{orders}/100/refund"), json!({ "line": 9, "quantity": 1 }), 404, json!("line_not_found")),
        ("faults".to_owned(), json!({ "operation": "any", "fault": "error_404" }), 422, Value::Null),
    ] {
        let (answered, refused) = post(&sandbox, &path, body.clone()).await;
        assert_eq!((answered, &refused["error"]["code"]), (status, &code), "{path} {body}");
    }
}

#[tokio::test]
async fn every_fault_can_be_scripted() {
    let sandbox = one_order().await;
    let names = [
        "error_500",
        "rate_limit",
        "unavailable_503",
        "unauthorized",
        "not_found",
        "drop_connection",
        "timeout",
        "html",
        "other_order",
        "truncated_json",
        "huge_body",
    ];
    for fault in names.map(|name| json!(name)).into_iter().chain([json!({ "delayMs": 5 })]) {
        let script = json!({ "operation": "bigcommerce_order", "fault": fault });
        assert_eq!(post(&sandbox, "faults", script).await.0, 204, "{fault}");
    }
    let faults = look(&sandbox, "state").await["faults"].take();
    assert_eq!((faults.as_array().unwrap().len(), &faults[0]["fault"]), (12, &json!("error_500")));
}

#[tokio::test]
async fn the_state_shows_everything_but_tokens_and_secrets() {
    let sandbox = one_order().await;
    let webhooks = json!({ "url": "not an address", "secret": "hidden-secret" });
    let store = json!({ "platform": "square", "id": MERCHANT, "token": SQUARE_TOKEN, "webhooks": webhooks });
    post(&sandbox, "stores", store).await;
    post(&sandbox, &format!("stores/{MERCHANT}/orders"), json!({ "id": "S1" })).await;
    get_square(&sandbox, "S1", SQUARE_TOKEN).await;
    post(&sandbox, "hold", json!({ "operation": "square_order", "at": "after_effect" })).await;
    let sent = look(&sandbox, "webhooks").await;
    let failure = json!({ "failure": "the address or a header cannot be used" });
    let expected = json!([{
        "number": 1, "store": MERCHANT, "order": "S1", "topic": "order.created", "state": "given_up",
        "attempts": [failure, failure, failure],
    }]);
    assert_eq!(sent, expected);

    let state = look(&sandbox, "state").await;
    assert_eq!(state["webhooks"], expected);
    assert_eq!(state["holds"], json!([{ "operation": "square_order", "at": "after_effect" }]));
    assert_eq!(state["reads"]["square_order"], json!({ "arrived": 1, "held": 0, "answered": 1, "late": 0 }));
    let order = json!({
        "id": "100", "status": "Pending", "version": 1, "lines": 2, "units": 4, "unitsRefunded": 0, "archived": false,
    });
    let of_bigcommerce = state["stores"].as_array().unwrap().iter().find(|store| store["id"] == HASH).unwrap();
    let expected = json!({
        "platform": "bigcommerce", "id": HASH, "hasToken": true, "webhooksTo": null, "orderCount": 1, "orders": [order],
    });
    assert_eq!(*of_bigcommerce, expected);
    for secret in [TOKEN, SQUARE_TOKEN, "hidden-secret"] {
        assert!(!state.to_string().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn another_process_can_hold_a_read() {
    let sandbox = one_order().await;
    post(&sandbox, "hold", json!({ "operation": "bigcommerce_order" })).await;
    let act = async {
        look(&sandbox, "await?operation=bigcommerce_order&stage=held&count=1").await;
        sandbox.cancel(HASH, "100").unwrap();
        post(&sandbox, "release", json!({ "operation": "any" })).await;
    };
    let (order, ()) = tokio::join!(bigcommerce_order(&sandbox, "100"), act);
    assert_eq!(order["status"], "Cancelled");
}
