//! Comparisons that do not come to their end: the store is away, an order cannot be read, a worker is killed.

use super::*;

on_each_engine! {
    async fn a_shop_that_lists_the_same_page_for_ever_is_not_followed(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(grace() + TimeDelta::seconds(1));
        let operation = On::Only(Operation::ShopifyOrders);
        app.stores.script(FaultScript { operation, fault: Fault::SamePage, times: 1_000 }).unwrap();
        let before = app.stores.call_count(Operation::ShopifyOrders).arrived;
        sync(&merchant, &id).await;
        // Each page brought something the first time, so it gets on as far as that.
        let stands = comparison(&merchant, &id).await;
        assert!(app.stores.call_count(Operation::ShopifyOrders).arrived - before <= 80, "{stands}");
        wait_until(app, || async {
            let stands = comparison(&merchant, &id).await;
            stands["failure"].as_str().is_some_and(|failure| failure.contains("has no end")).then_some(())
        })
        .await;
        app.settle().await;
        assert_eq!(merchant.deliveries().await.len(), 1, "what was listed is fetched all the same");
    }

    async fn a_shop_that_is_away_is_tried_again_and_nothing_is_lost(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(grace() + TimeDelta::seconds(1));
        for (operation, fault, said) in [
            (Operation::ShopifyOrders, Fault::RateLimit, "fewer requests"),
            (Operation::ShopifyOrders, Fault::Html, "means nothing"),
            (Operation::ShopifyOrder, Fault::Error500, "500"),
            (Operation::ShopifyOrder, Fault::DropConnection, ""),
        ] {
            app.stores.script(FaultScript { operation: On::Only(operation), fault, times: 1 }).unwrap();
            sync(&merchant, &id).await;
            let failure = text(&comparison(&merchant, &id).await["failure"]);
            assert!(failure.contains(said), "{failure}");
            app.advance(TimeDelta::seconds(2));
        }
        assert_eq!(fetched(&merchant, &id).await, json!(1));
        app.settle().await;
        assert_eq!(merchant.deliveries().await[0]["status"], json!("COMPLETED"));
    }

    async fn a_shop_that_takes_the_token_no_more_is_lost_and_compared_once_it_is_connected_again(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        compare(&merchant, &id).await;
        app.stores.uninstall(SHOP, crate::app::CLIENT_ID).unwrap();
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(TimeDelta::hours(1));
        wait_until(app, || async { (connection(&merchant, &id).await["status"] == json!("LOST")).then_some(()) }).await;
        assert_eq!(sync(&merchant, &id).await["userErrors"], json!([{ "code": "NOT_CONNECTED" }]));
        app.advance(TimeDelta::days(2));
        let again = begin(&merchant, json!({ "store": SHOP })).await;
        Browser::new(app).authorize(&text(&again["url"])).await;
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(1)).then_some(()) }).await;
        app.settle().await;
        assert_eq!(merchant.deliveries().await.len(), 1);
    }

    async fn two_nodes_fetch_an_order_once(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        compare(&merchant, &id).await;
        let second = if app.engine == Engine::Postgres { Some(app.second_node(4).await) } else { None };
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.stores.hold(Operation::ShopifyOrder, HoldPoint::BeforeEffect);
        app.advance(TimeDelta::hours(1));
        app.stores.wait_for(Operation::ShopifyOrder, Stage::Held, 1).await.unwrap();
        app.stores.release(Operation::ShopifyOrder);
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(1)).then_some(()) }).await;
        app.settle().await;
        assert_eq!(app.stores.call_count(Operation::ShopifyOrder).arrived, 1);
        assert_eq!(merchant.deliveries().await.len(), 1);
        if let Some(second) = second {
            second.stop().await;
        }
    }

    async fn what_was_recorded_before_a_comparison_broke_off_is_not_recorded_again(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        for username in ["follows_at_once", "mutual_max"] {
            app.stores.place_order(SHOP, storm(username)).unwrap();
            app.advance(TimeDelta::seconds(1));
        }
        app.advance(grace());
        // The first is read, and the connection breaks at the second.
        app.stores.hold(Operation::ShopifyOrder, HoldPoint::BeforeEffect);
        let (broken, ()) = tokio::join!(sync(&merchant, &id), async {
            app.stores.wait_for(Operation::ShopifyOrder, Stage::Held, 1).await.unwrap();
            let operation = On::Only(Operation::ShopifyOrder);
            app.stores.script(FaultScript { operation, fault: Fault::DropConnection, times: 1 }).unwrap();
            app.stores.release(Operation::ShopifyOrder);
        });
        assert_eq!(broken["isDone"], json!(true));
        assert!(!comparison(&merchant, &id).await["failure"].is_null());
        app.settle().await;
        assert_eq!(merchant.deliveries().await.len(), 1);
        compare(&merchant, &id).await;
        app.settle().await;
        let delivered = merchant.deliveries().await;
        assert_eq!(delivered.len(), 2, "{delivered:?}");
        assert!(delivered.iter().all(|delivery| delivery["status"] == json!("COMPLETED")), "{delivered:?}");
        assert_eq!(app.stores.call_count(Operation::ShopifyOrder).arrived, 3);
        let said = gaps(&merchant, &id).await;
        assert_eq!((&said["sent"], &said["received"], &said["fetched"]), (&json!(2), &json!(0), &json!(2)), "{said}");
    }

    async fn an_order_that_cannot_be_read_is_named_and_tried_again(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        let order = app.stores.place_order(SHOP, storm("follows_at_once")).unwrap().order;
        app.advance(TimeDelta::minutes(20));
        let came = app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
        post(app, &id, &came).await;
        let operation = On::Only(Operation::ShopifyOrder);
        app.stores.script(FaultScript { operation, fault: Fault::OtherOrder, times: 2 }).unwrap();
        for _ in 0..2 {
            let found = compare(&merchant, &id).await;
            assert_eq!(found["unreadable"][0]["orderId"], json!(order), "{found}");
        }
        let said = gaps(&merchant, &id).await;
        assert_eq!((&said["sent"], &said["unreadable"]), (&json!(2), &json!(1)), "it counts once");
        assert_eq!(said["sentence"], json!("1 order could not be read at the store, which is tried again."));
        let findings = crate::connecting::doctor(&merchant, &id).await;
        assert!(findings.iter().any(|(level, said)| level == "WRONG" && said.contains(&order)), "{findings:?}");
        assert_eq!(fetched(&merchant, &id).await, json!(1));
        app.settle().await;
        assert_eq!(merchant.deliveries().await.len(), 2);
        let findings = crate::connecting::doctor(&merchant, &id).await;
        assert!(findings.iter().all(|(level, _)| level == "FINE"), "{findings:?}");
    }

    async fn what_a_worker_held_that_was_killed_is_taken_up_by_another(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        let hour = TimeDelta::hours(1);
        // Another node has started, and was killed.
        let log = &app.service().data.log;
        let (integration, account_id) = (id.parse::<IntegrationId>().unwrap(), merchant.id.parse().unwrap());
        let step = Step::Start { worker: "killed".to_owned(), now: app.clock.now() + hour };
        let command = StoreCommand { account_id, worker: None, step };
        log.execute::<Store>(integration, command, Actor::Worker("killed".to_owned())).await.unwrap();
        app.advance(hour);
        let asked = app.stores.call_count(Operation::ShopifyOrders).arrived;
        app.advance(LEASE - TimeDelta::seconds(10));
        for _ in 0..3 {
            app.advance(TimeDelta::seconds(1));
            merchant.deliveries().await;
        }
        assert_eq!(app.stores.call_count(Operation::ShopifyOrders).arrived, asked);
        app.advance(TimeDelta::seconds(10));
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(1)).then_some(()) }).await;
        app.settle().await;
        assert_eq!(merchant.deliveries().await.len(), 1);
    }
}
