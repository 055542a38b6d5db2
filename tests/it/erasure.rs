//! People are erased: from the log, from what is derived of it, and from the files in which both lie.

use std::path::PathBuf;

use cloud_bridge::audit::signer;
use cloud_bridge::audit::verify::verify;
use domain::integration::Provider;
use event_log::Actor;
use serde_json::{Value, json};
use storage::{Database, Sql};

use crate::app::{Shop, TestApp, text};
use crate::engines::on_each_engine;
use crate::orders;

pub(crate) const ERASE: &str = "mutation ($input: ErasePersonalDataInput!) { done: erasePersonalData(input: $input) {
    matched accounts erased more deliveries { id targetUsername } userErrors { code message field } } }";
const EXPORT: &str = "mutation ($input: ExportPersonalDataInput!) { done: exportPersonalData(input: $input) {
    matched deliveries endCursor userErrors { code } } }";

/// Everything by which this customer could be recognised.
pub(crate) const OF_VERA: [&str; 5] =
    ["vera.violet@example.org", "Veraline", "Violetta", "vera_violet_77", "a gift for aunt Ottilie"];

pub(crate) fn order_of_vera(id: u64) -> Value {
    let mut order = orders::shopify(id, "vera_violet_77", &["STORM"]);
    order["email"] = json!("vera.violet@example.org");
    order["customer"] = json!({ "id": 7_700_123, "first_name": "Veraline", "last_name": "Violetta" });
    order["note"] = json!("a gift for aunt Ottilie");
    order
}

/// What is in each file of SQLite, read by another process: POSIX takes the locks of a process from a file once that process
/// closes it, be it that it only read it.
fn contents_of_files(app: &TestApp) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(app.databases.folder()).unwrap().map(|file| file.unwrap().path());
    let content = |path: PathBuf| {
        let read = std::process::Command::new("cat").arg(&path).output().expect("there is `cat`");
        assert!(read.status.success(), "{} can be read", path.display());
        (path, read.stdout)
    };
    files.map(content).collect()
}

/// Whether the wrapped data key of a stream lies anywhere in the files of SQLite.
pub(crate) fn key_is_in_files(app: &TestApp, wrapped: &[u8]) -> bool {
    contents_of_files(app).iter().any(|(_, bytes)| bytes.windows(wrapped.len()).any(|part| part == wrapped))
}

/// Which of the texts lie anywhere in the databases: in their files as they are, or in their rows.
pub(crate) async fn found_in_databases(app: &TestApp, texts: &[&str]) -> Vec<String> {
    let mut found = vec![];
    for (path, bytes) in contents_of_files(app) {
        for text in texts {
            if bytes.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes())) {
                found.push(format!("{text} in {}", path.file_name().unwrap().display()));
            }
        }
    }
    for database in [app.service().data.log.raw_database(), &app.service().data.views] {
        if matches!(database, Database::Sqlite(_)) {
            continue;
        }
        let tables = "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public'";
        for (table,) in database.fetch_all::<(String,)>(tables.into()).await.unwrap() {
            for text in texts {
                let sql = Sql::new(format!("SELECT count(*) FROM {table} t WHERE CAST(t AS text) ILIKE "));
                let (rows,): (i64,) = database.fetch_one(sql.bind(format!("%{text}%"))).await.unwrap();
                if rows > 0 {
                    found.push(format!("{text} in {table}"));
                }
            }
        }
    }
    found
}

async fn shop_with_orders(app: &TestApp) -> Shop<'_> {
    let shop = app.merchant().await.shop(Provider::Shopify).await;
    for id in 1..=150 {
        shop.post(&orders::shopify(id, &format!("somebody_{id}"), &["STORM"])).await.accepted("queued");
    }
    shop
}

on_each_engine! {
    async fn an_erased_customer_is_nowhere_and_what_happened_is_still_shown(app: &TestApp) {
        let shop = shop_with_orders(app).await;
        let merchant = shop.merchant.clone();
        let id = shop.post(&order_of_vera(1001)).await.accepted("queued");
        shop.post(&order_of_vera(1001)).await.accepted("duplicate");
        shop.post(&order_of_vera(1002)).await.accepted("queued");
        for id in 201..=250 {
            shop.post(&orders::shopify(id, &format!("somebody_{id}"), &["STORM"])).await.accepted("queued");
        }
        app.settle().await;
        assert!(!found_in_databases(app, &OF_VERA).await.is_empty(), "the views show the username");
        signer::sign(&app.service().data.log, &Actor::System).await.unwrap();

        let asked = async |dry_run: bool| {
            let input = json!({ "customer": " Vera.Violet@Example.org", "dryRun": dry_run });
            merchant.ask(ERASE, json!({ "input": input })).await["done"].clone()
        };
        let head = app.service().data.log.head();
        let preview = asked(true).await;
        assert_eq!((&preview["matched"], &preview["erased"], &preview["accounts"]), (&json!(2), &json!(0), &json!(1)));
        assert_eq!(preview["deliveries"][0]["id"], json!(id));
        assert_eq!(app.service().data.log.head(), head, "a preview changes nothing");

        let wrapped = app.data_key_of_delivery(&id).await.unwrap();
        let on_sqlite = matches!(app.service().data.views, Database::Sqlite(_));
        assert_eq!(key_is_in_files(app, &wrapped), on_sqlite);
        let erased = asked(false).await;
        assert_eq!((&erased["matched"], &erased["erased"], &erased["more"]), (&json!(2), &json!(2), &json!(false)));
        assert_eq!(erased["deliveries"][0]["targetUsername"], Value::Null);
        assert_eq!(found_in_databases(app, &OF_VERA).await, Vec::<String>::new());
        assert!(!found_in_databases(app, &["somebody_7"]).await.is_empty(), "others are still there");

        assert_eq!(app.data_key_of_delivery(&id).await, None);
        assert!(!key_is_in_files(app, &wrapped), "who finds the files finds no key either");
        let again = asked(false).await;
        assert_eq!(again["userErrors"][0]["code"], "NOT_FOUND");
        // The store repeats itself, or an attacker does who has captured the webhook.
        shop.post(&order_of_vera(1001)).await.accepted("duplicate");
        app.settle().await;
        assert_eq!(found_in_databases(app, &OF_VERA).await, Vec::<String>::new());
        assert_eq!(app.data_key_of_delivery(&id).await, None);
        assert_eq!(asked(false).await["userErrors"][0]["code"], "NOT_FOUND");
        let proof = verify(&app.service().data.log, None, |_, _| {}).await.unwrap();
        assert_eq!((proof.broken, proof.checkpoints), (None, 1));
        let document = "query ($id: ID!) { delivery(id: $id) { timeline(first: 50) { nodes { type data } } } }";
        let story = merchant.ask(document, json!({ "id": id })).await;
        let nodes = story["delivery"]["timeline"]["nodes"].as_array().unwrap().clone();
        assert_eq!((&nodes[0]["type"], &nodes.last().unwrap()["type"]), (&json!("webhook_received"), &json!("webhook_received")));
        assert!(OF_VERA.iter().all(|text| !story.to_string().contains(text)), "{story:#}");
        let recorded = app.count("SELECT count(*) AS number FROM operator_actions WHERE event_type = 'erasure_requested'").await;
        assert_eq!(recorded, 1);
    }

    async fn merchants_erase_their_own_and_support_anybodys(app: &TestApp) {
        let owner = app.merchant().await;
        let stranger = app.merchant().await;
        for merchant in [&owner, &stranger] {
            merchant.shop(Provider::Shopify).await.post(&order_of_vera(5)).await.accepted("queued");
        }
        let ask = async |key: &str, input: Value| app.try_ask(key, ERASE, json!({ "input": input })).await;
        let of_both = ask(&app.admin.api_key, json!({ "orderId": "#5", "dryRun": true })).await["data"]["done"].clone();
        assert_eq!((&of_both["matched"], &of_both["accounts"]), (&json!(2), &json!(2)));
        let foreign = ask(&stranger.key, json!({ "orderId": "5", "accountId": owner.id })).await;
        assert_eq!(foreign["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let own = ask(&stranger.key, json!({ "customer": "7700123" })).await["data"]["done"].clone();
        assert_eq!((&own["matched"], &own["erased"]), (&json!(1), &json!(1)));
        let named = json!({ "customer": "@vera_violet_77", "accountId": owner.id });
        let made = app.admin("mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key } }", json!({})).await;
        let desk = text(&made["createApiKey"]["key"]);
        for document in [ERASE, EXPORT] {
            let mut input = named.clone();
            if document == EXPORT {
                input["customer"] = json!("vera_violet_77");
            }
            let unsaid = app.try_ask(&desk, document, json!({ "input": input })).await;
            assert_eq!(unsaid["data"]["done"]["userErrors"][0]["code"], "REASON_REQUIRED", "{unsaid}");
        }
        assert_eq!(ask(&app.admin.api_key, named).await["data"]["done"]["erased"], 1);
        for (input, code) in [
            (json!({}), "INVALID_INPUT"),
            (json!({ "customer": "a", "orderId": "b" }), "INVALID_INPUT"),
            (json!({ "customer": " \u{0} " }), "INVALID_INPUT"),
            (json!({ "customer": "nobody@example.org" }), "NOT_FOUND"),
            (json!({ "orderId": "6" }), "NOT_FOUND"),
        ] {
            let head = app.service().data.log.head();
            let refused = ask(&owner.key, input).await;
            assert_eq!(refused["data"]["done"]["userErrors"][0]["code"], code, "{refused}");
            assert_eq!(app.service().data.log.head(), head);
        }
    }

    async fn a_customer_is_given_everything_and_that_is_recorded(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        for id in 1..=11 {
            shop.post(&order_of_vera(id)).await.accepted("queued");
        }
        shop.post(&orders::shopify(12, "somebody", &["STORM"])).await.accepted("queued");
        let ask = async |after: Value| {
            let input = json!({ "customer": "vera.violet@example.org", "after": after });
            merchant.ask(EXPORT, json!({ "input": input })).await["done"].clone()
        };
        let first = ask(Value::Null).await;
        assert_eq!((&first["matched"], first["deliveries"].as_array().unwrap().len()), (&json!(11), 10));
        let second = ask(first["endCursor"].clone()).await;
        assert_eq!((second["deliveries"].as_array().unwrap().len(), &second["endCursor"]), (1, &Value::Null));
        let webhook = &first["deliveries"][0]["webhooks"][0];
        assert_eq!(webhook["body"], order_of_vera(1));
        assert_eq!((&webhook["customerName"], &webhook["customerId"]), (&json!("Veraline Violetta"), &json!("7700123")));
        assert!(!first.to_string().contains("somebody"));
        app.settle().await;
        let recorded = app.count("SELECT count(*) AS number FROM operator_actions WHERE event_type = 'personal_data_exported'").await;
        assert_eq!(recorded, 2);
        let stranger = app.merchant().await;
        let nothing = stranger.ask(EXPORT, json!({ "input": { "customer": "vera.violet@example.org" } })).await;
        assert_eq!(text(&nothing["done"]["userErrors"][0]["code"]), "NOT_FOUND");
    }
}
