//! The GraphQL API: a caller sees nothing of another's, every list is bounded, and errors name what is wrong and nothing else.

use domain::integration::Provider;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::app::{Merchant, Shop, TestApp, text};
use crate::engines::on_each_engine;
use crate::lists::orders_found;
use crate::orders;

#[test]
fn the_schema_in_the_repository_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    let served = cloud_bridge::api::graphql::sdl();
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    if kept != served && crate::engines::setting("CLOUD_BRIDGE_UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &served).unwrap();
        return;
    }
    assert!(kept == served, "schema.graphql is stale: run CLOUD_BRIDGE_UPDATE_SCHEMA=1 cargo test --test it schema");
}

async fn delivered(app: &TestApp) -> (Merchant<'_>, Shop<'_>, String) {
    let merchant = app.merchant().await;
    let shop = merchant.shop(Provider::Generic).await;
    let id = shop.post(&orders::generic("private-1", "follows_at_once", &["STORM"])).await.accepted("queued");
    app.settle().await;
    (merchant, shop, id)
}

on_each_engine! {
    async fn no_account_reads_or_changes_what_is_anothers(app: &TestApp) {
        let (owner, shop, delivery) = delivered(app).await;
        let stranger = app.merchant().await;
        let mapping = {
            let found = owner.ask("query ($id: ID!) { integration(id: $id) { itemMappings { id } } }", json!({ "id": shop.id })).await;
            text(&found["integration"]["itemMappings"][0]["id"])
        };
        let key = {
            let found = owner.ask("{ account { apiKeys { id } } }", json!({})).await;
            text(&found["account"]["apiKeys"][0]["id"])
        };
        let before = app.service().data.log.head();

        for (document, variables) in [
            ("query ($id: ID!) { found: integration(id: $id) { id } }", json!({ "id": shop.id })),
            ("query ($id: ID!) { found: delivery(id: $id) { id } }", json!({ "id": delivery })),
            ("query ($id: ID!) { found: delivery(id: $id, asOf: \"2099-01-01T00:00:00Z\") { id } }", json!({ "id": delivery })),
        ] {
            assert_eq!(stranger.ask(document, variables).await["found"], Value::Null, "{document}");
        }
        let reason = json!("integrationId names no integration of the account");
        for list in ["deliveries", "webhookReceipts", "dataRequests", "commerceEvents", "products"] {
            let document = format!("query ($id: ID!) {{ {list}(filter: {{ integrationId: $id }}) {{ nodes {{ __typename }} }} }}");
            // Another's, none, a beginning of one's own, and no id at all: a stranger does not learn which.
            for id in [shop.id.as_str(), &stranger.id, &shop.id[..13], "nonsense"] {
                let refused = app.try_ask(&stranger.key, &document, json!({ "id": id })).await["errors"][0].take();
                assert_eq!((&refused["message"], &refused["extensions"]["code"]), (&reason, &json!("INVALID_ARGUMENT")), "{list} {id}");
            }
            for id in [&shop.id, &shop.id.to_uppercase()] {
                let answer = app.try_ask(&owner.key, &document, json!({ "id": id })).await;
                assert_eq!(answer["errors"], Value::Null, "{list} {id}");
            }
        }
        let dispatches = "query ($id: ID!) { dispatches(filter: { endpointId: $id }) { nodes { id } } }";
        let refused = app.try_ask(&stranger.key, dispatches, json!({ "id": shop.id })).await["errors"][0].take();
        assert_eq!(refused["message"], "endpointId names no endpoint of the account");
        for list in ["deliveries", "integrations", "webhookReceipts"] {
            let found = stranger.ask(&format!("{{ {list} {{ nodes {{ id }} }} }}"), json!({})).await;
            assert_eq!(found[list]["nodes"], json!([]), "{list}");
        }
        for filter in ["search", "order"] {
            let search = format!("{{ deliveries(filter: {{ {filter}: \"private-1\" }}) {{ nodes {{ id }} }} }}");
            assert_eq!(stranger.ask(&search, json!({})).await["deliveries"]["nodes"], json!([]));
        }
        let stats = r#"query ($id: ID!, $from: DateTime!, $to: DateTime!) {
            deliveryStats(from: $from, to: $to, bucket: DAY, integrationId: $id) { received }
        }"#;
        let (from, to) = (app.clock.now() - chrono::TimeDelta::days(2), app.clock.now() + chrono::TimeDelta::days(1));
        let range = json!({ "id": shop.id, "from": from.to_rfc3339(), "to": to.to_rfc3339() });
        let received = async |merchant: &Merchant<'_>| {
            let counted = merchant.ask(stats, range.clone()).await;
            counted["deliveryStats"].as_array().unwrap().iter().map(|day| day["received"].as_i64().unwrap()).sum::<i64>()
        };
        assert_eq!(received(&owner).await, 1);
        assert_eq!(app.try_ask(&stranger.key, stats, range.clone()).await["errors"][0]["message"], reason);

        let changes = [
            ("updateIntegration", "UpdateIntegrationInput", json!({ "integrationId": shop.id, "active": false })),
            ("setSigningSecret", "SetSigningSecretInput", json!({ "integrationId": shop.id, "signingSecret": "stolen-secret" })),
            ("rotateSigningSecret", "RotateSigningSecretInput", json!({ "integrationId": shop.id })),
            ("addItemMapping", "AddItemMappingInput", json!({
                "integrationId": shop.id, "matchType": "SKU", "externalRef": "X", "resourceType": "PRESET", "resourceId": "x",
            })),
            ("removeItemMapping", "RemoveItemMappingInput", json!({ "integrationId": shop.id, "mappingId": mapping })),
            ("retryDelivery", "RetryDeliveryInput", json!({ "deliveryId": delivery })),
            ("cancelDelivery", "CancelDeliveryInput", json!({ "deliveryId": delivery })),
            ("saveCortexCredentials", "SaveCortexCredentialsInput", json!({ "accountId": owner.id, "email": "a@b.c", "password": "x" })),
            ("createApiKey", "CreateApiKeyInput", json!({ "accountId": owner.id, "name": "spy" })),
            ("deactivateApiKey", "DeactivateApiKeyInput", json!({ "accountId": owner.id, "apiKeyId": key })),
            ("deactivateApiKey", "DeactivateApiKeyInput", json!({ "apiKeyId": key })),
            ("createIntegration", "CreateIntegrationInput", json!({ "accountId": owner.id, "provider": "GENERIC", "name": "spy" })),
        ];
        for (mutation, input_type, input) in changes {
            let document = format!("mutation ($input: {input_type}!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}");
            let answer = stranger.ask(&document, json!({ "input": input })).await;
            assert_eq!(answer[mutation]["userErrors"][0]["code"], json!("NOT_FOUND"), "{mutation}");
        }
        let bulk = stranger.ask(
            "mutation ($id: ID!) { retryDeliveries(input: { filter: { integrationId: $id } }) { matched } }",
            json!({ "id": shop.id }),
        ).await;
        assert_eq!(bulk["retryDeliveries"]["matched"], json!(0));
        assert_eq!(app.service().data.log.head(), before, "nothing of it was recorded");
    }

    async fn what_needs_a_higher_role_is_forbidden_to_a_lower_one(app: &TestApp) {
        let (merchant, _, delivery) = delivered(app).await;
        let support = {
            let made = app.admin(
                "mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key userErrors { code } } }",
                json!({}),
            ).await;
            text(&made["createApiKey"]["key"])
        };
        let forbidden = async |key: &str, document: &str| {
            let answer = app.try_ask(key, document, json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], json!("FORBIDDEN"), "{document}: {answer}");
        };
        for document in [
            "{ accounts { nodes { id } } }",
            "{ projections { name } }",
            "{ eventStream(aggregateType: \"account\", aggregateId: \"x\") { nodes { type } } }",
        ] {
            forbidden(&merchant.key, document).await;
            assert!(app.try_ask(&support, document, json!({})).await["errors"].is_null(), "{document}");
        }
        for document in [
            "mutation { createAccount(input: { name: \"x\" }) { apiKey } }",
            "mutation { grantCredits(input: { accountId: \"x\", credits: 1 }) { userErrors { code } } }",
            "mutation { rebuildProjection(input: { name: \"accounts\" }) { userErrors { code } } }",
            "mutation { cancelProjectionRebuild(input: { name: \"accounts\" }) { userErrors { code } } }",
            "mutation { createApiKey(input: { name: \"x\", role: ADMIN }) { key } }",
            "mutation { retryParkedEvents(input: {}) { userErrors { code } } }",
            "{ processes { name } }",
            "{ parkedEvents { nodes { position } } }",
        ] {
            forbidden(&merchant.key, document).await;
            forbidden(&support, document).await;
        }
        let seen = app.ask(&support, "query ($id: ID!) { delivery(id: $id) { orderId } }", json!({ "id": delivery })).await;
        assert_eq!(seen["delivery"]["orderId"], json!("private-1"), "support reads every account");
    }

    async fn of_two_administrators_who_deactivate_each_other_one_stays(app: &TestApp) {
        let make = "mutation { createApiKey(input: { name: \"second\", role: ADMIN }) { key apiKey { id } } }";
        let deactivate = "mutation ($id: ID!) { deactivateApiKey(input: { apiKeyId: $id }) { userErrors { code } } }";
        let mut first = app.admin.api_key.clone();
        let keys = app.admin("{ account { apiKeys { id } } }", json!({})).await;
        let mut first_id = text(&keys["account"]["apiKeys"][0]["id"]);
        for _ in 0..10 {
            let made = app.ask(&first, make, json!({})).await["createApiKey"].clone();
            let (second, second_id) = (text(&made["key"]), text(&made["apiKey"]["id"]));
            let (a, b) = tokio::join!(
                app.try_ask(&first, deactivate, json!({ "id": second_id })),
                app.try_ask(&second, deactivate, json!({ "id": first_id })),
            );
            let works = async |key: &str| app.try_ask(key, "{ caller { keyName } }", json!({})).await["errors"].is_null();
            match (works(&first).await, works(&second).await) {
                (true, false) => {}
                (false, true) => (first, first_id) = (second, second_id),
                both => panic!("{both:?} may administer after {a} and {b}"),
            }
        }
    }

    async fn a_key_is_accepted_until_it_is_deactivated(app: &TestApp) {
        let merchant = app.merchant().await;
        let http = reqwest::Client::new();
        let body = json!({ "query": "{ account { name } }" });
        let url = format!("{}/graphql", app.node.url);
        let by_header = http.post(&url).header("x-api-key", &merchant.key).json(&body).send().await.unwrap();
        assert_eq!(by_header.json::<Value>().await.unwrap()["data"]["account"]["name"], json!("Storm Audio"));
        let anonymous = http.post(&url).json(&body).send().await.unwrap().json::<Value>().await.unwrap();
        assert_eq!(anonymous["errors"][0]["extensions"]["code"], json!("UNAUTHENTICATED"));
        for wrong in ["cb_live_wrong", "", "Bearer"] {
            let refused = http.post(&url).header("x-api-key", wrong).json(&body).send().await.unwrap();
            assert_eq!(refused.status().as_u16(), 401, "{wrong}");
        }
        let made = merchant.ask(
            "mutation { createApiKey(input: { name: \"spare\" }) { key apiKey { id active role requestsPerMinute } userErrors { code } } }",
            json!({}),
        ).await;
        let (key, id) = (text(&made["createApiKey"]["key"]), text(&made["createApiKey"]["apiKey"]["id"]));
        assert!(key.starts_with("cb_live_") && key.len() == 40);
        assert_eq!(made["createApiKey"]["apiKey"]["requestsPerMinute"], 600);
        app.ask(&key, "{ account { name } }", json!({})).await;
        let deactivate = "mutation ($id: ID!) { deactivateApiKey(input: { apiKeyId: $id }) { apiKey { active } } }";
        let only = app.admin("{ account { apiKeys { id } } }", json!({})).await["account"]["apiKeys"][0]["id"].clone();
        let refused = "mutation ($id: ID!) { deactivateApiKey(input: { apiKeyId: $id }) { userErrors { code } } }";
        let kept = app.admin(refused, json!({ "id": only })).await;
        assert_eq!(kept["deactivateApiKey"]["userErrors"][0]["code"], "LAST_ADMIN_KEY");
        for role in ["SUPPORT", "MERCHANT"] {
            let document = format!("mutation {{ createApiKey(input: {{ name: \"lower\", role: {role} }}) {{ key }} }}");
            let lower = text(&app.admin(&document, json!({})).await["createApiKey"]["key"]);
            let kept = app.try_ask(&lower, refused, json!({ "id": only })).await;
            assert_eq!(kept["errors"][0]["extensions"]["code"], "FORBIDDEN", "{role}: {kept}");
        }
        let gone = merchant.ask(deactivate, json!({ "id": id })).await;
        assert_eq!(gone["deactivateApiKey"]["apiKey"]["active"], json!(false));
        let refused = http.post(&url).bearer_auth(&key).json(&body).send().await.unwrap();
        assert_eq!(refused.status().as_u16(), 401);
        let listed = merchant.ask("{ account { apiKeys { name active preview } } }", json!({})).await;
        assert_eq!(listed["account"]["apiKeys"].as_array().unwrap().len(), 2, "deactivated, never deleted");
        assert!(!listed.to_string().contains(&key));
    }

    async fn lists_are_paged_both_ways(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        for n in 0..7 {
            shop.post(&orders::generic(&format!("order-{n}"), "max", &["STORM"])).await.accepted("queued");
        }
        app.settle().await;
        let document = r#"query ($first: Int, $after: String, $last: Int, $before: String) {
            deliveries(first: $first, after: $after, last: $last, before: $before) {
                nodes { orderId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            }
        }"#;
        let page = async |variables: Value| {
            let answer = merchant.ask(document, variables).await["deliveries"].clone();
            let orders: Vec<String> = answer["nodes"].as_array().unwrap().iter().map(|node| text(&node["orderId"])).collect();
            (orders, answer["pageInfo"].clone())
        };
        let (newest, info) = page(json!({ "first": 3 })).await;
        assert_eq!(newest, ["order-6", "order-5", "order-4"]);
        assert_eq!((&info["hasNextPage"], &info["hasPreviousPage"]), (&json!(true), &json!(false)));
        let (next, next_info) = page(json!({ "first": 3, "after": info["endCursor"] })).await;
        assert_eq!(next, ["order-3", "order-2", "order-1"]);
        let (rest, rest_info) = page(json!({ "first": 3, "after": next_info["endCursor"] })).await;
        assert_eq!((rest, &rest_info["hasNextPage"]), (vec!["order-0".to_owned()], &json!(false)));
        let (back, _) = page(json!({ "last": 2, "before": next_info["startCursor"] })).await;
        assert_eq!(back, ["order-5", "order-4"]);
        let (oldest, _) = page(json!({ "last": 2 })).await;
        assert_eq!(oldest, ["order-1", "order-0"]);

        let found = merchant.ask("{ deliveries(filter: { search: \"order-3\" }) { nodes { orderId } } }", json!({})).await;
        assert_eq!(found["deliveries"]["nodes"], json!([{ "orderId": "order-3" }]));
        for (order, found) in [("order-3", 1), ("#order-3", 1), ("order-", 0), ("%", 0)] {
            let filter = json!({ "filter": { "order": order } });
            let exact = merchant.ask("query ($filter: DeliveryFilter) { deliveries(filter: $filter) { nodes { id } } }", filter).await;
            assert_eq!(exact["deliveries"]["nodes"].as_array().unwrap().len(), found, "{order}");
        }
        let found = merchant.ask("{ deliveries(filter: { search: \"MAX\", status: [ACTION_REQUIRED] }) { nodes { orderId } } }", json!({})).await;
        assert_eq!(found["deliveries"]["nodes"].as_array().unwrap().len(), 7, "usernames are found whatever their case");
        // Usernames of another account are not found by searching.
        for filter in [json!({ "search": "max" }), json!({ "search": "ma", "accountId": merchant.id })] {
            let found = orders_found(app, &app.admin.api_key, filter).await;
            assert!(found.is_empty(), "{found:?}");
        }
    }

    async fn queries_are_bounded_and_a_bad_argument_is_named(app: &TestApp) {
        let merchant = app.merchant().await;
        let says = async |document: &str, needle: &str| {
            let answer = app.try_ask(&merchant.key, document, json!({})).await;
            let message = text(&answer["errors"][0]["message"]);
            assert!(message.contains(needle), "{document}: {answer}");
            assert!(!message.to_lowercase().contains("select"), "no SQL leaks: {message}");
        };
        says("{ deliveries(first: 101) { nodes { id } } }", "first must be between 1 and 100").await;
        says("{ deliveries(first: 0) { nodes { id } } }", "first must be between 1 and 100").await;
        says("{ deliveries(first: 1, last: 1) { nodes { id } } }", "last").await;
        says("{ deliveries(after: \"x'; DROP TABLE events\") { nodes { id } } }", "after is not a cursor").await;
        says("{ deliveries(filter: { receivedFrom: \"yesterday\" }) { nodes { id } } }", "argument \"filter.receivedFrom\", expected type \"DateTime\"").await;
        says("{ deliveries(first: 99999999999) { nodes { id } } }", "Only integers from -2147483648 to 2147483647 are accepted").await;
        says("{ deliveries(filter: { status: [DONE] }) { nodes { id } } }", "argument \"filter.status.0\", enumeration type \"DeliveryStatus\" does not contain the value \"DONE\"").await;
        says("{ delivery(id: true) { id } }", "argument \"id\", expected type \"ID\"").await;
        let by_variable = app.try_ask(
            &merchant.key,
            "query ($f: DeliveryFilter, $n: Int) { deliveries(first: $n, filter: $f) { nodes { id } } }",
            json!({ "f": { "receivedTo": "2026-13-01" }, "n": 5 }),
        ).await;
        assert!(text(&by_variable["errors"][0]["message"]).contains("argument \"filter.receivedTo\", expected type"), "{by_variable}");
        assert_eq!(by_variable["errors"][0]["extensions"]["code"], json!("INVALID_ARGUMENT"));
        let before = app.service().data.log.head();
        let late = app.try_ask(
            &merchant.key,
            "mutation { a: createApiKey(input: { name: \"a\" }) { key } b: moveDelivery(input: { deliveryId: \"1\", at: \"soon\" }) { userErrors { code } } }",
            json!({}),
        ).await;
        assert_eq!((&late["errors"][0]["extensions"]["code"], &late["data"]), (&json!("INVALID_ARGUMENT"), &Value::Null));
        assert_eq!(app.service().data.log.head(), before, "a bad value is found before anything is done");
        says("{ deliveryStats(from: \"2026-01-02T00:00:00Z\", to: \"2026-01-01T00:00:00Z\", bucket: DAY) { received } }", "to must come after").await;
        let nested = "{ integrations(first: 100) { nodes { deliveries(first: 100) { nodes { timeline(first: 100) { nodes { data } } } } } } }";
        says(nested, "too complex").await;
        let deep = format!("{{ deliveries {{ nodes {{ {}id{} }} }} }}", "duplicateOf { ".repeat(20), " }".repeat(20));
        says(&deep, "too deep").await;
        let hostile = merchant.ask("{ deliveries(filter: { search: \"%' OR 1=1 --\" }) { nodes { id } } }", json!({})).await;
        assert_eq!(hostile["deliveries"]["nodes"], json!([]));
        let nul = merchant.ask("query ($id: ID!) { delivery(id: $id) { id } }", json!({ "id": "\u{0}" })).await;
        assert_eq!(nul["delivery"], Value::Null);
    }

    async fn a_subscriber_gets_its_own_deliveries(app: &TestApp) {
        let owner = app.merchant().await;
        let stranger = app.merchant().await;
        let shop = owner.shop(Provider::Generic).await;
        let other = stranger.shop(Provider::Generic).await;
        let mut watcher = watch(app, &owner.key, Some(&shop.id)).await;
        let mut spy = watch(app, &stranger.key, None).await;
        let mut burglar = watch(app, &stranger.key, Some(&shop.id)).await;
        shop.post(&orders::generic("watched", "mutual_max", &["STORM"])).await.accepted("queued");
        loop {
            let change = next(&mut watcher).await;
            assert_eq!(change["orderId"], json!("watched"));
            if change["status"] == "COMPLETED" {
                break;
            }
        }
        other.post(&orders::generic("own", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(next(&mut spy).await["orderId"], json!("own"), "the first thing a stranger hears of is their own");
        burglar.send(Message::text(json!({ "type": "ping" }).to_string())).await.unwrap();
        assert_eq!(read(&mut burglar).await["type"], json!("pong"), "another's integration shows nothing");

        let keys = owner.ask("{ account { apiKeys { id } } }", json!({})).await;
        let deactivate = "mutation ($id: ID!) { deactivateApiKey(input: { apiKeyId: $id }) { userErrors { code } } }";
        owner.ask(deactivate, json!({ "id": keys["account"]["apiKeys"][0]["id"] })).await;
        shop.post(&orders::generic("unseen", "mutual_max", &["STORM"])).await.accepted("queued");
        loop {
            let message = read(&mut watcher).await;
            if message["type"] == "complete" {
                break;
            }
            assert_ne!(message["payload"]["data"]["deliveryChanged"]["orderId"], json!("unseen"), "{message}");
        }
    }

    async fn a_socket_does_nothing_more_for_a_key_that_was_deactivated(app: &TestApp) {
        let merchant = app.merchant().await;
        let mut socket = watch(app, &merchant.key, None).await;
        let asked = async |socket: &mut Socket, id: &str, query: &str| {
            let message = json!({ "type": "subscribe", "id": id, "payload": { "query": query } });
            socket.send(Message::text(message.to_string())).await.unwrap();
            loop {
                let message = read(socket).await;
                if message["id"] == id && message["type"] != "complete" {
                    return message["payload"].clone();
                }
            }
        };
        let answer = asked(&mut socket, "2", "{ account { name apiKeys { id } } }").await;
        assert_eq!(answer["data"]["account"]["name"], json!("Storm Audio"), "{answer}");
        let bad = asked(&mut socket, "3", "{ deliveries(first: 1.5) { nodes { id } } }").await;
        assert!(bad.to_string().contains("argument \\\"first\\\"") && bad.to_string().contains("INVALID_ARGUMENT"), "{bad}");

        let id = &answer["data"]["account"]["apiKeys"][0]["id"];
        let deactivate = "mutation ($id: ID!) { deactivateApiKey(input: { apiKeyId: $id }) { userErrors { code } } }";
        merchant.ask(deactivate, json!({ "id": id })).await;
        let before = app.service().data.log.head();
        for (id, query) in [
            ("4", "{ account { name } }"),
            ("5", "mutation { createApiKey(input: { name: \"again\" }) { key } }"),
            ("6", "subscription { deliveryChanged { id } }"),
        ] {
            let answer = asked(&mut socket, id, query).await;
            assert!(answer.to_string().contains("UNAUTHENTICATED") && !answer.to_string().contains("Storm"), "{answer}");
        }
        assert_eq!(app.service().data.log.head(), before, "nothing was recorded");
    }

    async fn a_page_to_ask_with_is_served_to_a_browser(app: &TestApp) {
        for path in ["/graphql", "/graphql/page.js", "/graphql/page.css"] {
            let page = app.get(path).await;
            assert_eq!(page.status().as_u16(), 200);
            let policy = page.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(page.headers()["x-frame-options"], "DENY");
        }
        assert_eq!(app.get("/health").await.status().as_u16(), 200);
        let ready = app.get("/ready").await;
        assert_eq!((ready.status().as_u16(), ready.json::<Value>().await.unwrap()["ready"].clone()), (200, json!(true)));
    }
}

pub(crate) type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn watch(app: &TestApp, key: &str, integration_id: Option<&str>) -> Socket {
    let mut request = format!("{}/graphql", app.node.url.replace("http", "ws")).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let say = |message: Value| Message::text(message.to_string());
    let payload = json!({ "Authorization": format!("Bearer {key}") });
    socket.send(say(json!({ "type": "connection_init", "payload": payload }))).await.unwrap();
    assert_eq!(read(&mut socket).await["type"], json!("connection_ack"));
    let query = "subscription ($id: ID) { deliveryChanged(integrationId: $id) { orderId status } }";
    let payload = json!({ "query": query, "variables": { "id": integration_id } });
    socket.send(say(json!({ "type": "subscribe", "id": "1", "payload": payload }))).await.unwrap();
    // A ping is answered after what came before it, so the subscription stands once it is.
    socket.send(say(json!({ "type": "ping" }))).await.unwrap();
    assert_eq!(read(&mut socket).await["type"], json!("pong"));
    socket
}

async fn read(socket: &mut Socket) -> Value {
    let message = socket.next().await.expect("the socket stays open").expect("the message arrives");
    serde_json::from_str(message.to_text().expect("it is text")).expect("it is JSON")
}

async fn next(socket: &mut Socket) -> Value {
    let message = read(socket).await;
    assert_eq!(message["type"], json!("next"), "{message}");
    message["payload"]["data"]["deliveryChanged"].clone()
}
