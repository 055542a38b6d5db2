//! Finding a customer's deliveries: for support with a reason, and on the record.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::{desk, support};
use crate::app::TestApp;
use crate::engines::on_each_engine;
use crate::orders;

on_each_engine! {
    async fn support_finds_a_customer_with_a_reason_and_on_the_record(app: &TestApp) {
        let (owner, other) = (app.merchant().await, app.merchant().await);
        let (shop, others) = (owner.shop(Provider::Generic).await, other.shop(Provider::Generic).await);
        let mut ids = vec![];
        for order in ["1", "2", "3"] {
            ids.push(shop.post(&orders::generic(order, "never_follows", &["STORM"])).await.accepted("queued"));
        }
        let foreign = others.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        let mut someone = orders::generic("4", "mutual_max", &["STORM"]);
        someone["customerEmail"] = json!("lea@music.com");
        shop.post(&someone).await.accepted("queued");
        app.settle().await;

        let sam = desk(app, &support(app).await);
        let list = ["deliveries", "list", "--customer", "Max@Music.com"];
        let head = app.service().data.log.newest().await.unwrap();
        assert!(sam.refused(&list).await.contains("say why"));
        assert_eq!(app.service().data.log.newest().await.unwrap(), head);
        let with_reason = [&list[..], &["--reason", "ticket 4711"]].concat();
        let found = sam.json(&with_reason).await;
        let listed = |found: &Value| {
            let nodes = found["nodes"].as_array().unwrap().clone();
            nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((listed(&found), &found["matched"]), ([&ids[..], std::slice::from_ref(&foreign)].concat(), &json!(4)));
        let reads = async |key: &str| {
            let document = r#"{ operatorActions(first: 100, filter: { type: "personal_data_read" }) {
                nodes { reason keyName accountId } } }"#;
            app.ask(key, document, json!({})).await["operatorActions"]["nodes"].as_array().unwrap().clone()
        };
        let recorded = reads(&owner.key).await;
        assert_eq!(recorded.len(), 3, "one for each of its deliveries");
        assert!(recorded.iter().all(|read| read["reason"] == "ticket 4711" && read["keyName"] == "Sam at the desk"));
        assert_eq!(reads(&other.key).await.len(), 1);

        // A page at a time, and of one account.
        let one = [&with_reason[..], &["--account", &owner.id[..20], "--first", "2"]].concat();
        let found = sam.json(&one).await;
        assert_eq!(listed(&found), ids[..2]);
        let cursor = found["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
        let rest = sam.json(&[&one[..], &["--after", &cursor]].concat()).await;
        assert_eq!((listed(&rest), &rest["pageInfo"]["hasNextPage"]), (vec![ids[2].clone()], &json!(false)));
        let shown = sam.printed(&with_reason).await;
        assert!(shown.contains("STORE") && !shown.contains("music.com"), "{shown}");

        // A merchant looks among its own, and that is no look into another account.
        let before = reads(&owner.key).await.len();
        let own = desk(app, &owner.key).json(&list).await;
        assert_eq!((listed(&own), reads(&owner.key).await.len()), (ids.clone(), before));
        let stranger = desk(app, &other.key).refused(&[&list[..], &["--account", &owner.id]].concat()).await;
        assert!(stranger.contains("may not"), "{stranger}");
    }

    async fn a_merchant_reads_the_e_mail_address_of_its_own_customer(app: &TestApp) {
        let (owner, stranger) = (app.merchant().await, app.merchant().await);
        let shop = owner.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        let again = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("duplicate");
        assert_eq!(again, id);
        app.settle().await;
        let document = "query ($id: ID!) { delivery(id: $id) { customerEmail } }";
        let seen = async |key: &str| app.ask(key, document, json!({ "id": id })).await["delivery"].clone();
        assert_eq!(seen(&owner.key).await, json!({ "customerEmail": "max@music.com" }));
        assert_eq!(seen(&stranger.key).await, Value::Null);
        assert_eq!(seen(&support(app).await).await, json!({ "customerEmail": null }), "support reads it on the record");
        let all = owner.ask("{ deliveries { nodes { customerEmail } } }", json!({})).await;
        let all = all["deliveries"]["nodes"].as_array().unwrap();
        assert!(all.len() == 2 && all.iter().all(|node| node["customerEmail"] == "max@music.com"), "{all:?}");
        let erase = r#"mutation { erasePersonalData(input: { customer: "max@music.com" }) { userErrors { code } } }"#;
        assert_eq!(owner.ask(erase, json!({})).await["erasePersonalData"]["userErrors"], json!([]));
        assert_eq!(seen(&owner.key).await, json!({ "customerEmail": null }));
    }
}
