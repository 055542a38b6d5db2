//! Connecting stores: what a merchant is shown, which secrets count, and mappings from a file.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::{desk, said};
use crate::app::{Shop, TestApp, text};
use crate::engines::on_each_engine;
use crate::orders;
use crate::process::printed;

on_each_engine! {
    async fn what_is_created_says_how_to_go_on(app: &TestApp) {
        let admin = desk(app, &app.admin.api_key);
        let opened = admin.printed(&["accounts", "create", "--name", "Rain Audio"]).await;
        assert!(opened.contains("cloud-bridge integrations create"), "{opened}");
        let line = opened.lines().find_map(|line| line.trim().strip_prefix("export CLOUD_BRIDGE_API_KEY=")).unwrap();
        let person = desk(app, line);
        let made = person.printed(&["integrations", "create", "--provider", "generic", "--name", "My shop"]).await;
        let value = |name: &str| {
            let start = format!("export {name}=");
            made.lines().find_map(|line| line.trim().strip_prefix(&start)).unwrap_or_else(|| panic!("{name} in {made}"))
        };
        assert!(value("WEBHOOK_URL").ends_with(value("INTEGRATION_ID")) && value("SECRET").starts_with("whsec_"), "{made}");
        assert!(made.contains("cloud-bridge mappings add \"$INTEGRATION_ID\""), "{made}");
        assert_eq!(person.json(&["mappings", "list", value("INTEGRATION_ID")]).await, json!([]));
        let key = person.printed(&["keys", "create", "--name", "plugin"]).await;
        assert!(key.contains("export CLOUD_BRIDGE_API_KEY=cb_live_"), "{key}");
    }

    async fn a_shopify_store_signs_with_the_secret_that_it_shows(app: &TestApp) {
        let merchant = app.merchant().await;
        let person = desk(app, &merchant.key);
        let create = ["integrations", "create", "--provider", "shopify", "--name", "My shop"];
        let made = person.printed(&create).await;
        assert!(!made.contains("whsec_") && made.contains("Shopify signs with a secret of its own"), "{made}");
        assert!(made.contains("integrations set-secret \"$INTEGRATION_ID\""), "{made}");
        let flowing = made.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains("answered with 500 and not taken (`secret_missing`)"), "{made}");
        assert!(flowing.contains("--environment development") && !flowing.contains("with 401"), "{made}");
        assert_eq!(person.json(&create).await["signingSecret"], Value::Null);
        let given = person.run_with(&[&create[..], &["--secret-stdin"]].concat(), "shpss_0123456789\n").await;
        let given = printed(&given);
        assert!(!given.contains("shpss_") && given.contains("mappings add"), "{given}");
        let id = text(&person.json(&["integrations", "list"]).await["nodes"][2]["id"]);
        let shop = Shop {
            merchant: merchant.clone(), provider: Provider::Shopify, id: id.clone(), secret: "shpss_0123456789".to_owned(),
        };
        shop.post(&orders::shopify(1, "never_follows", &["STORM"])).await.accepted("queued");

        // The one before stays valid, as long as the store may still sign with it.
        let newer = Shop { secret: "shpss_another_one".to_owned(), ..shop.clone() };
        let set = printed(&person.run_with(&["integrations", "set-secret", &id], &newer.secret).await);
        assert!(set.contains("valid for 24 more hours"), "{set}");
        shop.post(&orders::shopify(2, "never_follows", &["STORM"])).await.accepted("queued");
        newer.post(&orders::shopify(3, "never_follows", &["STORM"])).await.accepted("queued");
        let newest = Shop { secret: "shpss_the_third_one".to_owned(), ..shop.clone() };
        let set = person.run_with(&["integrations", "set-secret", &id, "--at-once"], &newest.secret).await;
        assert!(printed(&set).contains("void"));
        newer.post(&orders::shopify(4, "never_follows", &["STORM"])).await.refused(401, "wrong_signature");
        newest.post(&orders::shopify(5, "never_follows", &["STORM"])).await.accepted("queued");
    }

    async fn a_short_secret_is_warned_of_and_a_filter_that_is_not_there_is_not_explained(app: &TestApp) {
        let merchant = app.merchant().await;
        let person = desk(app, &merchant.key);
        let create = ["integrations", "create", "--provider", "woocommerce", "--name", "My shop"];
        let made = person.run_with(&[&create[..], &["--secret-stdin"]].concat(), "abc").await;
        assert!(said(&made).contains("Warning: a signing secret of fewer than"), "{}", said(&made));
        assert!(printed(&made).contains("--order-status any"));
        let every = person.wide(80).printed(&[&create[..], &["--order-status", "any"]].concat()).await;
        assert!(every.contains("every status") && !every.contains("--order-status any"), "{every}");
        let generic = person.printed(&["integrations", "create", "--provider", "generic", "--name", "x"]).await;
        assert!(!generic.contains("--order-status any"), "{generic}");
        for line in every.lines().filter(|line| !line.contains("http") && !line.contains("export")) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    async fn shopify_is_given_no_secret_of_ours(app: &TestApp) {
        let merchant = app.merchant().await;
        let person = desk(app, &merchant.key);
        let shop = merchant.shop(Provider::Shopify).await;
        let refused = person.refused(&["integrations", "rotate-secret", &shop.id, "--overlap-hours", "0"]).await;
        assert!(refused.contains("a secret of its own") && refused.contains("set-secret"), "{refused}");
        shop.post(&orders::shopify(1, "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        for name in ["\u{200b}", "https://evil.example/max", " @ "] {
            let refused = person.refused(&["deliveries", "retry", "1", "--username", name]).await;
            assert!(refused.contains("username") && !refused.contains("queued now"), "{name:?}: {refused}");
        }
        let address = "cortex.neuraldsp.com/user/mutual_max";
        person.printed(&["deliveries", "retry", "1", "--username", address]).await;
        app.settle().await;
        assert!(person.printed(&["deliveries", "show", "1"]).await.contains("completed"));
    }

    async fn a_status_that_no_order_of_the_store_has_is_warned_of(app: &TestApp) {
        let merchant = app.merchant().await;
        let person = desk(app, &merchant.key);
        let shop = merchant.bare_shop(Provider::Shopify, &[]).await;
        let update = async |statuses: &str| person.run(&["integrations", "update", &shop.id, "--order-status", statuses]).await;
        let misspelt = update("paid,partialy_refunded").await;
        assert!(misspelt.status.success() && said(&misspelt).contains("no order the status partialy_refunded"), "{}", said(&misspelt));
        assert!(!said(&update("paid,partially_refunded").await).contains("Warning"));
        let create = ["integrations", "create", "--provider", "woocommerce", "--name", "W", "--order-status", "complete"];
        assert!(said(&person.run(&create).await).contains("no order the status complete."));
        let generic = ["integrations", "create", "--provider", "generic", "--name", "G", "--order-status", "whatever"];
        assert!(!said(&person.run(&generic).await).contains("Warning"));
    }

    async fn an_integration_is_deactivated_by_who_means_it(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let person = desk(app, &merchant.key);
        let refused = person.refused(&["integrations", "deactivate", &shop.id]).await;
        assert!(refused.contains("--yes") && refused.contains("nothing was deactivated"), "{refused}");
        shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let deactivated = person.printed(&["integrations", "deactivate", &shop.id, "--yes"]).await;
        assert!(deactivated.contains("deactivated") && deactivated.contains("waits until it is activated"), "{deactivated}");
        let shown = person.printed(&["deliveries", "explain", "1"]).await;
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains("It waits (ndsp_waiting), and its integration is deactivated"), "{shown}");
        shop.post(&orders::generic("2", "never_follows", &["STORM"])).await.refused(404, "unknown_integration");
    }

    async fn mappings_come_from_a_file_and_go_to_one(app: &TestApp) {
        let merchant = app.merchant().await;
        let (one, other) = (merchant.bare_shop(Provider::Generic, &[]).await, merchant.bare_shop(Provider::Generic, &[]).await);
        let person = desk(app, &merchant.key);
        let mut mappings = vec![
            json!({ "matchType": "sku", "externalRef": "STORM", "resourceType": "preset", "resourceId": "storm" }),
            json!({ "matchType": "productId", "externalRef": "7", "resourceType": "capture", "resourceId": "rain" }),
            json!({ "matchType": "TITLE", "externalRef": "Rain – lead", "resourceType": "PRESET", "resourceId": "lead" }),
        ];
        // More than the server takes at a time.
        mappings.extend((0..120).map(|n| {
            json!({ "matchType": "variant_id", "externalRef": n.to_string(), "resourceType": "preset", "resourceId": "v" })
        }));
        let file = app.databases.folder().join("mappings.json");
        std::fs::write(&file, Value::from(mappings.clone()).to_string()).unwrap();
        let path = file.to_str().unwrap();
        assert_eq!(person.json(&["mappings", "import", &one.id, path]).await, json!({ "added": 123, "known": 0, "pastOrders": 0 }));
        let again = person.printed(&["mappings", "import", &one.id, path]).await;
        assert_eq!(again, "0 mappings were added; 123 had been there before.\n");

        let exported = person.printed(&["mappings", "export", &one.id]).await;
        let objects: Vec<Value> = serde_json::from_str(&exported).unwrap();
        assert_eq!(objects[0], mappings[0], "as it was written");
        assert_eq!((&objects[2]["matchType"], &objects[3]["matchType"]), (&json!("title"), &json!("variantId")));
        let imported = person.run_with(&["--json", "mappings", "import", &other.id], &exported).await;
        assert_eq!(serde_json::from_str::<Value>(&printed(&imported)).unwrap()["added"], json!(123));
        assert_eq!(person.printed(&["mappings", "export", &other.id]).await, exported);
        let listed = person.json(&["mappings", "list", &other.id]).await;
        assert_eq!((&listed[1]["matchType"], &listed[1]["resourceType"]), (&json!("productId"), &json!("capture")));
        let shown = person.printed(&["mappings", "list", &other.id]).await;
        assert!(shown.contains("productId") && !shown.contains("product_id"), "{shown}");
        let alone = r#"{ "matchType": "variantId", "externalRef": 7891234567890, "resourceType": "preset", "resourceId": "v" }"#;
        let imported = printed(&person.run_with(&["mappings", "import", &other.id], alone).await);
        assert_eq!(imported, "1 mapping was added; 0 had been there before.\n");
        let added = person.json(&["mappings", "add", &other.id, "--sku", "NEW", "--preset", "new"]).await;
        assert_eq!((&added["matchType"], &added["resourceType"]), (&json!("sku"), &json!("preset")));

        // All of it is read before anything is added.
        mappings[1]["matchType"] = json!("colour");
        mappings[0]["externalRef"] = json!("ANOTHER");
        let bad = person.run_with(&["mappings", "import", &one.id], &Value::from(mappings).to_string()).await;
        assert!(!bad.status.success() && said(&bad).contains("mapping 2") && said(&bad).contains("productId"), "{}", said(&bad));
        assert!(!person.printed(&["mappings", "export", &one.id]).await.contains("ANOTHER"));
    }

    async fn an_address_says_whether_it_leads_to_a_preset_or_a_capture(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        let person = desk(app, &merchant.key);
        let address = "https://cloud.neuraldsp.com/cloud/u/max/neural-capture/view/1f-2e";
        let added = person.printed(&["mappings", "add", &shop.id, "--sku", "A", "--preset", address]).await;
        assert!(added.contains("the capture 1f-2e is delivered"), "{added}");
        let added = person.json(&["mappings", "add", &shop.id, "--sku", "B", "--capture", "https://x.y/preset/view/9"]).await;
        assert_eq!((&added["resourceType"], &added["resourceId"]), (&json!("preset"), &json!("9")));
    }
}
