//! What is published of WooCommerce's webhooks, and what no header makes of a body.

use domain::commerce::{Currency, Money};
use domain::integration::Provider;
use domain::resource::{Content, Happened, Order, Product, Refunded, Variant};

use crate::StoreReport;
use crate::tests::{money, one, published};

const ORDER: &str = r#"{"id":727,"parent_id":0,"number":"727","status":"processing","currency":"USD","total":"29.35",
    "date_modified_gmt":"2026-11-21T15:00:00","date_paid_gmt":"2026-11-21T14:59:00","customer_id":0,"refunds":[],
    "billing":{"first_name":"John","last_name":"Doe","email":"john.doe@example.com"},
    "meta_data":[{"id":1,"key":"_session_id","value":"sess_1"},{"id":2,"key":"odd","value":{"a":[1]}}],
    "line_items":[{"id":315,"name":"Rock &#038; Roll","product_id":93,"variation_id":0,"quantity":2,"total":"6.00","sku":"",
    "price":10.799999999999999},{"id":316,"name":"Stereo","product_id":22,"variation_id":23,"quantity":1,"price":"12"}]}"#;

const PRODUCT: &str = r#"{"id":794,"name":"Premium &quot;Quality&quot;","permalink":"https://example.com/product/premium/","type":"simple",
    "status":"publish","sku":"PQ","price":"19.99","regular_price":"21.99","sale_price":"19.99","on_sale":true,"manage_stock":true,
    "stock_quantity":7,"parent_id":0,"categories":[{"id":9,"name":"Clothing"},{"id":14,"name":"T-shirts"}],"variations":[],
    "images":[{"id":792,"src":"https://example.com/front.jpg"},{"id":"","src":""}],"date_modified_gmt":"2026-11-21T15:00:00"}"#;

const CUSTOMER: &str = r#"{"id":25,"email":"john.doe@example.com","first_name":"John","last_name":"Doe","role":"customer","username":"john.doe",
    "date_modified_gmt":"2026-11-21T15:00:00","billing":{"first_name":"J","last_name":"D","email":"j@example.com"},
    "is_paying_customer":false}"#;

fn dollars(amount: i64) -> Money {
    money(amount, "USD")
}

fn reports(topic: &str, json: &str) -> Vec<StoreReport> {
    crate::of(Provider::WooCommerce).reports_priced_in(Some(topic), json.as_bytes(), Currency::parse("USD"))
}

fn report(topic: &str, json: &str) -> StoreReport {
    one(reports(topic, json))
}

fn order(fields: &str) -> Order {
    let json = format!(r#"{{"id":1,"currency":"USD","total":"29.35","line_items":[],{fields}}}"#);
    published(report("order.updated", &json))
}

fn product(json: &str) -> Product {
    let Content::Product(product) = report("product.updated", json).content else { panic!("no product") };
    product
}

#[test]
fn an_order_is_reported_with_what_it_costs() {
    let report = report("order.created", ORDER);
    assert_eq!((report.resource_id.as_str(), report.happened), ("727", Happened::Created));
    assert_eq!((report.changed_at, report.event_id), ("2026-11-21T15:00:00Z".parse().ok(), None));
    let Content::Order(order) = report.content else { panic!("no order") };
    assert_eq!((order.number.as_deref(), order.status.as_deref()), (Some("727"), Some("processing")));
    assert_eq!((order.session_id.as_deref(), order.checkout_id), (Some("sess_1"), None));
    assert_eq!((order.total, order.refunded, order.refunded_amount), (Some(dollars(2_935)), Refunded::None, None));
    assert!(order.paid && !order.cancelled && !order.thin);
    let prices: Vec<_> = order.lines.iter().map(|line| line.price).collect();
    assert_eq!(prices, [Some(dollars(1_080)), Some(dollars(1_200))]);
    assert_eq!((order.lines[0].title.as_deref(), order.lines[0].quantity), (Some("Rock & Roll"), 2));
    assert_eq!((order.lines[1].variant_id.as_deref(), order.lines[0].variant_id.as_deref()), (Some("23"), None));
}

#[test]
fn an_order_is_paid_by_the_date_of_its_payment_and_without_one_by_its_status() {
    for (fields, paid) in [
        (r#""status":"on-hold","date_paid_gmt":null"#, false),
        (r#""status":"processing","date_paid_gmt":null"#, true),
        (r#""status":"Completed""#, true),
        (r#""status":"pending""#, false),
        (r#""status":"failed","date_paid_gmt":null"#, false),
        (r#""status":"checkout-draft""#, false),
        (r#""status":"refunded","date_paid_gmt":"2026-11-21T14:59:00""#, true),
        (r#""status":"a-plugins-own","date_paid_gmt":"2026-11-21T14:59:00""#, true),
        (r#""status":"processing","date_paid_gmt":"""#, false),
    ] {
        assert_eq!(order(fields).paid, paid, "{fields}");
    }
}

#[test]
fn an_order_is_cancelled_and_refunded_by_its_body() {
    for (fields, cancelled, refunded, amount) in [
        (r#""status":"cancelled""#, true, Refunded::None, None),
        (r#""status":"Trash""#, true, Refunded::None, None),
        (r#""status":"failed""#, false, Refunded::None, None),
        (
            r#""status":"refunded","refunds":[{"id":1,"reason":"","total":"-29.35"}]"#,
            false,
            Refunded::Full,
            Some(2_935),
        ),
        (
            r#""status":"processing","refunds":[{"total":"-10.00"},{"total":"-5.50"},null]"#,
            false,
            Refunded::Partial,
            Some(1_550),
        ),
        (r#""status":"processing","refunds":[{"total":"-29.35"}]"#, false, Refunded::Full, Some(2_935)),
        (r#""status":"refunded","refunds":{}"#, false, Refunded::Full, None),
    ] {
        let order = order(fields);
        let amount = amount.map(dollars);
        assert_eq!((order.cancelled, order.refunded, order.refunded_amount), (cancelled, refunded, amount), "{fields}");
    }
}

#[test]
fn what_is_deleted_is_named_alone_and_may_be_restored() {
    for (deleted, restored, json) in [
        ("order.deleted", "order.restored", ORDER),
        ("product.deleted", "product.restored", PRODUCT),
        ("customer.deleted", "customer.restored", CUSTOMER),
    ] {
        let gone = report(deleted, r#"{"id":17}"#);
        assert_eq!((gone.resource_id.as_str(), gone.happened, gone.changed_at), ("17", Happened::Deleted, None));
        assert_eq!(gone.content.kind(), report(deleted, json).content.kind());
        // Whatever a header says of what is there.
        assert_eq!(report(deleted, json).happened, Happened::Updated, "{deleted}");
        assert_eq!(report(restored, json).happened, Happened::Restored, "{restored}");
        assert!(reports(restored, r#"{"id":17}"#).is_empty(), "{restored}");
    }
    assert_eq!(report("Product.Created", PRODUCT).happened, Happened::Created);
    assert_eq!(report("product.published", PRODUCT).happened, Happened::Updated);
}

#[test]
fn a_product_is_its_own_variant_and_its_price_before_is_that_of_a_sale() {
    let variant = Variant {
        variant_id: "794".to_owned(),
        sku: Some("PQ".to_owned()),
        title: None,
        price: Some(dollars(1_999)),
        compare_at_price: Some(dollars(2_199)),
        stock: Some(7),
        uncounted: false,
        inventory_item_id: None,
    };
    let expected = Product {
        title: Some(r#"Premium "Quality""#.to_owned()),
        vendor: None,
        url: Some("https://example.com/product/premium/".to_owned()),
        status: Some("publish".to_owned()),
        images: vec!["https://example.com/front.jpg".to_owned()],
        collections: vec!["9".to_owned(), "14".to_owned()],
        variants: vec![variant.clone()],
        stock: None,
        uncounted: false,
        left_out: vec![],
        thin: false,
    };
    assert_eq!(product(PRODUCT), expected);
    for (from, to, changed) in [
        (r#""on_sale":true"#, r#""on_sale":false"#, Variant { compare_at_price: None, ..variant.clone() }),
        (
            r#""manage_stock":true"#,
            r#""manage_stock":false"#,
            Variant { stock: None, uncounted: true, ..variant.clone() },
        ),
        (
            r#""manage_stock":true"#,
            r#""manage_stock":"parent""#,
            Variant { stock: None, uncounted: true, ..variant.clone() },
        ),
        (r#""stock_quantity":7"#, r#""stock_quantity":"""#, Variant { stock: None, ..variant.clone() }),
        (r#""price":"19.99""#, r#""price":"""#, Variant { price: None, ..variant.clone() }),
        (r#""sku":"PQ""#, r#""sku":4711"#, Variant { sku: Some("4711".to_owned()), ..variant }),
    ] {
        assert_eq!(product(&PRODUCT.replace(from, to)).variants, [changed], "{to}");
    }
    let without_currency = crate::of(Provider::WooCommerce).reports_in(Some("product.updated"), PRODUCT.as_bytes());
    let Content::Product(product) = &without_currency[0].content else { panic!("no product") };
    assert_eq!((product.variants[0].price, product.variants[0].compare_at_price), (None, None));
}

#[test]
fn a_product_names_its_variations_and_a_variation_is_a_product_of_its_own() {
    let variable = PRODUCT.replace(r#""variations":[]"#, r#""variations":[733,732,null]"#);
    let ids: Vec<_> = product(&variable).variants.into_iter().map(|variant| variant.variant_id).collect();
    assert_eq!(ids, ["733", "732"]);
    let variation = PRODUCT.replace(r#""id":794"#, r#""id":733"#).replace(r#""parent_id":0"#, r#""parent_id":794"#);
    let report = report("product.updated", &variation);
    assert_eq!(report.resource_id, "733");
    let Content::Product(product) = report.content else { panic!("no product") };
    assert_eq!((product.variants[0].variant_id.as_str(), product.variants[0].price), ("733", Some(dollars(1_999))));
}

#[test]
fn a_customer_is_reported_by_the_id_alone_and_known_apart() {
    let platform = crate::of(Provider::WooCommerce);
    let read = report("customer.created", CUSTOMER);
    assert_eq!(
        (read.resource_id.as_str(), read.happened, read.content),
        ("25", Happened::Created, Content::Customer {})
    );
    let customer = platform.customer_in(Some("customer.updated"), CUSTOMER.as_bytes()).unwrap();
    assert_eq!((customer.id.as_deref(), customer.email.as_deref()), (Some("25"), Some("john.doe@example.com")));
    // The login of the shop is no username of ours.
    assert_eq!((customer.name.as_deref(), customer.username), (Some("John Doe"), None));
    let nameless = CUSTOMER.replacen("John", "", 1).replacen("Doe", "", 1);
    let customer = platform.customer_in(Some("customer.updated"), nameless.as_bytes()).unwrap();
    assert_eq!(customer.name.as_deref(), Some("J D"));
    assert!(platform.customer_in(Some("product.updated"), CUSTOMER.as_bytes()).is_none());
    assert!(platform.customer_in(Some("customer.updated"), PRODUCT.as_bytes()).is_none());
    assert!(platform.customer_in(None, CUSTOMER.as_bytes()).is_none());
}

#[test]
fn no_topic_makes_another_thing_of_a_body() {
    let refund = r#"{"id":9,"parent_id":727,"total":"-10.00","refunded_by":1,"line_items":[]}"#;
    // With fields that plugins add.
    let named_order = ORDER.replacen('{', r#"{"name":"Order 727","#, 1);
    let mailed_order = ORDER.replacen('{', r#"{"email":"john.doe@example.com","#, 1);
    let named_customer = CUSTOMER.replacen('{', r#"{"name":"John","#, 1);
    let error = r#"{"code":"woocommerce_rest_cannot_view","message":"Sorry","data":{"status":401}}"#;
    for (topic, json) in [
        ("product.updated", ORDER),
        ("customer.updated", ORDER),
        ("product.updated", &named_order),
        ("customer.updated", &mailed_order),
        ("product.updated", &named_customer),
        ("product.updated", CUSTOMER),
        ("customer.updated", PRODUCT),
        ("order.updated", PRODUCT),
        ("order.updated", refund),
        ("product.updated", refund),
        ("order.updated", error),
        ("product.updated", error),
        ("coupon.created", r#"{"id":1,"code":"WINTER","name":"Winter"}"#),
        ("action.woocommerce_add_to_cart", r#"{"action":"a","arg":1,"id":1,"name":"x"}"#),
        ("product.updated", r#"{"id":17}"#),
        ("product.updated", r#"{"name":"Storm"}"#),
        ("product.updated", r#"{"id":1,"name":"Storm","sku":"a","sku":"b"}"#),
        ("product.updated", "[]"),
    ] {
        assert_eq!(reports(topic, json), [], "{topic} {json}");
    }
    let without_topic = |json: &str| crate::of(Provider::WooCommerce).reports_in(None, json.as_bytes());
    assert_eq!(without_topic(ORDER)[0].happened, Happened::Updated);
    assert!(without_topic(PRODUCT).is_empty() && without_topic(r#"{"id":17}"#).is_empty());
}
