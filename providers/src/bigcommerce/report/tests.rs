//! What is published of BigCommerce's webhooks, and of the orders that they name.

use domain::commerce::Money;
use domain::integration::Provider;
use domain::resource::{Checkout, Collection, Content, Happened, Order, Product, Refunded, Stock};

use crate::bigcommerce::api::Orders;
use crate::tests::{money, one, published};
use crate::{OrderApi as _, OrderReference, StoreReport};

const WANTED: OrderReference<'_> = OrderReference { store: Some("abc123"), order_id: "250" };

fn dollars(amount: i64) -> Money {
    money(amount, "USD")
}

fn reports(scope: &str, data: &str) -> Vec<StoreReport> {
    let json = format!(
        r#"{{"scope":"{scope}","store_id":"1025646","data":{data},"hash":"352e4afc","created_at":1561479335,"producer":"stores/abc123"}}"#
    );
    crate::of(Provider::BigCommerce).reports_in(Some("store/order/created"), json.as_bytes())
}

fn report(scope: &str, data: &str) -> StoreReport {
    one(reports(scope, data))
}

/// The order of the API's responses, with these fields and products.
fn read(fields: &str, products: &str) -> StoreReport {
    let head = format!(r#"{{"id":250,{fields}}}"#);
    Orders.report(&WANTED, &[head.as_bytes(), products.as_bytes()]).unwrap().expect("it is whole")
}

fn order(fields: &str) -> Order {
    published(read(fields, ""))
}

#[test]
fn a_webhook_about_an_order_says_what_its_scope_says() {
    let to = |id: u32| format!(r#"{{"id":250,"status":{{"previous_status_id":0,"new_status_id":{id}}}}}"#);
    let (named, refund) = (r#"{"id":250}"#.to_owned(), r#"{"id":250,"refund":{"refund_id":6}}"#.to_owned());
    for (scope, data, status, paid, cancelled, refunded) in [
        ("store/order/created", &named, None, false, false, Refunded::None),
        ("store/order/updated", &named, None, false, false, Refunded::None),
        // It can be taken out of the archive again.
        ("store/order/archived", &named, None, false, true, Refunded::None),
        ("store/order/statusUpdated", &to(11), Some("awaiting_fulfillment"), true, false, Refunded::None),
        ("store/order/statusUpdated", &to(7), Some("awaiting_payment"), false, false, Refunded::None),
        ("store/order/statusUpdated", &to(5), Some("cancelled"), false, true, Refunded::None),
        ("store/order/statusUpdated", &to(4), Some("refunded"), true, false, Refunded::Full),
        ("store/order/statusUpdated", &to(14), Some("partially_refunded"), true, false, Refunded::Partial),
        ("store/order/refund/created", &refund, None, false, false, Refunded::Partial),
    ] {
        let status = status.map(str::to_owned);
        let content = Content::Order(Order { status, paid, cancelled, refunded, thin: true, ..Order::default() });
        let happened = if scope == "store/order/created" { Happened::Created } else { Happened::Updated };
        let expected = StoreReport {
            changed_at: "2019-06-25T16:15:35Z".parse().ok(),
            ..StoreReport::new("250".to_owned(), happened, content)
        };
        assert_eq!(reports(scope, data), [expected], "{scope} {data}");
    }
}

#[test]
fn an_order_is_paid_cancelled_and_refunded_by_its_status() {
    for (id, paid, cancelled, refunded) in [
        (0, false, false, Refunded::None),
        (1, false, false, Refunded::None),
        (2, true, false, Refunded::None),
        (3, true, false, Refunded::None),
        (4, true, false, Refunded::Full),
        (5, false, true, Refunded::None),
        (6, false, true, Refunded::None),
        (7, false, false, Refunded::None),
        (8, true, false, Refunded::None),
        (9, true, false, Refunded::None),
        (10, true, false, Refunded::None),
        (11, true, false, Refunded::None),
        (12, false, false, Refunded::None),
        (13, false, false, Refunded::None),
        (14, true, false, Refunded::Partial),
    ] {
        let order = order(&format!(r#""status_id":{id}"#));
        assert_eq!((order.paid, order.cancelled, order.refunded), (paid, cancelled, refunded), "{id}");
    }
    assert!(order(r#""status_id":11,"is_deleted":true"#).cancelled);
    let unknown = order(r#""status_id":99,"status":"Paid""#);
    assert!(!unknown.paid && unknown.status.as_deref() == Some("paid"), "another's word says nothing");
}

#[test]
fn an_order_that_was_read_is_reported_in_the_currency_that_the_customer_pays_in() {
    let fields = r#""status_id":11,"date_modified":"Tue, 20 Nov 2012 00:10:00 +0000","total_inc_tax":"38.0000","refunded_amount":"19.0000",
        "default_currency_code":"USD","currency_code":"EUR","cart_id":"09346904-4175-44fd-be53-f7e598531b6c",
        "billing_address":{"first_name":"Max","email":"max@example.com"}"#;
    let products = r#"[{"order_id":250,"product_id":77,"variant_id":0,"name":"Storm","sku":"S","quantity":2,"quantity_refunded":1,
        "price_inc_tax":"19.0000","price_ex_tax":"17.0000"},{"order_id":250,"name":"Gift","quantity":1,"price_inc_tax":null}]"#;
    let report = read(fields, products);
    assert_eq!((report.resource_id.as_str(), report.happened, report.version), ("250", Happened::Updated, None));
    assert_eq!(report.changed_at, "2012-11-20T00:10:00Z".parse().ok());
    let Content::Order(order) = report.content else { panic!("no order") };
    assert_eq!((order.total, order.refunded_amount), (Some(dollars(3_800)), Some(dollars(1_900))));
    assert_eq!((order.refunded, order.paid, order.thin), (Refunded::Partial, true, false));
    assert_eq!(order.checkout_id.as_deref(), Some("09346904-4175-44fd-be53-f7e598531b6c"));
    assert_eq!((order.lines[0].quantity, order.lines[0].price), (1, Some(dollars(1_900))));
    assert_eq!((order.lines[1].quantity, order.lines[1].price), (1, None));
}

#[test]
fn an_amount_needs_a_currency_and_nothing_refunded_is_no_refund() {
    assert_eq!(order(r#""total_inc_tax":"38.0000","currency_code":"JPY""#).total.unwrap().to_string(), "38 JPY");
    assert_eq!(order(r#""total_inc_tax":"38.0000""#).total, None);
    assert_eq!(order(r#""refunded_amount":"0.0000","currency_code":"USD""#).refunded_amount, None);
    let all = order(r#""status_id":10,"total_inc_tax":"38.0000","refunded_amount":"38.0000","currency_code":"USD""#);
    assert_eq!(all.refunded, Refunded::Full);
}

#[test]
fn nothing_is_reported_before_the_last_response() {
    assert_eq!(Orders.report(&WANTED, &[]), Ok(None));
    assert_eq!(Orders.report(&WANTED, &[br#"{"id":250}"#]), Ok(None));
    assert!(Orders.report(&WANTED, &[br#"{"id":251}"#, b""]).is_err());
}

#[test]
fn products_categories_and_customers_are_named_alone() {
    let product = || Content::Product(Product { thin: true, ..Product::default() });
    let category = || Content::Collection(Collection::default());
    for (scope, happened, content) in [
        ("store/product/created", Happened::Created, product()),
        ("store/product/updated", Happened::Updated, product()),
        ("store/product/deleted", Happened::Deleted, product()),
        ("Store/Product/Updated/", Happened::Updated, product()),
        ("store/category/created", Happened::Created, category()),
        ("store/category/updated", Happened::Updated, category()),
        ("store/category/deleted", Happened::Deleted, category()),
        ("store/customer/created", Happened::Created, Content::Customer {}),
        ("store/customer/updated", Happened::Updated, Content::Customer {}),
        ("store/customer/deleted", Happened::Deleted, Content::Customer {}),
    ] {
        let expected = StoreReport {
            changed_at: "2019-06-25T16:15:35Z".parse().ok(),
            ..StoreReport::new("9007199254740993".to_owned(), happened, content)
        };
        assert_eq!(reports(scope, r#"{"type":"thing","id":9007199254740993}"#), [expected], "{scope}");
    }
}

#[test]
fn a_cart_that_became_an_order_is_a_completed_checkout() {
    let report = report("store/cart/converted", r#"{"type":"cart","id":"09346904-4175-44fd","orderId":252}"#);
    let checkout = Checkout { completed: true, order_id: Some("252".to_owned()), ..Checkout::default() };
    assert_eq!((report.resource_id.as_str(), report.content), ("09346904-4175-44fd", Content::Checkout(checkout)));
}

#[test]
fn stock_is_of_a_product_or_a_variant_and_known_where_it_is_stated() {
    for (scope, inventory, id, variant, available) in [
        (
            "store/product/inventory/updated",
            r#"{"product_id":206,"method":"absolute","value":5}"#,
            "206@",
            None,
            Some(5),
        ),
        ("store/product/inventory/updated", r#"{"product_id":206,"method":"relative","value":5}"#, "206@", None, None),
        (
            "store/sku/inventory/updated",
            r#"{"product_id":206,"method":"absolute","value":-1,"variant_id":206}"#,
            "206/206@",
            Some("206"),
            Some(-1),
        ),
    ] {
        let report = report(scope, &format!(r#"{{"type":"product","id":206,"inventory":{inventory}}}"#));
        let stock = Stock {
            product_id: Some("206".to_owned()),
            variant_id: variant.map(str::to_owned),
            available,
            adjusted_by: inventory.contains("relative").then_some(5),
            ..Stock::default()
        };
        assert_eq!((report.resource_id.as_str(), report.content), (id, Content::Stock(stock)), "{inventory}");
    }
}

#[test]
fn what_there_is_no_word_for_is_not_reported() {
    for (scope, data) in [
        ("store/customer/address/created", r#"{"id":1}"#),
        ("store/cart/created", r#"{"id":"c"}"#),
        ("store/order/message/created", r#"{"id":1}"#),
        ("store/information/updated", r#"{"type":"store"}"#),
        ("store/priceList/records/updated", r#"[{"id":1}]"#),
        ("store/product/inventory/updated", r#"{"id":1}"#),
        ("store/product/inventory/updated", r#"{"id":1,"inventory":[5]}"#),
        (
            "store/product/inventory/order/updated",
            r#"{"id":1,"inventory":{"product_id":1,"method":"absolute","value":-1}}"#,
        ),
        ("store/product/updated", r#"{"id":null}"#),
        ("store/product/updated", r#"{"id":1.5}"#),
        ("store/product/updated", r#"{"id":1,"id":2}"#),
        ("store/product/updated", "null"),
    ] {
        assert_eq!(reports(scope, data), [], "{scope} {data}");
    }
}
