//! What is published of Shopify's webhooks, and what no header makes of a body.

mod order;

use domain::commerce::Currency;
use domain::integration::Provider;
use domain::resource::{Checkout, Collection, Content, Happened, Order, OrderLine, Product, Refunded, Stock, Variant};

use crate::tests::{money, one};
use crate::{StoreCustomer, StoreReport};

const ORDER: &str = r##"{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508","name":"#1042",
    "order_number":1042,"checkout_id":901414060,"checkout_token":"bd5a8aa1ecd019dd3520ff791ee3a24c","test":false,
    "financial_status":"partially_refunded","cancelled_at":null,"updated_at":"2026-11-21T10:00:00-05:00","currency":"USD",
    "presentment_currency":"EUR","total_price":"59.97","current_total_price":"39.98","email":"fan@example.com",
    "note_attributes":[{"name":"_Session-Id","value":"sess_m8x2k1_a9"}],
    "line_items":[{"id":11,"sku":"STORM","product_id":7,"variant_id":70,"title":"Storm Drive","quantity":3,"current_quantity":2,
        "price":"19.99","properties":[{"name":"session_id","value":"of_a_line"}]},
        {"id":12,"sku":null,"product_id":null,"variant_id":null,"title":"Tip","quantity":1,"price":null}],
    "refunds":[{"id":1,"refund_line_items":[{"line_item_id":11,"quantity":1,"subtotal":19.99,"total_tax":0.0}],
        "transactions":[{"kind":"refund","status":"success","amount":"19.99","currency":"USD"},
        {"kind":"refund","status":"failure","amount":"19.99","currency":"USD"}]}]}"##;

fn reports(topic: &str, json: &str) -> Vec<StoreReport> {
    crate::of(Provider::Shopify).reports_in(Some(topic), json.as_bytes())
}

fn report(topic: &str, json: &str) -> StoreReport {
    one(reports(topic, json))
}

fn customer(topic: &str, json: &str) -> Option<StoreCustomer> {
    crate::of(Provider::Shopify).customer_in(Some(topic), json.as_bytes())
}

#[test]
fn a_product_is_reported_with_its_variants_and_its_prices_where_the_currency_is_known() {
    let json = r#"{"id":788032119674292922,"admin_graphql_api_id":"gid://shopify/Product/788032119674292922","title":"Storm Drive",
        "vendor":"Storm Audio","handle":"storm-drive","status":"active","created_at":null,"updated_at":"2026-11-21T15:00:00.000Z",
        "images":[{"id":1,"src":"https://cdn.shopify.com/storm.png"},{"src":"//cdn.shopify.com/odd.png"},null],
        "variants":[{"id":642667041472713922,"sku":"STORM","title":"Mono","price":"19.99","compare_at_price":"29.99",
            "inventory_management":"shopify","inventory_quantity":-1,"inventory_item_id":808950810},
            {"id":"757650484644203962","sku":"","title":"Stereo","price":"19.99","compare_at_price":null,
            "inventory_management":null,"inventory_quantity":0,"inventory_item_id":null},{"sku":"no id"}]}"#;
    let variant = |id: &str, title: &str, priced: bool| Variant {
        variant_id: id.to_owned(),
        title: Some(title.to_owned()),
        price: priced.then(|| money(1_999, "USD")),
        ..Variant::default()
    };
    let product = |priced: bool| Product {
        title: Some("Storm Drive".to_owned()),
        vendor: Some("Storm Audio".to_owned()),
        url: None,
        status: Some("active".to_owned()),
        images: vec!["https://cdn.shopify.com/storm.png".to_owned()],
        collections: vec![],
        variants: vec![
            Variant {
                sku: Some("STORM".to_owned()),
                compare_at_price: priced.then(|| money(2_999, "USD")),
                stock: Some(-1),
                inventory_item_id: Some("808950810".to_owned()),
                ..variant("642667041472713922", "Mono", priced)
            },
            Variant { uncounted: true, ..variant("757650484644203962", "Stereo", priced) },
        ],
        stock: None,
        uncounted: false,
        left_out: vec![],
        thin: false,
    };
    let read = report("products/update", json);
    assert_eq!(read.resource_id, "788032119674292922");
    assert_eq!((read.happened, read.changed_at), (Happened::Updated, "2026-11-21T15:00:00Z".parse().ok()));
    assert_eq!(read.content, Content::Product(product(false)));
    let priced = crate::of(Provider::Shopify).reports_priced_in(
        Some("products/create"),
        json.as_bytes(),
        Currency::parse("USD"),
    );
    assert_eq!((priced[0].happened, &priced[0].content), (Happened::Created, &Content::Product(product(true))));
    // Without a topic, by its own name; and it is not gone because a header says so.
    assert_eq!(crate::of(Provider::Shopify).reports_in(None, json.as_bytes()), [read]);
    assert_eq!(report("products/delete", json).happened, Happened::Updated);
    let deleted = report("products/delete", r#"{"id":788032119674292922}"#);
    assert_eq!(deleted.content, Content::Product(Product { thin: true, ..Product::default() }));
    assert_eq!(deleted.happened, Happened::Deleted);
}

#[test]
fn a_product_has_as_many_variants_and_images_as_shopify_allows() {
    let json = |variants: usize, images: usize| {
        let variants = (1..=variants).map(|id| format!(r#"{{"id":{id}}}"#)).collect::<Vec<_>>().join(",");
        let images = vec![r#"{"src":"https://a.b/c.png"}"#; images].join(",");
        format!(r#"{{"id":1,"title":"Storm","variants":[{variants}],"images":[{images}]}}"#)
    };
    for (variants, images, expected) in [(2_048, 250, (2_048, 250)), (2_049, 251, (2_048, 250)), (0, 0, (0, 0))] {
        let Content::Product(product) = report("products/update", &json(variants, images)).content else { panic!() };
        assert_eq!((product.variants.len(), product.images.len()), expected);
    }
}

#[test]
fn a_collection_is_reported_and_its_deletion_has_no_title() {
    let json = r#"{"id":408372092144951419,"handle":"leads","title":"Leads","updated_at":"2026-11-21T15:00:00Z",
        "admin_graphql_api_id":"gid://shopify/Collection/408372092144951419","sort_order":null,"published_scope":"web"}"#;
    for (topic, json, happened, title) in [
        ("collections/create", json.to_owned(), Happened::Created, Some("Leads")),
        ("collections/update", json.to_owned(), Happened::Updated, Some("Leads")),
        ("collections/delete", json.to_owned(), Happened::Updated, Some("Leads")),
        ("collections/delete", json.replace(r#""title":"Leads","#, ""), Happened::Deleted, None),
    ] {
        let report = report(topic, &json);
        let content = Content::Collection(Collection { title: title.map(str::to_owned) });
        assert_eq!((report.happened, report.content), (happened, content), "{topic}");
        assert_eq!(report.changed_at, "2026-11-21T15:00:00Z".parse().ok());
    }
}

#[test]
fn a_variant_that_the_body_leaves_out_is_named_by_its_gid() {
    let gid =
        |id: &str| format!(r#"{{"admin_graphql_api_id":"gid://shopify/{id}","updated_at":"2026-11-21T15:00:00Z"}}"#);
    let gids =
        ["ProductVariant/1", "ProductVariant/2", "Product/3", "ProductVariant/", "ProductVariant/x"].map(gid).join(",");
    let json = format!(r#"{{"id":7,"variants":[{{"id":1}}],"variant_gids":[{gids},null,5]}}"#);
    let Content::Product(product) = report("products/update", &json).content else { panic!("it is a product") };
    assert_eq!((product.variants.len(), product.left_out), (1, vec!["2".to_owned()]));
}

#[test]
fn stock_is_of_an_item_at_a_location_and_null_where_it_is_not_counted() {
    for (topic, rest, available) in [
        ("inventory_levels/update", r#","available":12,"updated_at":"2026-11-21T15:00:00Z""#, Some(12)),
        ("inventory_levels/connect", r#","available":-2,"updated_at":"2026-11-21T15:00:00Z""#, Some(-2)),
        ("inventory_levels/update", r#","available":null,"updated_at":null"#, None),
        ("inventory_levels/disconnect", "", None),
        // As the newer headers name it.
        ("inventorylevels/updated", r#","available":0"#, Some(0)),
    ] {
        let json = format!(r#"{{"inventory_item_id":271878346596884015,"location_id":24826418{rest}}}"#);
        let report = report(topic, &json);
        assert_eq!(report.resource_id, "271878346596884015@24826418");
        assert_eq!(report.happened, Happened::Updated);
        let stock = Stock {
            inventory_item_id: Some("271878346596884015".to_owned()),
            location_id: Some("24826418".to_owned()),
            uncounted: rest.contains("null"),
            available,
            ..Stock::default()
        };
        assert_eq!(report.content, Content::Stock(stock), "{topic} {json}");
    }
    for json in [r#"{"inventory_item_id":1,"available":3}"#, r#"{"location_id":1,"available":3}"#, "{}"] {
        assert!(reports("inventory_levels/update", json).is_empty(), "{json}");
    }
}

#[test]
fn a_customer_is_reported_by_the_id_alone_and_known_apart() {
    let json = r#"{"id":706405506930370084,"admin_graphql_api_id":"gid://shopify/Customer/706405506930370084","created_at":"2026-11-20T15:00:00Z",
        "updated_at":"2026-11-21T15:00:00Z","email":"bob@biller.com","first_name":"Bob","last_name":"Biller","phone":null}"#;
    for (topic, happened) in [
        ("customers/create", Happened::Created),
        ("customers/update", Happened::Updated),
        ("customers/enable", Happened::Updated),
        ("customers/delete", Happened::Updated),
    ] {
        let report = report(topic, json);
        assert_eq!((report.happened, report.content), (happened, Content::Customer {}), "{topic}");
        let expected = StoreCustomer {
            id: Some("706405506930370084".to_owned()),
            email: Some("bob@biller.com".to_owned()),
            name: Some("Bob Biller".to_owned()),
            username: None,
        };
        assert!(customer(topic, json) == Some(expected), "{topic}");
    }
    let deleted = r#"{"id":706405506930370084,"phone":null,"addresses":[],"tax_exemptions":[],
        "admin_graphql_api_id":"gid://shopify/Customer/706405506930370084"}"#;
    assert_eq!(report("customers/delete", deleted).happened, Happened::Deleted);
}

#[test]
fn a_checkout_is_completed_by_its_body() {
    let json = |completed: &str| {
        format!(
            r#"{{"id":981820079255243537,"token":"123123123","cart_token":"eeafa272cebfd4b22385bc4b645e762c","email":"bob@biller.com",
            "completed_at":{completed},"updated_at":"2026-11-21T15:00:00Z","currency":"USD","total_price":"398.00","order_id":118,
            "abandoned_checkout_url":"https://a.b/recover","note_attributes":[{{"name":"session_id","value":"sess_1"}},
            {{"name":"ndsp_username","value":"max"}}],"line_items":[],"customer":null,
            "billing_address":{{"first_name":"Bob","last_name":"Biller"}}}}"#
        )
    };
    for (topic, completed_at, completed) in
        [("checkouts/update", r#""2026-11-21T15:00:00Z""#, true), ("checkouts/create", "null", false)]
    {
        let report = report(topic, &json(completed_at));
        let checkout = Checkout {
            completed,
            session_id: Some("sess_1".to_owned()),
            order_id: Some("118".to_owned()),
            total: Some(money(39_800, "USD")),
        };
        assert_eq!(report.resource_id, "981820079255243537");
        assert_eq!((report.happened, report.content), (Happened::Updated, Content::Checkout(checkout)));
    }
    let buyer = customer("checkouts/update", &json("null")).unwrap();
    assert_eq!((buyer.id, buyer.email.as_deref()), (None, Some("bob@biller.com")));
    assert_eq!((buyer.name.as_deref(), buyer.username.as_deref()), (Some("Bob Biller"), Some("max")));
    let of_token = r#"{"token":"123123123","abandoned_checkout_url":"https://a.b"}"#;
    assert_eq!(report("checkouts/update", of_token).resource_id, "123123123");
}

#[test]
fn no_topic_makes_another_thing_of_a_body() {
    let product = r#"{"id":1,"title":"Storm","admin_graphql_api_id":"gid://shopify/Product/1"}"#;
    let draft =
        r#"{"id":1,"completed_at":"2026-11-21T15:00:00Z","invoice_url":"https://a.b","order_id":2,"line_items":[]}"#;
    for (topic, json) in [
        ("products/update", ORDER),
        ("customers/update", ORDER),
        ("checkouts/update", ORDER),
        ("collections/update", product),
        ("customers/update", r#"{"id":1,"title":"Storm","variants":[]}"#),
        ("customers/update", r#"{"id":1,"line_items":[],"customer":{}}"#),
        ("checkouts/update", draft),
        ("products/update", draft),
        ("products/update", r#"{"id":1,"order_id":2,"refund_line_items":[]}"#),
        ("customers/update", r#"{"id":1,"order_id":2,"tracking_number":"1"}"#),
        ("orders/updated", product),
        ("orders/edited", r#"{"order_edit":{"id":1,"order_id":2}}"#),
        ("refunds/create", r#"{"id":1,"order_id":2,"refund_line_items":[{"subtotal":1.0}]}"#),
        ("fulfillments/create", r#"{"id":1,"order_id":2,"line_items":[]}"#),
        ("carts/update", r#"{"id":"eeafa272","token":"eeafa272","line_items":[]}"#),
        ("themes/publish", product),
        ("app/uninstalled", r#"{"id":1,"name":"Shop","email":"a@b.c"}"#),
        ("customers/redact", r#"{"id":1,"shop_id":1,"customer":{"id":2},"orders_to_redact":[3]}"#),
        ("customers/redact", r#"{"shop_id":1,"customer":{"id":2},"orders_to_redact":[3]}"#),
        ("customers/update", r#"{"email":"a@b.c"}"#),
        ("products/update", r#"{"id":1,"id":2,"title":"Storm"}"#),
        ("products/update", r#"{"id":1,"title":"Storm","variants":[{"id":1,"price":"1","price":"2"}]}"#),
        ("products/update", "[]"),
        ("products/update", "7"),
    ] {
        assert_eq!(reports(topic, json), [], "{topic} {json}");
    }
    assert!(customer("customers/redact", r#"{"id":1,"email":"a@b.c","shop_id":1,"customer":{"id":2}}"#).is_none());
    assert!(customer("products/update", product).is_none() && customer("themes/publish", "{}").is_none());
    // Without a topic, nothing is guessed.
    for json in [r#"{"id":1,"title":"Storm"}"#, r#"{"id":1}"#, r#"{"inventory_item_id":1,"location_id":2}"#] {
        assert!(crate::of(Provider::Shopify).reports_in(None, json.as_bytes()).is_empty(), "{json}");
    }
}
