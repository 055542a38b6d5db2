//! Every scripted failure, as a caller meets it.

use std::time::Duration;

use serde_json::json;

use super::*;

/// A sandbox whose next read meets `fault`, with the order 100 of each platform.
async fn under(fault: Fault) -> StoreSandbox {
    let sandbox = two_stores().await;
    for store in [HASH, MERCHANT] {
        sandbox.place_order(store, NewOrder { id: Some("100".into()), ..order() }).unwrap();
    }
    sandbox.script(FaultScript { operation: On::Any, fault, times: 1 }).unwrap();
    sandbox
}

#[tokio::test]
async fn a_scripted_refusal_has_the_shape_of_its_platform() {
    let not_found = json!([{ "status": 404, "message": "The requested resource was not found." }]);
    for (fault, status, of_bigcommerce, of_square) in [
        (Fault::Error500, 500, json!("Internal Server Error"), "INTERNAL_SERVER_ERROR"),
        (Fault::RateLimit, 429, json!("Too Many Requests"), "RATE_LIMITED"),
        (Fault::Unavailable503, 503, json!("Service Unavailable"), "SERVICE_UNAVAILABLE"),
        (Fault::Unauthorized, 401, json!("Unauthorized"), "UNAUTHORIZED"),
        (Fault::NotFound, 404, Value::Null, "NOT_FOUND"),
    ] {
        let sandbox = under(fault).await;
        let (answered, body) = refused(get(&sandbox, &order_path("100"), TOKEN).await).await;
        assert_eq!(
            (answered.as_u16(), body.get("title").unwrap_or(&Value::Null)),
            (status, &of_bigcommerce),
            "{fault:?}"
        );
        assert_eq!(fault == Fault::NotFound, body == not_found, "{body}");
        bigcommerce_order(&sandbox, "100").await;

        let sandbox = under(fault).await;
        let (answered, body) = refused(get_square(&sandbox, "100", SQUARE_TOKEN).await).await;
        assert_eq!((answered.as_u16(), &body["errors"][0]["code"]), (status, &json!(of_square)), "{fault:?}");
        square_order(&sandbox, "100").await;
    }
}

#[tokio::test]
async fn a_rate_limit_says_how_long() {
    let answer = get(&under(Fault::RateLimit).await, &order_path("100"), TOKEN).await;
    assert_eq!(answer.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_fault_waits_for_the_read_that_it_is_made_for() {
    let sandbox = two_stores().await;
    sandbox.place_order(HASH, order()).unwrap();
    let script = FaultScript { operation: Operation::BigCommerceProducts.into(), fault: Fault::Error500, times: 2 };
    sandbox.script(script).unwrap();
    let status = async |path| get(&sandbox, path, TOKEN).await.status().as_u16();
    let (order, products) = (order_path("100"), products_path("100"));
    assert_eq!([status(&order).await, status(&products).await, status(&products).await], [200, 500, 500]);
    assert_eq!(status(&products).await, 200);
}

#[tokio::test]
async fn a_dropped_connection_is_no_answer() {
    let sandbox = under(Fault::DropConnection).await;
    let url = format!("{}{}", sandbox.base_url(), order_path("100"));
    let lost = http().get(url).header("x-auth-token", TOKEN).send().await.unwrap_err();
    assert!(lost.is_request() && !lost.is_timeout(), "{lost:?}");
}

#[tokio::test]
async fn silence_lasts_until_the_caller_gives_up() {
    let sandbox = under(Fault::Timeout).await;
    let url = format!("{}/v2/orders/100", sandbox.base_url());
    let request = http().get(url).bearer_auth(SQUARE_TOKEN).timeout(Duration::from_millis(100));
    assert!(request.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_delayed_read_succeeds_in_the_end() {
    let sandbox = under(Fault::DelayMs(20)).await;
    assert_eq!(square_order(&sandbox, "100").await["id"], "100");
}

#[tokio::test]
async fn a_delay_is_bounded() {
    let script = FaultScript { operation: On::Any, fault: Fault::DelayMs(60_001), times: 1 };
    assert!(matches!(sandbox().await.script(script), Err(ControlError::OutOfBounds(_))));
}

#[tokio::test]
async fn a_page_of_something_in_between_is_html() {
    let answer = get(&under(Fault::Html).await, &order_path("100"), TOKEN).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn another_order_than_the_one_asked_for_is_whole() {
    let order = bigcommerce_order(&under(Fault::OtherOrder).await, "100").await;
    assert_eq!((&order["id"], &order["status_id"]), (&json!(101), &json!(11)));
    let products = bigcommerce_products(&under(Fault::OtherOrder).await, "100").await;
    assert_eq!((&products[0]["order_id"], &products[0]["sku"]), (&json!(101), &json!("STORM-LEAD-V2")));
    let order = square_order(&under(Fault::OtherOrder).await, "100").await;
    assert_eq!((&order["id"], &order["state"]), (&json!("100-other"), &json!("OPEN")));
}

#[tokio::test]
async fn truncated_json_begins_well() {
    let sandbox = under(Fault::TruncatedJson).await;
    let text = get(&sandbox, &order_path("100"), TOKEN).await.text().await.unwrap();
    let whole = bigcommerce_order(&sandbox, "100").await.to_string();
    assert!(whole.starts_with(&text) && text.len() == whole.len() / 2, "{text}");
}

#[tokio::test]
async fn a_huge_body_is_a_hundred_megabytes_that_nobody_keeps() {
    let mut answer = get_square(&under(Fault::HugeBody).await, "100", SQUARE_TOKEN).await;
    assert_eq!(
        (answer.status(), answer.headers()["content-type"].to_str().unwrap()),
        (StatusCode::OK, "application/json")
    );
    assert_eq!(&answer.chunk().await.unwrap().unwrap()[..1], b"[");
    let mut rest = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        rest += chunk.len();
    }
    assert!((90_000_000..=100_000_001).contains(&rest), "{rest}");
}
