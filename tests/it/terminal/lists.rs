//! Lists: what fits a terminal, what their codes mean, and what an empty one says.

use super::{Desk, desk, support};
use crate::app::{Shop, TestApp};
use crate::engines::on_each_engine;
use crate::orders;
use domain::integration::Provider;
use event_log::Position;
use serde_json::json;

/// What a list prints at 80 columns, none of whose lines is longer.
async fn fits(desk: &Desk<'_>, arguments: &[&str]) -> String {
    let text = desk.wide(80).printed(arguments).await;
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{arguments:?} has a line of {} characters: {line}", line.chars().count());
    }
    text
}

on_each_engine! {
    async fn every_table_fits_eighty_columns_and_breaks_no_word(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Shopify, &["paid"]).await;
        let person = desk(app, &merchant.key);
        shop.map("STORM", "storm").await;
        shop.post(&orders::shopify(1042, "", &["STORM"])).await.accepted("queued");
        let mut pending = orders::shopify(1043, "mutual_max", &["STORM"]);
        pending["financial_status"] = json!("authorized");
        shop.post(&pending).await.accepted("failed_permanent");
        shop.post(&orders::shopify(1044, "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;

        let one_store = fits(&person, &["deliveries", "list"]).await;
        for word in ["action_required", "missing_username", "failed_permanent", "order_status_filtered", "completed"] {
            assert!(one_store.contains(word), "{word} in {one_store}");
        }
        assert!(one_store.contains("RECEIVED") && !one_store.contains("STORE"), "{one_store}");
        // A merchant meets the codes here, and reads what they mean.
        for advice in ["missing_username: The order names no Cortex Cloud username.", "order_status_filtered: The order's"] {
            assert!(one_store.contains(advice), "{advice} in {one_store}");
        }
        assert!(!one_store.contains("no_item_mapping"), "only of codes that are there: {one_store}");

        merchant.bare_shop(Provider::Generic, &[]).await;
        let two_stores = fits(&person, &["deliveries", "list"]).await;
        assert!(two_stores.contains("STORE") && two_stores.contains("My shop"), "{two_stores}");
        let piped = person.printed(&["deliveries", "list"]).await;
        assert!(piped.contains("RECEIVED") && piped.contains("ATTEMPTS") && piped.contains("STORE"), "{piped}");

        let integrations = fits(&person, &["integrations", "list"]).await;
        assert!(integrations.contains("My shop") && integrations.contains("shopify"), "{integrations}");
        assert!(integrations.contains("PURPOSE") && integrations.contains(" delivers "), "{integrations}");
        shop.update(json!({ "purpose": "BOTH" })).await;
        let integrations = fits(&person, &["integrations", "list"]).await;
        assert!(integrations.contains(" both "), "{integrations}");
        assert!(fits(&person, &["mappings", "list", &shop.id]).await.contains("storm"));
        assert!(fits(&person, &["keys", "list"]).await.contains("merchant"));
        let events = fits(&person, &["events", "list"]).await;
        assert!(events.contains("integration_created") && events.contains("order_statuses") || events.contains("webhook"));
        let id = person.json(&["deliveries", "list", "--order", "1044"]).await["nodes"][0]["id"].clone();
        let shown = fits(&person, &["events", "show", "delivery", id.as_str().unwrap()]).await;
        assert!(shown.contains("WHAT HAPPENED") && shown.contains("WHO"), "{shown}");
        let admin = desk(app, &app.admin.api_key);
        let accounts = fits(&admin, &["accounts", "list"]).await;
        assert!(accounts.contains("Storm Audio") && accounts.contains("CREDITS"), "{accounts}");
        let shown = fits(&person, &["deliveries", "show", "1044"]).await;
        assert!(shown.contains("WHO") && shown.contains("…"), "{shown}");
        for order in ["1042", "1043"] {
            for command in ["show", "explain"] {
                fits(&person, &["deliveries", command, order]).await;
            }
        }
        let made = person.json(&["keys", "create", "--name", "second"]).await;
        let deactivate = ["keys", "deactivate", made["apiKeyId"].as_str().unwrap(), "--yes", "--reason", "not used"];
        person.printed(&deactivate).await;
        let actions = fits(&admin, &["audit", "actions"]).await;
        for words in ["KEY", "REASON", "WHAT", "not used"] {
            assert!(actions.contains(words), "{words} in {actions}");
        }
        fits(&admin, &["data-requests"]).await;
        fits(&admin, &["projections", "status"]).await;
        fits(&admin, &["processes"]).await;
        let event = app.service().data.log.followed_at(Position::FIRST).await.unwrap().unwrap();
        let reason = "delivery/7f3c2f4e-0b0e-5a55-9e0c-0f6f6a9d1a11 cannot be read";
        app.service().data.log.park("legal_requests", &event, reason, 5, chrono::TimeDelta::hours(1)).await.unwrap();
        let parked = fits(&admin, &["processes", "parked"]).await;
        for words in ["legal_requests", "REASON", "delivery/7f3c2f4e"] {
            assert!(parked.contains(words), "{words} in {parked}");
        }
        app.service().data.log.unpark("legal_requests", Position::FIRST).await.unwrap();
        // The option says the same as the variable.
        assert_eq!(person.printed(&["deliveries", "list", "--columns", "80"]).await, two_stores);
    }

    async fn webhooks_fit_eighty_columns_with_what_to_do_about_them(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Shopify, &[]).await;
        shop.map("STORM", "storm").await;
        let mut order = orders::shopify(1042, "mutual_max", &["STORM"]);
        order["id"] = json!(5_678_901_231_047_u64);
        shop.post(&order).await.accepted("queued");
        app.settle().await;
        order["line_items"][0]["quantity"] = json!(3);
        order["updated_at"] = json!("2027-03-14T12:00:00Z");
        shop.post(&order).await;
        let stranger = Shop { secret: "whsec_of_somebody_else".to_owned(), ..shop.clone() };
        stranger.post(&order).await.refused(401, "wrong_signature");
        shop.update(json!({ "active": false })).await;
        shop.post(&order).await.refused(404, "unknown_integration");
        app.settle().await;

        let person = desk(app, &merchant.key);
        let listed = fits(&person, &["webhooks", "list"]).await;
        for words in ["#1042", "accepted", "wrong_signature", "inactive_integration"] {
            assert!(listed.contains(words), "{words} in {listed}");
        }
        assert!(!listed.contains("TOPIC") && !listed.contains("5678901231047"), "{listed}");
        let flat = listed.split_whitespace().collect::<Vec<_>>().join(" ");
        for sentence in [
            "wrong_signature: The store signs with another secret than the integration has.",
            "set-secret",
            "The sender got: “the signature was not made with the integration's signing secret over this body”",
            "inactive_integration: The integration is deactivated: its webhooks are refused until",
        ] {
            assert!(flat.contains(sentence), "{sentence} in {listed}");
        }
        let whole = person.json(&["webhooks", "list"]).await;
        let numbers: Vec<_> = whole["nodes"].as_array().unwrap().iter().map(|node| &node["orderNumber"]).collect();
        assert!(numbers.contains(&&json!("#1042")) && numbers.contains(&&json!(null)), "{whole}");
        for outcome in ["revised", "stale", "too_late", "revised,stale"] {
            let found = person.json(&["webhooks", "list", "--outcome", outcome]).await;
            let nodes = found["nodes"].as_array().unwrap();
            assert!(nodes.iter().all(|node| node["outcome"] == "REVISED"), "{outcome}: {found}");
        }
    }

    async fn stores_of_one_name_are_distinguished_by_their_accounts(app: &TestApp) {
        let (one, other) = (app.merchant().await, app.merchant().await);
        let mut ids = vec![];
        for merchant in [&one, &other] {
            let shop = merchant.shop(Provider::Generic).await;
            ids.push(shop.post(&orders::generic("1042", "never_follows", &["STORM"])).await.accepted("queued"));
        }
        app.settle().await;
        let sam = desk(app, &support(app).await);
        for (merchant, id) in [(&one, &ids[0]), (&other, &ids[1])] {
            let owner = &merchant.id[..13];
            for list in [&["deliveries", "list"][..], &["webhooks", "list"]] {
                let text = fits(&sam, list).await;
                assert!(text.contains("ACCOUNT") && text.contains(owner), "{list:?}: {text}");
            }
            let refused = sam.refused(&["deliveries", "show", "1042"]).await;
            assert!(refused.contains(&format!("{id}  order 1042 of My shop (Storm Audio ({owner}))")), "{refused}");
            let integrations = sam.json(&["integrations", "list", "--account", owner]).await;
            let owners: Vec<_> = integrations["nodes"].as_array().unwrap().iter().map(|node| &node["account"]["id"]).collect();
            assert_eq!(owners, [&json!(merchant.id)]);
            let own = fits(&desk(app, &merchant.key), &["deliveries", "list"]).await;
            assert!(!own.contains("ACCOUNT") && own.contains("CODE"), "{own}");
        }
        let erase = ["erase", "--order", "1042", "--reason", "a test"];
        let asked = sam.refused(&erase).await;
        assert!(asked.contains("ACCOUNT") && asked.contains(&one.id[..13]), "{asked}");
        let foreign = desk(app, &one.key).refused(&["integrations", "list", "--account", &other.id]).await;
        assert!(foreign.contains("FORBIDDEN") || foreign.contains("may not"), "{foreign}");
    }

    async fn one_long_value_leaves_the_important_columns(app: &TestApp) {
        let merchant = app.merchant().await;
        let long = "ORDER-2026-11-28-0000000000000001042";
        for name in ["My shop", &"a".repeat(60)] {
            let shop = merchant.bare_shop(Provider::Generic, &[]).await;
            shop.update(json!({ "name": name })).await;
            shop.post(&orders::generic(long, "mutual_max", &["STORM"])).await.accepted("queued");
        }
        merchant.ask("mutation { deleteCortexCredentials { userErrors { code } } }", json!({})).await;
        app.settle().await;
        let person = desk(app, &merchant.key);
        let listed = fits(&person, &["deliveries", "list"]).await;
        for words in ["STORE", "STATUS", "CODE", "action_required", "no_item_mapping", "ORDER-20…0001042", "My shop"] {
            assert!(listed.contains(words), "{words} in {listed}");
        }
        assert!(person.printed(&["deliveries", "list"]).await.contains(long), "a pipe gets them whole");
        fits(&person, &["webhooks", "list"]).await;
        fits(&person, &["integrations", "list"]).await;
        let admin = desk(app, &app.admin.api_key);
        let events = fits(&admin, &["events", "list"]).await;
        assert!(events.contains("cortex_credentials_deleted"), "{events}");
        fits(&admin, &["audit", "verify"]).await;
        fits(&admin, &["audit", "checkpoint"]).await;
        fits(&admin, &["audit", "verify"]).await;
    }

    async fn an_empty_list_says_so_and_what_to_do_next(app: &TestApp) {
        let merchant = app.bare_merchant(5, 0).await;
        let person = desk(app, &merchant.key);
        for (arguments, next) in [
            (&["deliveries", "list"][..], "webhooks list"),
            (&["deliveries", "list", "--order", "1042"], "webhooks list"),
            (&["deliveries", "list", "--status", "completed"], "without options"),
            (&["integrations", "list"], "integrations create"),
            (&["deliveries", "list", "--order", "1042"], "unusable"),
            (&["webhooks", "list"], "webhookUrl"),
            (&["data-requests"], "customers/data_request"),
        ] {
            let text = fits(&person, arguments).await;
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(next) && !text.contains("ID "), "{arguments:?}: {text}");
        }
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        let text = person.printed(&["mappings", "list", &shop.id]).await;
        assert!(text.contains("mappings add"), "{text}");
        let sam = desk(app, &support(app).await);
        let text = sam.printed(&["deliveries", "list", "--customer", "unknown@music.com", "--reason", "a test"]).await;
        assert!(text.contains("No delivery is known by this customer"), "{text}");
    }

    async fn what_trying_again_cannot_help_is_not_tried_again(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let mut nameless = orders::shopify(1, "", &["STORM"]);
        nameless["note"] = json!("");
        let shopify = merchant.shop(Provider::Shopify).await;
        let id = shopify.post(&nameless).await.accepted("queued");
        shop.post(&orders::generic("2", "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let person = desk(app, &merchant.key);
        let head = app.service().data.log.newest().await.unwrap();
        let refused = person.refused(&["deliveries", "retry", "--code", "missing_username", "--yes"]).await;
        assert!(refused.contains("cannot help") && refused.contains("--username NAME"), "{refused}");
        assert_eq!(app.service().data.log.newest().await.unwrap(), head, "nothing was recorded");
        // Asked for by its code, an order of a status that is never delivered is said to stay before anything is done.
        // Names that no random id ends with.
        for (id, status) in [("of-voided", "voided"), ("of-pending", "pending")] {
            let mut filtered = orders::generic(id, "never_follows", &["STORM"]);
            filtered["orderStatus"] = json!(status);
            shop.update(json!({ "orderStatuses": ["paid"] })).await;
            shop.post(&filtered).await.accepted("failed_permanent");
        }
        app.settle().await;
        let preview = person.refused(&["deliveries", "retry", "--code", "order_status_filtered"]).await;
        assert!(preview.contains("1 delivery would go back") && preview.contains("1 delivery would not"), "{preview}");
        assert!(preview.contains("of-pending") && !preview.contains("of-voided"), "{preview}");
        let none = person.refused(&["deliveries", "retry", "--code", "invalid_username", "--yes"]).await;
        assert!(none.contains("no delivery fits"), "{none}");
        assert_eq!(person.json(&["deliveries", "retry", &id, "--username", "mutual_max"]).await["id"], json!(id));
    }
}
