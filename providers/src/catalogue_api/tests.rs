//! What each platform says of what it sells, as its webhooks would have said it.

use domain::commerce::Currency;
use domain::integration::Provider;
use domain::resource::{Content, Happened, Product};
use proptest::prelude::*;

use super::*;
use crate::{Platform, StoreApi, StoreReport, all, of};

fn api(provider: Provider) -> &'static dyn CatalogueApi {
    of(provider).store_api().and_then(StoreApi::catalogue).unwrap()
}

fn path(provider: Provider, cursor: Option<&str>) -> String {
    api(provider).list(Some("abc123"), cursor).unwrap().path
}

/// What is reported of a part, and the cursor of the next.
fn read(provider: Provider, cursor: Option<&str>, body: &str) -> (Vec<StoreReport>, Option<String>) {
    let part = api(provider).listed(body.as_bytes(), cursor).unwrap();
    let platform = of(provider);
    let currency = Currency::parse("USD");
    let reports =
        part.webhooks.iter().flat_map(|(topic, body)| platform.reports_priced_in(Some(topic), body, currency));
    (reports.collect(), part.next)
}

fn product(report: &StoreReport) -> &Product {
    let Content::Product(product) = &report.content else { panic!("{report:?}") };
    product
}

fn is_dated(report: &StoreReport) -> bool {
    report.happened == Happened::Updated && report.changed_at == Some("2026-11-30T12:00:05Z".parse().unwrap())
}

#[test]
fn a_shop_at_woocommerce_has_products_as_its_webhooks_have_them() {
    assert!(path(Provider::WooCommerce, None).contains("/products?per_page=25&page=1"));
    let body = r#"[{"id":7,"name":"Storm &amp; Drive","status":"publish","sku":"STORM","price":"19.00","manage_stock":true,
        "stock_quantity":3,"date_modified_gmt":"2026-11-30T12:00:05","variations":[]}]"#;
    let (reports, next) = read(Provider::WooCommerce, None, body);
    let storm = product(&reports[0]);
    assert!(is_dated(&reports[0]) && next.is_none(), "{reports:?}");
    assert_eq!((reports[0].resource_id.as_str(), storm.title.as_deref()), ("7", Some("Storm & Drive")));
    assert_eq!((storm.variants[0].sku.as_deref(), storm.variants[0].stock), (Some("STORM"), Some(3)));
    let full = format!("[{}]", vec![r#"{"id":7,"name":"x"}"#; 25].join(","));
    assert_eq!(read(Provider::WooCommerce, Some("2"), &full).1.as_deref(), Some("3"));
}

#[test]
fn a_store_at_bigcommerce_has_products_and_then_categories() {
    assert_eq!(
        path(Provider::BigCommerce, Some("2")),
        "/stores/abc123/v3/catalog/products?limit=50&page=2&include=variants,images&sort=id"
    );
    assert_eq!(
        path(Provider::BigCommerce, Some("categories 1")),
        "/stores/abc123/v3/catalog/categories?limit=50&page=1"
    );
    let body = r#"{"data":[{"id":77,"name":"Storm Drive","price":19,"sale_price":15.5,"is_visible":true,"categories":[5],
        "images":[{"url_standard":"https://cdn.example/1.jpg"}],"inventory_tracking":"variant","inventory_level":0,
        "date_modified":"2026-11-30T12:00:05+00:00",
        "variants":[{"id":80,"sku":"STORM-M","price":null,"inventory_level":3,"option_values":[{"label":"Mono"},{"label":"XL"}]},
                    {"id":81,"sku":"","price":25,"inventory_level":0,"option_values":[]}]}],"meta":{}}"#;
    let (reports, next) = read(Provider::BigCommerce, None, body);
    assert_eq!(next.as_deref(), Some("categories 1"));
    let storm = product(&reports[0]);
    assert!(is_dated(&reports[0]) && !storm.thin, "{reports:?}");
    assert_eq!((storm.title.as_deref(), &storm.collections[..]), (Some("Storm Drive"), &["5".to_owned()][..]));
    let [mono, other] = &storm.variants[..] else { panic!("{storm:?}") };
    assert_eq!((mono.sku.as_deref(), mono.title.as_deref(), mono.stock), (Some("STORM-M"), Some("Mono / XL"), Some(3)));
    assert_eq!((mono.price.unwrap().amount, mono.compare_at_price.unwrap().amount), (1_550, 1_900));
    assert_eq!((other.sku.as_deref(), other.price.unwrap().amount, other.compare_at_price), (None, 2_500, None));
    let (reports, next) = read(Provider::BigCommerce, Some("categories 1"), r#"{"data":[{"id":5,"name":"Amps"}]}"#);
    assert!(
        matches!(&reports[0].content, Content::Collection(of) if of.title.as_deref() == Some("Amps")),
        "{reports:?}"
    );
    assert_eq!(next, None);
}

#[test]
fn a_seller_at_square_has_items_with_variations() {
    assert_eq!(path(Provider::Square, None), "/v2/catalog/list?types=ITEM,CATEGORY");
    assert_eq!(path(Provider::Square, Some("a/b")), "/v2/catalog/list?types=ITEM,CATEGORY&cursor=a%2Fb");
    let body = r#"{"objects":[{"type":"ITEM","id":"ITEM1","updated_at":"2026-11-30T12:00:05Z","version":5,
        "item_data":{"name":"Storm Drive","is_archived":false,"categories":[{"id":"C1"}],
        "variations":[{"id":"V1","item_variation_data":{"sku":"STORM","name":"Mono","price_money":{"amount":1900,"currency":"USD"}}}]}},
        {"type":"CATEGORY","id":"C1","category_data":{"name":"Amps"}}],"cursor":"next"}"#;
    let (reports, next) = read(Provider::Square, None, body);
    assert_eq!((reports.len(), next.as_deref()), (2, Some("next")));
    let storm = product(&reports[0]);
    assert!(is_dated(&reports[0]) && reports[0].version == Some(5), "{reports:?}");
    let variant = &storm.variants[0];
    assert_eq!(
        (variant.variant_id.as_str(), variant.sku.as_deref(), variant.price.unwrap().amount),
        ("V1", Some("STORM"), 1_900)
    );
    assert_eq!(read(Provider::Square, Some("next"), "{}"), (vec![], None));
}

#[test]
fn a_shop_at_shopify_has_products_and_then_collections() {
    let body = |cursor: Option<&str>| api(Provider::Shopify).list(None, cursor).unwrap().body.unwrap();
    assert!(body(None).contains("products(first") && body(Some("abc")).contains(r#""after":"abc""#));
    assert!(
        body(Some("collections ")).contains(r#""after":null"#)
            && body(Some("collections x")).contains(r#""after":"x""#)
    );
    let page = |next: &str| {
        format!(
            r#"{{"data":{{"shop":{{"currencyCode":"EUR"}},"products":{{"nodes":[{{"legacyResourceId":"118","title":"Storm &amp; Drive","vendor":"Storm","status":"ACTIVE",
            "onlineStoreUrl":null,"createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-11-30T12:00:05Z",
            "images":{{"nodes":[{{"url":"https://cdn.example/1.png"}}],"pageInfo":{{"hasNextPage":false,"endCursor":null}}}},
            "variants":{{"nodes":[{{"legacyResourceId":"31","sku":"STORM","title":"Mono","price":"9.99","compareAtPrice":"19.99",
            "inventoryQuantity":3,"inventoryItem":{{"legacyResourceId":"41","tracked":true}}}},
            {{"legacyResourceId":"32","sku":null,"title":"Stereo","price":"9.99","compareAtPrice":null,
            "inventoryQuantity":0,"inventoryItem":{{"legacyResourceId":"42","tracked":false}}}}],
            "pageInfo":{{"hasNextPage":false,"endCursor":null}}}}}}],"pageInfo":{next}}}}}}}"#
        )
    };
    let (reports, next) = read(Provider::Shopify, None, &page(r#"{"hasNextPage":true,"endCursor":"abc"}"#));
    assert_eq!(next.as_deref(), Some("abc"));
    let storm = product(&reports[0]);
    assert!(is_dated(&reports[0]) && storm.status.as_deref() == Some("active"), "{reports:?}");
    let [mono, stereo] = &storm.variants[..] else { panic!("{storm:?}") };
    assert_eq!(
        (mono.sku.as_deref(), mono.stock, mono.inventory_item_id.as_deref()),
        (Some("STORM"), Some(3), Some("41"))
    );
    assert_eq!(
        mono.price.map(|price| price.currency),
        Currency::parse("EUR"),
        "as the shop says, whatever was said here"
    );
    assert!(stereo.uncounted && stereo.stock.is_none(), "{stereo:?}");
    let (_, next) = read(Provider::Shopify, Some("abc"), &page(r#"{"hasNextPage":false,"endCursor":"def"}"#));
    assert_eq!(next.as_deref(), Some("collections "));
    let collections = r#"{"data":{"collections":{"nodes":[{"legacyResourceId":"5","title":"Amps","updatedAt":"2026-11-30T12:00:05Z"}],
        "pageInfo":{"hasNextPage":true,"endCursor":"x"}}}}"#;
    let (reports, next) = read(Provider::Shopify, Some("collections "), collections);
    assert!(
        matches!(&reports[0].content, Content::Collection(of) if of.title.as_deref() == Some("Amps"))
            && is_dated(&reports[0])
    );
    assert_eq!(next.as_deref(), Some("collections x"));
}

proptest! {
    #[test]
    fn any_bytes_are_a_part_or_malformed(body in prop::collection::vec(any::<u8>(), 0..80), cursor in "[a-z0-9 ]{0,12}") {
        for api in all().filter_map(<dyn Platform>::store_api).filter_map(StoreApi::catalogue) {
            drop((api.listed(&body, None), api.listed(&body, Some(&cursor))));
        }
    }

    #[test]
    fn no_cursor_changes_the_path(cursor in ".{0,20}") {
        for api in all().filter_map(<dyn Platform>::store_api).filter_map(StoreApi::catalogue) {
            let Ok(request) = api.list(Some("abc123"), Some(&cursor)) else { continue };
            prop_assert!(request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{}", request.path);
        }
    }
}
