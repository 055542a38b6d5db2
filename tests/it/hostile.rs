//! An attacker at each endpoint.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use cloud_bridge::sandbox::{self, SandboxOptions};
use domain::integration::Provider;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{TestApp, sign, text};
use crate::delivering::preset;
use crate::engines::on_each_engine;
use crate::orders;
use crate::process::cloud_bridge;

async fn connected(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.node.url.trim_start_matches("http://")).await.expect("the service listens")
}

on_each_engine! {
    async fn header_sets_without_end_are_refused(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
        let many = (0..1_000).map(|number| format!("x-{number}: a\r\n")).collect::<Vec<_>>().concat();
        let long = format!("x-long: {}\r\n", "a".repeat(2 * 1_024 * 1_024));
        for headers in [many, long] {
            let mut socket = connected(app).await;
            let request = format!("POST {} HTTP/1.1\r\nhost: bridge\r\n{headers}\r\n", shop.path());
            // The service may have closed the connection long before the last header.
            socket.write_all(request.as_bytes()).await.ok();
            let mut answer = vec![];
            socket.read_to_end(&mut answer).await.ok();
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
        shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
    }

    async fn silent_connections_keep_no_store_out(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
        let silent = join_all((0..400).map(|_| connected(app))).await;
        shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        assert_eq!(silent.len(), 400);
    }

    async fn a_query_is_multiplied_by_no_trick(app: &TestApp) {
        let merchant = app.merchant().await;
        let page = "deliveries(first: 100) { nodes { timeline(first: 100) { nodes { data } } } }";
        let aliases = (0..500).map(|number| format!("a{number}: {page} ")).collect::<Vec<_>>().concat();
        let spread = (0..500).map(|number| format!("a{number}: account {{ ...F }} ")).collect::<Vec<_>>().concat();
        let directives = format!("{{ account {{ id {} }} }}", "@include(if: true) ".repeat(1_000));
        for document in [
            format!("{{ {aliases} }}"),
            format!("{{ {spread} }} fragment F on Account {{ {page} }}"),
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
            directives,
            format!("{{ account {} }}", "{ id".repeat(5_000)),
        ] {
            let answer = app.try_ask(&merchant.key, &document, json!({})).await;
            let refused = answer["errors"][0]["message"].is_string() || answer["error"]["message"].is_string();
            assert!(refused && answer["data"].is_null(), "{}: {answer}", &document[..80]);
        }
    }

    async fn fragments_that_multiply_each_other_are_refused_before_anything_is_spread(app: &TestApp) {
        let merchant = app.merchant().await;
        let bomb = |times: usize, deep: usize| {
            let levels = (0..deep).map(|level| {
                format!("fragment F{level} on Query {{ {} }} ", format!("...F{} ", level + 1).repeat(times))
            });
            format!("query {{ ...F0 }} {} fragment F{deep} on Query {{ __typename }}", levels.collect::<String>())
        };
        for document in [bomb(10, 13), bomb(10, 6), bomb(200, 30), bomb(2, 40), bomb(1, 100)] {
            let answer = app.try_ask(&merchant.key, &document, json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], json!("QUERY_TOO_LARGE"), "{answer}");
        }
        assert_eq!(merchant.ask("{ account { name } }", json!({})).await["account"]["name"], json!("Storm Audio"));
    }

    async fn a_long_variable_under_many_names_is_refused_before_it_is_copied(app: &TestApp) {
        let merchant = app.merchant().await;
        let aliases: Vec<_> = (0..2_400).map(|number| format!("a{number}:integration(id:$x){{id}} ")).collect();
        let query = format!("query($x:ID!){{{}}}", aliases.concat());
        let long = "x".repeat(256 * 1_024 - query.len() - 100);
        let request = reqwest::Client::new().post(format!("{}/graphql", app.node.url)).bearer_auth(&merchant.key);
        let refused = request.json(&json!({ "query": query, "variables": { "x": long } })).send().await.unwrap();
        let refused: Value = refused.json().await.unwrap();
        assert_eq!(refused["errors"][0]["extensions"]["code"], "QUERY_TOO_LARGE", "{refused}");
        assert_eq!(refused["data"], Value::Null);
        // As often as it likes, with what an id is like.
        let few = aliases[..100].concat();
        let answer = merchant.ask(&format!("query($x:ID!){{{few}}}"), json!({ "x": merchant.id })).await;
        assert_eq!(answer["a99"], Value::Null);
    }

    async fn the_schema_is_shown_to_keys_alone_and_no_answer_is_endless(app: &TestApp) {
        let merchant = app.merchant().await;
        let curious = "{ ...F } fragment F on Query { __schema { types { name } } }";
        assert!(merchant.ask(curious, json!({})).await.to_string().contains("DeliveryFilter"));
        let url = format!("{}/graphql", app.node.url);
        // Nothing is read of what strangers ask, and soon nothing more is answered.
        let mut statuses = vec![];
        for _ in 0..61 {
            let stranger = reqwest::Client::new().post(&url).json(&json!({ "query": curious })).send().await.unwrap();
            statuses.push(stranger.status().as_u16());
        }
        assert!(statuses[..60].iter().all(|status| *status == 401) && statuses[60] == 429, "{statuses:?}");
        let refused = app.try_ask("cb_live_guessed", curious, json!({})).await;
        assert_eq!(refused["error"]["code"], json!("RATE_LIMIT_EXCEEDED"), "{refused}");
        // Four thousand aliases of each field of each type would be a hundred megabytes.
        let aliases = (0..4_500).map(|number| format!("a{number}: name ")).collect::<Vec<_>>().concat();
        let endless = format!("{{ __schema {{ types {{ fields {{ {aliases} }} }} }} }}");
        let answer = app.try_ask(&merchant.key, &endless, json!({})).await;
        assert_eq!((&answer["errors"][0]["extensions"]["code"], &answer["data"]), (&json!("ANSWER_TOO_LARGE"), &Value::Null));
    }

    async fn what_is_folded_or_written_out_costs_what_it_reads(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let mut order = orders::generic("1042", "mutual_max", &["STORM"]);
        order["note"] = json!("n".repeat(700_000));
        let id = shop.post(&order).await.accepted("queued");
        for number in 0..11 {
            order["orderId"] = json!(number.to_string());
            shop.post(&order).await.accepted("queued");
        }
        app.settle().await;
        let then = |aliases: usize| {
            let of = |n| format!("a{n}: delivery(id: \"{id}\", asOf: \"2100-01-01T00:00:00Z\") {{ status }} ");
            format!("{{ {} }}", (0..aliases).map(of).collect::<Vec<_>>().concat())
        };
        let folded = merchant.ask(&then(15), json!({})).await;
        assert_eq!(folded["a14"]["status"], json!("COMPLETED"));
        let refused = app.try_ask(&merchant.key, &then(20), json!({})).await;
        assert!(refused["data"].is_null() && refused.to_string().contains("too complex"), "{refused}");
        // One order under thousands of names is one row that all of them share.
        let fields = (0..2_000).map(|n| format!("a{n}: delivery(id: \"{id}\") {{ id }} ")).collect::<Vec<_>>().concat();
        assert_eq!(merchant.ask(&format!("{{ {fields} }}"), json!({})).await["a1999"]["id"], json!(id));
        // What is known of a customer comes in parts that are not large, and all of it comes.
        let export = "mutation ($after: String) { done: exportPersonalData(input: { customer: \"mutual_max\", after: $after }) {
            deliveries endCursor } }";
        let (mut all, mut parts, mut after) = (0, 0, Value::Null);
        loop {
            let part = merchant.ask(export, json!({ "after": after })).await["done"].clone();
            assert!(part.to_string().len() < 4 * 1_024 * 1_024, "{} bytes", part.to_string().len());
            all += part["deliveries"].as_array().unwrap().len();
            parts += 1;
            after = part["endCursor"].clone();
            if after.is_null() {
                break;
            }
        }
        assert_eq!((all, parts > 2), (12, true), "in {parts} parts");
    }

    async fn a_captured_webhook_delivers_nothing_more_under_other_headers(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let body = orders::shopify(1042, "follows_at_once", &["STORM"]).to_string().into_bytes();
        let id = shop.post_bytes(body.clone(), &[("x-shopify-topic", "orders/paid")]).await.accepted("queued");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        let other = app.merchant().await.shop(Provider::Shopify).await;
        for headers in [
            [("x-shopify-webhook-id", "b1"), ("x-shopify-topic", "orders/create")],
            [("x-shopify-event-id", "e9"), ("x-shopify-topic", "orders/updated")],
            [("x-shopify-shop-domain", "other.myshopify.com"), ("x-shopify-triggered-at", "2030-01-01T00:00:00Z")],
        ] {
            shop.post_bytes(body.clone(), &headers).await.accepted("duplicate");
        }
        // Nor does it open another merchant's endpoint, whose secret is another one.
        let (name, signature) = sign(shop.provider, &shop.secret, &body).unwrap();
        other.post_unsigned(body, &[(name, &signature)]).await.refused(401, "wrong_signature");
        app.settle().await;
        let shared = app.cortex.share_count(preset("storm"), "follows_at_once");
        assert_eq!(shared.effective, 1);
    }
}

/// The real binary as a person starts it, with its most verbose log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_is_logged_and_no_file_is_readable_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let logged = folder.path().join("logged");
    let mut command = cloud_bridge(folder.path());
    command
        .args(["--json", "--log-level", "debug", "serve", "--listen", "127.0.0.1:0", "--cortex-url", cortex.base_url()])
        .args(["--data-dir", "data"]);
    let stderr = std::fs::File::create(&logged).unwrap();
    let mut server = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let said: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let (url, admin) = (text(&said["listening"]), text(&said["adminKey"]));
    let http = reqwest::Client::new();
    let ask = async |key: &str, document: &str, input: Value| {
        let request = http.post(format!("{url}/graphql")).bearer_auth(key);
        let body = json!({ "query": document, "variables": { "input": input } });
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let opened = ask(
        &admin,
        "mutation ($input: CreateAccountInput!) { createAccount(input: $input) { apiKey } }",
        json!({ "name": "Storm Audio", "credits": 50 }),
    )
    .await;
    let key = text(&opened["data"]["createAccount"]["apiKey"]);
    let credentials = "mutation ($input: SaveCortexCredentialsInput!) { saveCortexCredentials(input: $input) { userErrors { code } } }";
    ask(&key, credentials, json!({ "email": sandbox::DEFAULT_EMAIL, "password": sandbox::DEFAULT_PASSWORD })).await;
    let create = "mutation ($input: CreateIntegrationInput!) {
        createIntegration(input: $input) { integration { id } signingSecret } }";
    let made = ask(&key, create, json!({ "provider": "GENERIC", "name": "Shop" })).await;
    let made = &made["data"]["createIntegration"];
    let (shop, secret) = (text(&made["integration"]["id"]), text(&made["signingSecret"]));
    let map = "mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) { userErrors { code } } }";
    let mapping = json!({ "integrationId": shop, "matchType": "SKU", "externalRef": "STORM", "resourceType": "PRESET", "resourceId": "storm" });
    ask(&key, map, mapping).await;

    let order = orders::generic("order 1042\nlevel=ERROR forged", "mutual_max", &["STORM"]).to_string().into_bytes();
    let (header, signature) = sign(Provider::Generic, &secret, &order).unwrap();
    let endpoint = format!("{url}/api/webhooks/generic/{shop}");
    let post = |body: Vec<u8>, signature: &str| {
        http.post(&endpoint)
            .header(header, signature)
            .header("x-webhook-topic", "orders/paid\u{a0}forged")
            .header("x-api-key", key.as_str())
            .body(body)
            .send()
    };
    let accepted = post(order.clone(), &signature).await.unwrap();
    assert_eq!(accepted.status().as_u16(), 202);
    let delivery = text(&accepted.json::<Value>().await.unwrap()["deliveryId"]);
    assert_eq!(post(order, "sha256=00").await.unwrap().status().as_u16(), 401);
    let half = br#"{"orderId":"max@music.com"#.to_vec();
    let signed = sign(Provider::Generic, &secret, &half).unwrap().1;
    assert_eq!(post(half, &signed).await.unwrap().status().as_u16(), 400);
    http.post(format!("{url}/api/webhooks/generic/max@music.com%0Aforged")).send().await.unwrap();
    ask("cb_live_wrongwrongwrongwrongwrongwrong12", "{ account { id } }", json!({})).await;
    ask(&key, "{ deliveries(filter: { search: \"max@music.com\" }) { nodes { id } } nothing }", json!({})).await;
    loop {
        let asked = ask(&key, &format!("{{ delivery(id: \"{delivery}\") {{ status }} }}"), json!({})).await;
        if asked["data"]["delivery"]["status"] == "COMPLETED" {
            break;
        }
    }

    only_its_owner_reads(folder.path().join("data").as_path());
    crate::process::signal(&server, rustix::process::Signal::TERM);
    assert!(server.wait().await.unwrap().success());
    cortex.stop().await;

    let logged = std::fs::read_to_string(logged).unwrap();
    for line in logged.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{line}");
    }
    assert!(logged.contains("webhook recorded") && logged.contains("attempt ended"), "{logged}");
    for secret in [
        admin.as_str(),
        &key,
        "wrongwrongwrong",
        &secret,
        sandbox::DEFAULT_PASSWORD,
        &signature,
        "mutual_max",
        "max@music.com",
        sandbox::DEFAULT_EMAIL,
        "STORM",
        "forged",
    ] {
        let found = logged.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret} is in the log");
    }
}

fn only_its_owner_reads(folder: &Path) {
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}
