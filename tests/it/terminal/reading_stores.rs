//! What people are shown of stores that publish, and of those whose orders are read: what was published, what changed in the
//! catalogue, and what to do where a store cannot be read or its signature does not fit.

use domain::integration::Provider;
use serde_json::json;

use super::{desk, said};
use crate::app::{Shop, TestApp, text};
use crate::engines::on_each_engine;
use crate::publishing::order;
use crate::thin_orders::ThinShop;

/// As it reads, however its lines are broken.
fn flat(printed: &str) -> String {
    printed.split_whitespace().collect::<Vec<_>>().join(" ")
}

on_each_engine! {
    async fn what_a_webhook_published_stands_beside_it(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        let body = order(Provider::Shopify, 5001, true, "2026-03-10T09:00:00Z");
        shop.post_bytes(body.to_string().into_bytes(), &[("x-shopify-topic", "orders/create")]).await;
        app.settle().await;
        let listed = desk(app, &merchant.key).printed(&["webhooks", "list", "--order", "5001"]).await;
        let row = listed.lines().nth(1).unwrap_or_else(|| panic!("a row in {listed}"));
        for words in ["commerce", "published order.created, order.paid", "#1042"] {
            assert!(row.contains(words), "{words} in {listed}");
        }
    }

    async fn changes_of_the_catalogue_are_listed_from_where_a_list_was_complete(app: &TestApp) {
        let merchant = app.merchant().await;
        crate::catalogue::a_day_of_publishing_of(app, &merchant).await;
        let person = desk(app, &merchant.key);
        let complete_to = text(&person.json(&["products", "list"]).await["completeTo"]);
        let nothing = person.printed(&["products", "list", "--since", &complete_to]).await;
        assert!(nothing.contains("Nothing has changed") && nothing.contains(&format!("--since {complete_to}")), "{nothing}");
        let changed = person.printed(&["products", "list", "--since", "0"]).await;
        assert!(changed.contains("Storm") && changed.contains(&format!("--since {complete_to}")), "{changed}");
        assert!(person.printed(&["products", "list", "--since", "2026-01-01"]).await.contains("Storm"));
        let ahead = person.refused(&["products", "list", "--since", "999999999"]).await;
        assert!(ahead.contains("is ahead of the catalogue"), "{ahead}");
    }

    async fn a_wrong_signature_of_square_is_looked_for_in_the_address_first(app: &TestApp) {
        let merchant = app.merchant().await;
        for (provider, is_of_address) in [(Provider::Square, true), (Provider::Shopify, false)] {
            let shop = merchant.bare_shop(provider, &[]).await;
            let stranger = Shop { secret: "whsec_of_somebody_else".to_owned(), ..shop.clone() };
            stranger.post(&json!({ "id": 1 })).await.refused(401, "wrong_signature");
            let listed = flat(&desk(app, &merchant.key).printed(&["webhooks", "list", "--integration", &shop.id]).await);
            assert!(listed.contains("wrong_signature: "), "{listed}");
            assert_eq!(listed.contains("`notificationUrl` of the integration"), is_of_address, "{listed}");
        }
        let both = flat(&desk(app, &merchant.key).printed(&["webhooks", "list"]).await);
        assert!(both.contains("`notificationUrl`") && both.contains("signs with another secret"), "{both}");
    }

    async fn a_store_is_named_only_where_its_token_does_not_say_which_it_is(app: &TestApp) {
        let merchant = app.merchant().await;
        let square = merchant.bare_shop(Provider::Square, &[]).await;
        let person = desk(app, &merchant.key);
        let document = "mutation ($input: SaveStoreAccessInput!) {
            saveStoreAccess(input: $input) { integration { id } userErrors { code field message } } }";
        let input = json!({ "integrationId": square.id, "token": "sq-token-0123456789", "store": "L88917AVBK2S5" });
        let refused = merchant.ask(document, json!({ "input": input })).await["saveStoreAccess"]["userErrors"][0].clone();
        assert_eq!((&refused["code"], &refused["field"]), (&json!("INVALID_STORE"), &json!(["input", "store"])));
        let refused = person.run_with(&["integrations", "set-access", &square.id, "--store", "L88917AVBK2S5"], "sq-token-0123456789").await;
        assert!(!refused.status.success() && said(&refused).contains("leave it out"), "{}", said(&refused));
        let saved = person.run_with(&["integrations", "set-access", &square.id], "sq-token-0123456789").await;
        assert!(saved.status.success(), "{}", said(&saved));
    }

    async fn an_order_that_was_read_and_names_what_has_no_mapping_says_so(app: &TestApp) {
        let merchant = app.merchant().await;
        for provider in [Provider::BigCommerce, Provider::Square] {
            let shop = ThinShop::with_access(&merchant, provider).await;
            shop.shop.unmap_all().await;
            let id = shop.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued");
            assert_eq!(shop.shop.settled(&id).await.1.as_deref(), Some("NO_ITEM_MAPPING"));
            let explained = flat(&desk(app, &merchant.key).printed(&["deliveries", "explain", &id]).await);
            assert!(explained.contains("no_item_mapping") && !explained.contains("nothing that was bought"), "{explained}");
        }
    }
}
