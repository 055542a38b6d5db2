//! What holds of the definition of every platform, and that the documents say the same.

use std::collections::BTreeSet;

use domain::commerce::CommerceEventType;
use domain::resource::ResourceKind;

use super::*;

const STORES: &str = include_str!("../../docs/stores.md");
const SCHEMA: &str = include_str!("../../schema.graphql");

/// What stands between backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_provider_has_a_definition_of_its_own() {
    let mut names = BTreeSet::new();
    for provider in Provider::iter() {
        assert_eq!(of(provider).provider(), provider);
        assert!(names.insert(of(provider).name()), "{provider:?} has the name of another");
    }
    assert_eq!(all().count(), Provider::iter().count());
}

#[test]
fn who_chooses_the_secret_is_the_same_for_the_domain_and_for_merchants() {
    for platform in all() {
        assert_eq!(platform.own_secret().is_some(), platform.provider().chooses_secret(), "{}", platform.name());
    }
}

#[test]
fn what_is_delivered_by_default_is_a_status_that_the_platform_gives() {
    for platform in all() {
        let defaults = platform.default_order_statuses();
        let owned: Vec<String> = defaults.iter().map(|status| (*status).to_owned()).collect();
        assert!(platform.unknown_order_statuses(&owned).is_empty(), "{defaults:?}");
        // As it is recorded with a creation, and compared with ever after.
        assert!(platform.provider().default_order_statuses().is_sorted(), "{defaults:?}");
    }
    let wanted = ["paid", " Pending ", "complete"].map(str::to_owned);
    assert_eq!(of(Provider::Shopify).unknown_order_statuses(&wanted), ["complete"]);
    assert_eq!(of(Provider::WooCommerce).unknown_order_statuses(&wanted), ["paid", "complete"]);
    assert!(of(Provider::Generic).unknown_order_statuses(&wanted).is_empty());
}

#[test]
fn no_header_that_gives_access_is_recorded() {
    for name in all().flat_map(Platform::recorded_headers) {
        let is_secret =
            ["signature", "hmac", "key", "token", "authorization", "cookie"].iter().any(|part| name.contains(part));
        assert!(!is_secret && *name == name.to_ascii_lowercase(), "{name}");
    }
}

#[test]
fn every_platform_refuses_what_is_not_signed_and_one_says_that_it_did_not() {
    let headers = http::HeaderMap::new();
    for platform in all() {
        let received = tests::received(&headers, b"{}");
        assert_eq!(platform.verify(&received, &["a secret"]), Err(SignatureRefusal::Missing), "{}", platform.name());
        assert!(!platform.is_signed(&headers), "{}", platform.name());
    }
    let accepting: Vec<_> = all().filter(|platform| platform.accepts_refused()).map(Platform::provider).collect();
    assert_eq!(accepting, [Provider::BigCommerce]);
}

#[test]
fn what_a_platform_sends_of_a_purchase_is_understood() {
    let lead = Product { sku: "STORM-LEAD-V2", title: "Storm Drive Lead Preset" };
    let drive = Product { sku: "", title: "Storm Drive" };
    for platform in all() {
        for happened in [Happened::Created, Happened::Paid] {
            let purchase =
                Purchase { username: Some("mutual_max"), products: &[lead, drive], status: "paid", happened };
            let Sample { topic, body } = platform.sample("1042", &purchase);
            let parsed = platform.interpret(topic.map(|(_, topic)| topic), &body);
            let order = match (parsed, platform.order_api()) {
                (Ok(Parsed::Order(order)), None) => order,
                (Ok(Parsed::ThinOrder(named)), Some(api)) => read_at(api, &named, &purchase),
                (parsed, _) => panic!("{}: {parsed:?}", platform.name()),
            };
            assert_eq!(order.username.as_deref(), Some("mutual_max"));
            // Of what Square sells only the catalogue knows the SKU.
            let sku = Some(lead.sku).filter(|_| platform.provider() != Provider::Square);
            assert_eq!((order.items[0].sku.as_deref(), order.items[0].title.as_deref()), (sku, Some(lead.title)));
            assert_eq!((order.items[1].sku.as_deref(), order.items[1].title.as_deref()), (None, Some(drive.title)));
        }
    }
}

/// Reads an order as the service does: a request for each step, until the API says that it has all.
fn read_at(api: &dyn OrderApi, named: &ThinOrder, purchase: &Purchase<'_>) -> StoreOrder {
    assert_eq!(named.order_id, "1042");
    let order = OrderReference { store: Some("abc123"), order_id: &named.order_id };
    let prepared = api.sample_responses(&order, purchase);
    let mut responses: Vec<&[u8]> = vec![];
    loop {
        match api.next(&order, &responses) {
            Ok(OrderStep::Request { path }) => responses.push(prepared.get(responses.len()).expect(&path)),
            Ok(OrderStep::Order(order)) => {
                assert_eq!((order.order_id.as_str(), responses.len()), ("1042", prepared.len()));
                return *order;
            }
            Err(malformed) => panic!("{malformed}"),
        }
    }
}

/// The table of docs/stores.md names the platforms, each with its own statuses.
#[test]
fn the_documents_say_what_each_platform_delivers_by_default() {
    let schema = SCHEMA.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut documented = BTreeSet::new();
    let table = STORES.lines().skip_while(|line| !line.starts_with("| provider | delivered")).skip(2);
    for row in table.take_while(|line| line.starts_with('|')) {
        let (name, statuses) = row[1..].split_once('|').expect("a row has two cells");
        let name = name.split('(').next().unwrap_or_default().trim();
        let platform = all().find(|platform| platform.name() == name).expect("only platforms are named");
        let expected: BTreeSet<&str> = platform.default_order_statuses().into_iter().collect();
        assert_eq!(quoted(statuses), expected, "{name}");
        documented.insert(name);
    }
    assert_eq!(documented, all().map(Platform::name).collect());
    for platform in all() {
        let stored = platform.provider().as_str();
        let names = [format!("`{stored}`"), format!("--provider {stored}")];
        assert!(names.iter().any(|name| STORES.contains(name)), "docs/stores.md does not say --provider {stored}");
        let sentence =
            schema.split_once(&format!("of {} ", stored.to_uppercase())).expect("the schema says its default").1;
        let statuses = sentence.split(" of ").next().unwrap_or_default().split('.').next().unwrap_or_default();
        assert_eq!(quoted(statuses), platform.default_order_statuses().into_iter().collect(), "{stored}");
        if platform.own_secret().is_some() {
            let sentence = format!("{} signs with a secret of its own", platform.name());
            assert!(STORES.contains(&sentence), "docs/stores.md does not say: {sentence}");
        }
    }
}

/// A body that a store sends with this webhook, with no more than tells what it is.
fn body_of(provider: Provider, webhook: &str) -> String {
    let is_deletion = webhook.ends_with("/delete") || webhook.ends_with(".deleted");
    let square = webhook.replace('.', "_");
    match provider {
        Provider::Shopify | Provider::WooCommerce if is_deletion => r#"{"id":1}"#.to_owned(),
        Provider::Shopify if webhook.starts_with("inventory_levels") => {
            r#"{"inventory_item_id":1,"location_id":2,"available":3}"#.to_owned()
        }
        Provider::Shopify if webhook.starts_with("checkouts") => {
            r#"{"id":1,"abandoned_checkout_url":"https://a.b","completed_at":"2026-11-21T15:00:00Z"}"#.to_owned()
        }
        Provider::Shopify | Provider::WooCommerce if webhook.starts_with("order") => {
            r#"{"id":1,"line_items":[]}"#.to_owned()
        }
        Provider::WooCommerce if webhook.starts_with("product") => r#"{"id":1,"name":"Storm Drive"}"#.to_owned(),
        Provider::Shopify | Provider::WooCommerce => r#"{"id":1,"email":"fan@example.com"}"#.to_owned(),
        Provider::BigCommerce => format!(
            r#"{{"scope":"{webhook}","data":{{"id":1,"orderId":2,"inventory":{{"product_id":1,"method":"absolute","value":3}}}}}}"#
        ),
        Provider::Square => format!(
            r#"{{"type":"{webhook}","data":{{"id":"1","object":{{"{square}":{{"order_id":"1"}},"customer":{{"id":"1"}},
                "inventory_counts":[{{"catalog_object_id":"V","location_id":"L","state":"IN_STOCK","quantity":"3"}}]}}}}}}"#
        ),
        Provider::Generic => panic!("its events are those of docs/events"),
    }
}

/// The events of a kind of resource, as their names begin.
fn family(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Order => "order.",
        ResourceKind::Product => "product.",
        ResourceKind::Collection => "collection.",
        ResourceKind::Stock => "inventory.",
        ResourceKind::Customer => "customer.",
        ResourceKind::Checkout => "checkout.",
    }
}

/// The table of docs/stores.md names webhooks of each platform, and each of them is published as it says.
#[test]
fn the_documents_say_what_each_webhook_publishes() {
    let mut documented = BTreeSet::new();
    let table = STORES.lines().skip_while(|line| !line.starts_with("| store | webhooks")).skip(2);
    for row in table.take_while(|line| line.starts_with('|')) {
        let [name, webhooks, types] = row.trim_matches('|').splitn(3, '|').collect::<Vec<_>>()[..] else {
            panic!("{row}: a row has three cells")
        };
        let platform = all().find(|platform| platform.name() == name.trim()).expect("only platforms are named");
        let types = quoted(types);
        for webhook in quoted(webhooks) {
            let body = body_of(platform.provider(), webhook);
            let reports = platform.reports_in(Some(webhook), body.as_bytes());
            assert_eq!(reports.len(), 1, "{name}: {webhook}");
            let family = family(reports[0].content.kind());
            assert!(
                types.iter().all(|of| of.starts_with(family)),
                "{name}: {webhook} publishes {family}*, not {types:?}"
            );
            assert!(types.iter().all(|of| CommerceEventType::parse(of).is_some()), "{types:?}");
        }
        documented.insert(platform.provider().as_str());
    }
    assert_eq!(documented, ["bigcommerce", "shopify", "square", "woocommerce"].into_iter().collect());
}

#[test]
fn every_example_reports_what_its_type_is_about() {
    let example =
        Example { number: 77, at: "2026-03-10T09:00:00Z".to_owned(), later: "2026-03-10T09:00:01Z".to_owned() };
    for platform in all() {
        let mut types = 0;
        for of in CommerceEventType::iter() {
            for sample in platform.examples(of, &example).into_iter().flatten() {
                let reports = platform.reports_in(sample.topic.map(|(_, topic)| topic), &sample.body);
                let [report] = &reports[..] else {
                    panic!("{} of {} reports {reports:?}", of.as_str(), platform.name())
                };
                assert!(
                    of.as_str().starts_with(family(report.content.kind())),
                    "{} of {}",
                    of.as_str(),
                    platform.name()
                );
                types += 1;
            }
        }
        let expected = match platform.provider() {
            // One event takes two webhooks.
            Provider::Shopify | Provider::Generic => 15,
            Provider::WooCommerce => 11,
            Provider::BigCommerce => 9,
            Provider::Square => 3,
        };
        assert_eq!(types, expected, "{}", platform.name());
    }
}
