//! What is published of Shopify's orders.

use super::*;
use crate::tests::published;

fn order(topic: &str, json: &str) -> Order {
    published(report(topic, json))
}

/// An order with these fields beside its id and one line.
fn order_with(topic: &str, fields: &str) -> Order {
    order(topic, &format!(r#"{{"id":1,"currency":"USD","line_items":[{{"id":11,"quantity":1}}],{fields}}}"#))
}

#[test]
fn an_order_is_reported_with_what_it_costs_and_what_was_given_back() {
    let line = |sku: Option<&str>, title: &str, ids: bool, quantity, price| OrderLine {
        sku: sku.map(str::to_owned),
        product_id: ids.then(|| "7".to_owned()),
        variant_id: ids.then(|| "70".to_owned()),
        title: Some(title.to_owned()),
        quantity,
        price,
    };
    let content = Content::Order(Order {
        number: Some("#1042".to_owned()),
        status: Some("partially_refunded".to_owned()),
        session_id: Some("sess_m8x2k1_a9".to_owned()),
        checkout_id: Some("901414060".to_owned()),
        total: Some(money(5_997, "USD")),
        paid: true,
        cancelled: false,
        refunded: Refunded::Partial,
        refunded_amount: Some(money(1_999, "USD")),
        lines: vec![
            line(Some("STORM"), "Storm Drive", true, 2, Some(money(1_999, "USD"))),
            line(None, "Tip", false, 1, None),
        ],
        thin: false,
    });
    let expected = StoreReport {
        resource_id: "820982911946154508".to_owned(),
        happened: Happened::Updated,
        event_id: None,
        changed_at: "2026-11-21T15:00:00Z".parse().ok(),
        version: None,
        content,
    };
    assert_eq!(reports("orders/updated", ORDER), [expected]);
}

#[test]
fn what_happened_follows_from_the_topic_and_what_the_order_is_from_its_body() {
    for (topic, expected) in [
        ("orders/create", Happened::Created),
        ("ORDERS/CREATE", Happened::Created),
        ("orders/paid", Happened::Updated),
        ("orders/cancelled", Happened::Updated),
        ("orders/invented", Happened::Updated),
        // A whole order is not gone, whatever a header says.
        ("orders/delete", Happened::Updated),
    ] {
        let report = report(topic, ORDER);
        assert_eq!(report.happened, expected, "{topic}");
        let Content::Order(order) = report.content else { panic!("no order") };
        assert!(order.paid && !order.cancelled && !order.thin, "{topic}");
    }
    assert_eq!(crate::of(Provider::Shopify).reports_in(None, ORDER.as_bytes())[0].happened, Happened::Updated);
    let deleted = report("orders/delete", r#"{"id":820982911946154508}"#);
    assert_eq!((deleted.happened, deleted.resource_id.as_str()), (Happened::Deleted, "820982911946154508"));
    assert!(matches!(deleted.content, Content::Order(order) if order.thin && !order.cancelled));
}

#[test]
fn an_order_is_paid_and_cancelled_by_its_body_alone() {
    for (topic, fields, paid, cancelled) in [
        ("orders/paid", r#""financial_status":"pending""#, false, false),
        ("orders/paid", r#""financial_status":null"#, false, false),
        ("orders/create", r#""financial_status":"Paid""#, true, false),
        ("orders/updated", r#""financial_status":"authorized""#, false, false),
        ("orders/updated", r#""financial_status":"partially_paid""#, false, false),
        ("orders/updated", r#""financial_status":"refunded""#, true, false),
        ("orders/cancelled", r#""financial_status":"voided","cancelled_at":null"#, false, false),
        ("orders/updated", r#""financial_status":"voided","cancelled_at":"2026-10-01T10:00:00Z""#, false, true),
        // As Shopify's own sample, which is reported like any order.
        (
            "orders/create",
            r#""test":true,"financial_status":"voided","cancelled_at":"2026-10-01T10:00:00Z""#,
            false,
            true,
        ),
    ] {
        let order = order_with(topic, fields);
        assert_eq!((order.paid, order.cancelled), (paid, cancelled), "{topic} {fields}");
    }
}

#[test]
fn what_was_given_back_is_the_money_of_refunds_and_else_what_their_lines_cost() {
    let lines = r#""refund_line_items":[{"line_item_id":11,"quantity":1,"subtotal":17.0,"total_tax":2.99}]"#;
    for (refunds, amount, refunded) in [
        ("[]".to_owned(), None, Refunded::None),
        ("null".to_owned(), None, Refunded::None),
        (format!("[{{{lines}}}]"), Some(1_999), Refunded::Full),
        // Lines that were taken off an order that is not paid.
        (format!(r#"[{{{lines},"transactions":[]}}]"#), None, Refunded::None),
        (
            format!(r#"[{{{lines},"transactions":[{{"kind":"refund","status":"success","amount":"5.00"}}]}}]"#),
            Some(500),
            Refunded::Partial,
        ),
        (
            format!(r#"[{{{lines},"transactions":[{{"kind":"void","status":"success","amount":"5.00"}}]}}]"#),
            None,
            Refunded::None,
        ),
        // The shopper paid in another currency.
        (
            format!(
                r#"[{{{lines},"transactions":[{{"kind":"refund","status":"success","amount":"18","currency":"EUR"}}]}}]"#
            ),
            Some(1_999),
            Refunded::Full,
        ),
        (
            r#"[{"transactions":[{"kind":"refund","status":"success","amount":"1.00"}]},{"refund_line_items":[{"subtotal":"2.00"}]},7]"#
                .to_owned(),
            Some(300),
            Refunded::Partial,
        ),
    ] {
        let order = order_with("orders/updated", &format!(r#""total_price":"19.99","refunds":{refunds}"#));
        let amount = amount.map(|amount| money(amount, "USD"));
        assert_eq!((order.refunded_amount, order.refunded), (amount, refunded), "{refunds}");
    }
    let said = order_with("orders/updated", r#""financial_status":"refunded","total_price":"19.99""#);
    assert_eq!((said.refunded, said.refunded_amount), (Refunded::Full, None));
}

#[test]
fn amounts_have_the_decimals_of_their_currency_and_none_without_one() {
    for (currency, total, expected) in [
        (r#""JPY""#, r#""1980""#, Some(money(1_980, "JPY"))),
        (r#""KWD""#, r#""1.234""#, Some(money(1_234, "KWD"))),
        (r#""USD""#, r#""-5.00""#, Some(money(-500, "USD"))),
        ("null", r#""19.99""#, None),
        (r#""USD""#, "null", None),
    ] {
        let json = format!(r#"{{"id":1,"line_items":[],"currency":{currency},"total_price":{total}}}"#);
        assert_eq!(order("orders/updated", &json).total, expected, "{json}");
    }
}
