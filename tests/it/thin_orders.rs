//! Stores whose webhooks only name an order: it is read at the store before anything is decided about it.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{
    Fault, FaultScript, HoldPoint, NewLine, NewOrder, On, Operation, Platform, Stage, Store,
};
use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{Answer, Merchant, Shop, TestApp};
use crate::delivering::preset;
use crate::engines::on_each_engine;
use crate::erasure::{ERASE, found_in_databases};

const TOKEN: &str = "store-token-0123456789";

/// A store at the other side of the platform's API.
pub(crate) struct ThinShop<'a> {
    pub(crate) shop: Shop<'a>,
    /// As the platform knows it.
    pub(crate) store: String,
}

fn read(provider: Provider) -> Operation {
    if provider == Provider::Square { Operation::SquareOrder } else { Operation::BigCommerceOrder }
}

impl<'a> ThinShop<'a> {
    /// Without access to its API yet. STORM is mapped.
    pub(crate) async fn connect(merchant: &Merchant<'a>, provider: Provider) -> Self {
        let (app, shop) = (merchant.app, merchant.bare_shop(provider, &[]).await);
        shop.update(json!({ "orderStatuses": default_statuses(provider) })).await;
        // Square's orders name variations and no SKUs.
        let map = "mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) { userErrors { code } } }";
        let (kind, reference) =
            if provider == Provider::Square { ("VARIANT_ID", "VARIATION7") } else { ("SKU", "STORM") };
        let mapping = json!({ "integrationId": shop.id, "matchType": kind, "externalRef": reference,
                              "resourceType": "PRESET", "resourceId": "storm" });
        shop.merchant.ask(map, json!({ "input": mapping })).await;
        let store: String = shop.id.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
        let platform = if provider == Provider::Square { Platform::Square } else { Platform::BigCommerce };
        let at_platform = Store { platform, id: store.clone(), token: token_of(&store), webhooks: None };
        app.stores.connect(at_platform).expect("there is room");
        Self { shop, store }
    }

    pub(crate) async fn with_access(merchant: &Merchant<'a>, provider: Provider) -> Self {
        let shop = Self::connect(merchant, provider).await;
        shop.save_access(&token_of(&shop.store)).await;
        // Its webhooks are made first, and what it sells is read: that is not to meet what the story does to its token.
        merchant.app.settle().await;
        shop
    }

    pub(crate) async fn save_access(&self, token: &str) {
        let saved = self.try_access(token, &self.store).await;
        assert_eq!(saved["userErrors"], json!([]), "{saved}");
    }

    async fn try_access(&self, token: &str, store: &str) -> Value {
        let document = "mutation ($input: SaveStoreAccessInput!) {
            saveStoreAccess(input: $input) {
                integration { storeAccess { tokenPreview store } } userErrors { code field } } }";
        let store = (self.shop.provider == Provider::BigCommerce).then_some(store);
        let input = json!({ "integrationId": self.shop.id, "token": token, "store": store });
        self.shop.merchant.ask(document, json!({ "input": input })).await["saveStoreAccess"].clone()
    }

    fn app(&self) -> &'a TestApp {
        self.shop.merchant.app
    }

    pub(crate) fn new_order(username: &str) -> NewOrder {
        NewOrder::of(
            username,
            NewLine {
                sku: Some("STORM".to_owned()),
                title: "Storm Drive".to_owned(),
                variation: None,
                product_id: None,
                variant_id: None,
                quantity: 1,
            },
        )
    }

    /// Places an order, and posts what the platform says of it.
    pub(crate) async fn place(&self, order: NewOrder) -> (String, Answer) {
        let mut order = order;
        if self.shop.provider == Provider::Square {
            for line in &mut order.lines {
                line.variant_id = Some("VARIATION7".to_owned());
            }
        }
        let webhook = self.app().stores.place_order(&self.store, order).expect("an order is placed");
        let answer = self.shop.post_bytes(webhook.body.into_bytes(), &[]).await;
        (webhook.order, answer)
    }

    /// Cancels an order, and posts what the platform says of it.
    pub(crate) async fn cancel(&self, order: &str) -> Answer {
        let webhook = self.app().stores.cancel(&self.store, order).expect("it is cancelled");
        self.shop.post_bytes(webhook.body.into_bytes(), &[]).await
    }

    pub(crate) fn fault(&self, fault: Fault, times: u32) {
        let operation = On::Only(read(self.shop.provider));
        self.app().stores.script(FaultScript { operation, fault, times }).expect("it is a fault");
    }
}

/// Different for each store.
pub(crate) fn token_of(store: &str) -> String {
    format!("{TOKEN}{store}")
}

fn default_statuses(provider: Provider) -> Vec<&'static str> {
    providers::of(provider).default_order_statuses()
}

pub(crate) const BOTH: [Provider; 2] = [Provider::BigCommerce, Provider::Square];

pub(crate) fn completed() -> (String, Option<String>) {
    ("COMPLETED".to_owned(), None)
}

/// The sentences of a delivery's timeline.
pub(crate) async fn timeline(shop: &Shop<'_>, delivery: &str) -> Vec<String> {
    let document = "query ($id: ID!) { delivery(id: $id) { timeline(first: 100) { nodes { summary } } } }";
    let found = shop.merchant.ask(document, json!({ "id": delivery })).await;
    let nodes = found["delivery"]["timeline"]["nodes"].as_array().expect("a list").clone();
    nodes.iter().map(|node| node["summary"].as_str().expect("a sentence").to_owned()).collect()
}

on_each_engine! {
    async fn an_order_that_a_webhook_only_names_is_read_and_delivered(app: &TestApp) {
        for provider in BOTH {
            let shop = ThinShop::with_access(&app.merchant().await, provider).await;
            let username = "follows_at_once".to_owned();
            let (order, answer) = shop.place(ThinShop::new_order(&username)).await;
            let id = answer.accepted("queued");
            assert_eq!(answer.body["outcome"], json!("announced"));
            assert_eq!(shop.shop.settled(&id).await, completed(), "{provider:?}");
            let sentences = timeline(&shop.shop, &id).await;
            assert!(sentences[0].contains("announced") && sentences[1].contains("was read at its store: accepted"), "{sentences:#?}");
            let document = "query ($id: ID!) { delivery(id: $id) {
                orderId targetUsername customerEmail items { sku title sharedAt } } }";
            let known = shop.shop.merchant.ask(document, json!({ "id": id })).await["delivery"].clone();
            assert_eq!(known["orderId"], json!(order));
            assert_eq!((&known["targetUsername"], &known["customerEmail"]), (&json!(username), &json!("max@example.com")));
            assert!(known["items"][0]["sharedAt"].is_string() && known["items"][0]["title"] == json!("Storm Drive"));
            // The customer is found by what was read, and the order by its number.
            let listed = "query ($search: String) { deliveries(first: 9, filter: { search: $search }) { nodes { id } } }";
            for search in [username.as_str(), order.as_str()] {
                let found = shop.shop.merchant.ask(listed, json!({ "search": search })).await;
                assert_eq!(found["deliveries"]["nodes"][0]["id"], json!(id), "{search}");
            }
            // The same webhook again: read again, nothing new, nothing delivered twice.
            let again = app.stores.set_status(&shop.store, &order, if provider == Provider::Square { "COMPLETED" } else { "Shipped" });
            shop.shop.post_bytes(again.unwrap().body.into_bytes(), &[]).await.accepted("completed");
            assert_eq!(shop.shop.settled(&id).await, completed());
        }
        assert_eq!(app.cortex.share_count(preset("storm"), "follows_at_once").effective, 1);
    }

    async fn what_is_not_paid_is_not_delivered_until_it_is(app: &TestApp) {
        let shop = ThinShop::with_access(&app.merchant().await, Provider::BigCommerce).await;
        let order = NewOrder { status: Some("Awaiting Payment".to_owned()), ..ThinShop::new_order("mutual_max") };
        let (order, answer) = shop.place(order).await;
        let id = answer.accepted("queued");
        let filtered = ("FAILED_PERMANENT".to_owned(), Some("ORDER_STATUS_FILTERED".to_owned()));
        assert_eq!(shop.shop.settled(&id).await, filtered);
        let paid = app.stores.set_status(&shop.store, &order, "Awaiting Fulfillment").unwrap();
        shop.shop.post_bytes(paid.body.into_bytes(), &[]).await;
        assert_eq!(shop.shop.settled(&id).await, completed());

        let shop = ThinShop::with_access(&app.merchant().await, Provider::Square).await;
        let (order, answer) = shop.place(NewOrder { unpaid: true, ..ThinShop::new_order("mutual_max") }).await;
        let id = answer.accepted("queued");
        assert_eq!(shop.shop.settled(&id).await, filtered);
        let paid = app.stores.pay(&shop.store, &order).unwrap();
        shop.shop.post_bytes(paid.body.into_bytes(), &[]).await;
        assert_eq!(shop.shop.settled(&id).await, completed());
    }

    async fn an_order_that_is_cancelled_before_it_is_read_is_not_delivered(app: &TestApp) {
        for provider in BOTH {
            let shop = ThinShop::connect(&app.merchant().await, provider).await;
            let (order, answer) = shop.place(ThinShop::new_order("mutual_max")).await;
            let id = answer.accepted("queued");
            assert_eq!(shop.shop.settled(&id).await.1.as_deref(), Some("STORE_ACCESS_MISSING"));
            let cancelled = app.stores.cancel(&shop.store, &order).unwrap();
            shop.shop.post_bytes(cancelled.body.into_bytes(), &[]).await;
            shop.save_access(&token_of(&shop.store)).await;
            assert_eq!(shop.shop.settled(&id).await, ("CANCELLED".to_owned(), None), "{provider:?}");
        }
        assert_eq!(app.cortex.share_count(preset("storm"), "mutual_max").calls, 0);
    }

    async fn a_store_that_is_down_is_waited_for(app: &TestApp) {
        for provider in BOTH {
            let shop = ThinShop::with_access(&app.merchant().await, provider).await;
            shop.fault(Fault::Unavailable503, 3);
            let (_, answer) = shop.place(ThinShop::new_order("mutual_max")).await;
            let id = answer.accepted("queued");
            let waiting = ("RETRY_SCHEDULED".to_owned(), Some("STORE_UNAVAILABLE".to_owned()));
            assert_eq!(shop.shop.settled(&id).await, waiting);
            let document = "query ($id: ID!) { delivery(id: $id) { resolution nextAttemptAt } }";
            let shown = shop.shop.merchant.ask(document, json!({ "id": id })).await["delivery"].clone();
            let resolution = shown["resolution"].as_str().unwrap();
            assert!(resolution.contains("the store answered HTTP 503"), "{resolution}");
            assert!(shown["nextAttemptAt"].is_string());
            app.advance(TimeDelta::seconds(2));
            assert_eq!(shop.shop.settled(&id).await, waiting);
            app.advance(TimeDelta::seconds(6));
            assert_eq!(shop.shop.settled(&id).await, waiting);
            app.advance(TimeDelta::seconds(40));
            assert_eq!(shop.shop.settled(&id).await, completed());
        }
    }

    async fn whatever_a_store_responds_with_is_bounded_said_and_tried_again(app: &TestApp) {
        for provider in BOTH {
            let shop = ThinShop::with_access(&app.merchant().await, provider).await;
            for (number, (fault, said)) in [
                (Fault::Error500, "answered HTTP 500"),
                (Fault::RateLimit, "the store asks for fewer requests"),
                (Fault::NotFound, "the store has no such order"),
                (Fault::DropConnection, "connection lost"),
                (Fault::Html, "is not JSON"),
                (Fault::OtherOrder, "is of another order"),
                (Fault::TruncatedJson, "ends before its JSON does"),
                (Fault::HugeBody, "answered with more than 2 MiB"),
            ]
            .into_iter()
            .enumerate()
            {
                shop.fault(fault, 1);
                let (_, answer) = shop.place(ThinShop::new_order("mutual_max")).await;
                let id = answer.accepted("queued");
                let waiting = ("RETRY_SCHEDULED".to_owned(), Some("STORE_UNAVAILABLE".to_owned()));
                assert_eq!(shop.shop.settled(&id).await, waiting, "{number} {fault:?}");
                let sentences = timeline(&shop.shop, &id).await;
                assert!(sentences.iter().any(|sentence| sentence.contains(said)), "{fault:?}: {sentences:#?}");
                app.advance(TimeDelta::seconds(3));
                assert_eq!(shop.shop.settled(&id).await, completed(), "{fault:?}");
            }
        }
    }

    async fn a_token_that_is_missing_or_revoked_needs_the_merchant_and_saving_one_wakes_what_waits(app: &TestApp) {
        for provider in BOTH {
            let shop = ThinShop::connect(&app.merchant().await, provider).await;
            let mut ids = vec![];
            for _ in 0..3 {
                ids.push(shop.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued"));
            }
            let missing = ("ACTION_REQUIRED".to_owned(), Some("STORE_ACCESS_MISSING".to_owned()));
            for id in &ids {
                assert_eq!(shop.shop.settled(id).await, missing);
            }
            shop.save_access(&token_of(&shop.store)).await;
            for id in &ids {
                assert_eq!(shop.shop.settled(id).await, completed());
            }
            app.stores.replace_token(&shop.store, &format!("another{}", shop.store)).unwrap();
            let id = shop.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued");
            assert_eq!(shop.shop.settled(&id).await, missing);
            let document = "query ($id: ID!) { delivery(id: $id) { resolution } }";
            let shown = shop.shop.merchant.ask(document, json!({ "id": id })).await;
            let resolution = shown["delivery"]["resolution"].as_str().unwrap().to_owned();
            assert!(resolution.contains("does not take the access token"), "{resolution}");
            shop.save_access(&format!("another{}", shop.store)).await;
            assert_eq!(shop.shop.settled(&id).await, completed());
        }
    }

    async fn access_that_is_saved_while_a_read_without_it_fails_is_not_missed(app: &TestApp) {
        let shop = ThinShop::with_access(&app.merchant().await, Provider::BigCommerce).await;
        // Its webhooks are listed and made first, which would meet the token that is revoked.
        app.stores.wait_for(Operation::BigCommerceHooks, Stage::Answered, 9).await.unwrap();
        app.stores.revoke_token(&shop.store).unwrap();
        app.stores.hold(Operation::BigCommerceOrder, HoldPoint::AfterEffect);
        let id = shop.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued");
        app.stores.wait_for(Operation::BigCommerceOrder, Stage::Held, 1).await.unwrap();
        app.stores.replace_token(&shop.store, "the-new-token-0123456789").unwrap();
        shop.save_access("the-new-token-0123456789").await;
        app.stores.release(Operation::BigCommerceOrder);
        assert_eq!(shop.shop.settled(&id).await, completed());
    }

    async fn what_is_announced_while_an_order_is_being_read_is_read_again(app: &TestApp) {
        let shop = ThinShop::with_access(&app.merchant().await, Provider::BigCommerce).await;
        app.stores.hold(Operation::BigCommerceProducts, HoldPoint::AfterEffect);
        let (order, answer) = shop.place(ThinShop::new_order("never_follows")).await;
        let id = answer.accepted("queued");
        app.stores.wait_for(Operation::BigCommerceProducts, Stage::Held, 1).await.unwrap();
        let cancelled = app.stores.cancel(&shop.store, &order).unwrap();
        shop.shop.post_bytes(cancelled.body.into_bytes(), &[]).await.accepted("queued");
        app.stores.release(Operation::BigCommerceProducts);
        assert_eq!(shop.shop.settled(&id).await, ("CANCELLED".to_owned(), None));
        assert_eq!(app.cortex.follow_count("never_follows").calls, 0, "what is announced is read before anything is tried");
    }

    async fn a_store_that_hangs_holds_up_no_other(app: &TestApp) {
        let (slow, quick) =
            (ThinShop::with_access(&app.merchant().await, Provider::BigCommerce).await, ThinShop::with_access(&app.merchant().await, Provider::Square).await);
        app.stores.hold(Operation::BigCommerceOrder, HoldPoint::BeforeEffect);
        let mut waiting = vec![];
        for _ in 0..8 {
            waiting.push(slow.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued"));
        }
        app.stores.wait_for(Operation::BigCommerceOrder, Stage::Held, 1).await.unwrap();
        let id = quick.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued");
        let mut head = app.service().data.log.head_changes();
        loop {
            head.mark_unchanged();
            assert!(app.service().data.projector.run_to_head(crate::app::TIMEOUT).await, "the views follow");
            if quick.shop.seen(&id).await == completed() {
                break;
            }
            head.changed().await.unwrap();
        }
        assert_eq!(app.stores.call_count(Operation::BigCommerceOrder).at(Stage::Held), 1, "one at a time");
        app.stores.release(Operation::BigCommerceOrder);
        for id in &waiting {
            assert_eq!(slow.shop.settled(id).await, completed());
        }
    }

    async fn what_was_read_is_erased_with_its_customer_and_nothing_is_read_again(app: &TestApp) {
        let shop = ThinShop::with_access(&app.merchant().await, Provider::BigCommerce).await;
        let (order, answer) = shop.place(ThinShop::new_order("mutual_max")).await;
        let id = answer.accepted("queued");
        assert_eq!(shop.shop.settled(&id).await, completed());
        let export = "mutation ($input: ExportPersonalDataInput!) { done: exportPersonalData(input: $input) { deliveries } }";
        let known = shop.shop.merchant.ask(export, json!({ "input": { "customer": "max@example.com" } })).await;
        let written = &known["done"]["deliveries"][0];
        let read = &written["readAtStore"][0];
        assert_eq!((&read["email"], &read["body"][0]["id"]), (&json!("max@example.com"), &json!(order.parse::<u64>().unwrap())));
        let input = json!({ "input": { "customer": "max@example.com" } });
        let erased = shop.shop.merchant.ask(ERASE, input).await;
        assert_eq!(erased["done"]["erased"], json!(1), "{erased}");
        app.settle().await;
        let reads = app.stores.call_count(Operation::BigCommerceOrder);
        let shipped = app.stores.set_status(&shop.store, &order, "Shipped").unwrap();
        shop.shop.post_bytes(shipped.body.into_bytes(), &[]).await;
        assert_eq!(shop.shop.settled(&id).await, completed());
        assert_eq!(app.stores.call_count(Operation::BigCommerceOrder), reads, "nothing is read of who is forgotten");
        assert_eq!(found_in_databases(app, &["max@example.com", "Max Musician"]).await, [""; 0]);
    }

    async fn access_and_address_are_refused_with_field_and_reason_where_they_are_of_no_use(app: &TestApp) {
        let shop = ThinShop::connect(&app.merchant().await, Provider::BigCommerce).await;
        let refused = shop.try_access("two words", &shop.store).await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID_TOKEN", "field": ["input", "token"] }]));
        let refused = shop.try_access(TOKEN, "https://example.com/nothing").await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID_STORE", "field": ["input", "store"] }]));
        let saved = shop.try_access(TOKEN, "https://api.bigcommerce.com/stores/abc123/v3/").await;
        let access = json!({ "tokenPreview": "…6789", "store": "abc123" });
        assert_eq!(saved["integration"]["storeAccess"], access);
        let whole = ThinShop { shop: app.merchant().await.shop(Provider::Generic).await, store: String::new() };
        let refused = whole.try_access(TOKEN, "").await;
        assert_eq!(refused["userErrors"], json!([{ "code": "STORE_ACCESS_NOT_NEEDED", "field": ["input", "integrationId"] }]));
        let document = "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) { userErrors { code field } } }";
        let square = app.merchant().await.bare_shop(Provider::Square, &[]).await;
        for (shop, url, code) in [
            (&square, "ftp://bridge.example", "INVALID_URL"),
            (&shop.shop, "https://bridge.example", "ADDRESS_NOT_SIGNED"),
        ] {
            let input = json!({ "integrationId": shop.id, "notificationUrl": url });
            let refused = shop.merchant.ask(document, json!({ "input": input })).await;
            let errors = &refused["updateIntegration"]["userErrors"];
            assert_eq!(*errors, json!([{ "code": code, "field": ["input", "notificationUrl"] }]));
        }
        let document = "mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { userErrors { code field } } }";
        let input = json!({ "provider": "SHOPIFY", "name": "My shop", "notificationUrl": "https://bridge.example" });
        let refused = square.merchant.ask(document, json!({ "input": input })).await;
        let errors = &refused["createIntegration"]["userErrors"];
        assert_eq!(*errors, json!([{ "code": "ADDRESS_NOT_SIGNED", "field": ["input", "notificationUrl"] }]));
    }
}
