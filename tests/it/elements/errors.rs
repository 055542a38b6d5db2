//! What is wrong is refused in the shape of Cloud Elements, with a sentence that says what to do.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{API_KEY, CALLBACK, Program, answer, instance_body, open_shop, receiver, text};
use crate::app::TestApp;
use crate::connecting::SHOP;
use crate::engines::on_each_engine;

/// The body of the document's cURL, which lacks a comma behind the secret.
const CURL: &str = r#"{
  "element": { "key": "" },
  "providerData": { "code": "xoz8AFqScK2ngM04kSSM" },
  "configuration": {
    "oauth.callback.url": "https://mycoolapp.com",
    "oauth.api.key": "xxxxxxxxxxxxxxxxxx",
    "oauth.api.secret": "xxxxxxxxxxxxxxxxxxxxxx"
    "event.notification.enabled": true,
    "shopify.webhook.topics": "orders/create, orders/updated, customers/create"
  },
  "tags": [ "Docs" ],
  "name": "API Instance"
}"#;

on_each_engine! {
    async fn the_documents_own_body_is_refused_where_it_lacks_a_comma(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let request = app.http.post(format!("{}/elements/api-v2/instances", app.node.url))
            .header("authorization", &program.authorization).header("content-type", "application/json");
        let refused = answer(request.try_clone().unwrap().body(CURL)).await.refused(400);
        assert!(refused.contains("no JSON") && refused.contains("line 8"), "{refused}");
        let mended = CURL.replace("xxxxxx\"\n", "xxxxxx\",\n");
        let refused = answer(request.try_clone().unwrap().body(mended.clone())).await.refused(400);
        assert!(refused.contains("element.key is empty"), "{refused}");
        let request = app.http.post(format!("{}/elements/api-v2/elements/shopify/instances", app.node.url))
            .header("authorization", &program.authorization).header("content-type", "application/json");
        let refused = answer(request.body(mended)).await.refused(400);
        assert!(refused.contains("shopify.site.address is missing"), "{refused}");
    }

    async fn what_cannot_be_an_instance_is_refused_before_the_code_is_used_up(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let code = program.code(SHOP).await;
        let body = instance_body(&code, &events.url);
        let set = |pointer: &str, value: Value| {
            let mut wrong = body.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            wrong
        };
        for (pointer, value, says) in [
            ("/element/key", json!("sfdc"), "no such element"),
            ("/providerData/code", json!(""), "providerData.code is missing"),
            ("/configuration/oauth.api.key", json!(""), "oauth.api.key is missing"),
            ("/configuration/oauth.api.secret", json!(null), "oauth.api.secret is missing"),
            ("/configuration/oauth.callback.url", json!(""), "oauth.callback.url is missing"),
            ("/configuration/shopify.site.address", json!("https://evil.example"), "the shop's name"),
            ("/configuration/shopify.site.address", json!("storm-audio.myshopify.com.evil.example"), "the shop's name"),
            ("/configuration/shopify.webhook.topics", json!("orders/create, carts/create"), "carts/create"),
            ("/configuration/shopify.webhook.topics", json!(""), "shopify.webhook.topics says"),
            ("/configuration/event.notification.callback.url", json!(""), "says where to"),
            ("/configuration/event.notification.callback.url", json!("http://10.0.0.1/"), "address"),
            ("/configuration/event.notification.enabled", json!("yes"), "true or false"),
            ("/configuration/event.notification.signature.key", json!("k".repeat(501)), "signature key"),
            ("/configuration", json!("oauth"), "configuration is an object"),
            ("/configuration", json!({ "oauth.api.keys": "x" }), "oauth.api.keys"),
            ("/tags", json!("Docs"), "tags is a list"),
            ("/tags", json!(["t".repeat(101)]), "tags"),
            ("/name", json!(" "), "name"),
            ("/name", json!(5), "name is a text"),
        ] {
            let refused = program.post("/instances", &set(pointer, value)).await.refused(400);
            assert!(refused.contains(says), "{pointer}: {refused}");
        }
        assert_eq!(program.get("/instances").await.ok(), json!([]));
        let none = merchant.ask("{ integrations(first: 5) { nodes { id } } endpoints(first: 5) { nodes { id } } }", json!({})).await;
        assert_eq!((&none["integrations"]["nodes"], &none["endpoints"]["nodes"]), (&json!([]), &json!([])));
        program.post("/instances", &body).await.ok();
    }

    async fn a_code_is_good_for_one_instance(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let body = instance_body(&program.code(SHOP).await, &events.url);
        let (one, other) = tokio::join!(program.post("/instances", &body), program.post("/instances", &body));
        let made = [&one, &other].iter().filter(|answer| answer.status == StatusCode::OK).count();
        assert_eq!(made, 1, "{one:?} {other:?}");
        let refused = program.post("/instances", &body).await;
        assert!(text(&refused.body["providerMessage"]).contains("the code"), "{}", refused.body);
        refused.refused(400);
        assert_eq!(program.get("/instances").await.ok().as_array().unwrap().len(), 1);
    }

    async fn the_address_to_authorise_at_is_that_of_the_shop_and_of_nobody_else(app: &TestApp) {
        open_shop(&app.stores, SHOP);
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let stranger = Program { app, authorization: String::new() };
        let wanted = json!({ "apiKey": API_KEY, "callbackUrl": CALLBACK, "siteAddress": SHOP, "state": "a&b", "scope": "write_orders" });
        let shown = stranger.post("/elements/48/oauth/url", &wanted).await.ok();
        let url = text(&shown["oauthUrl"]);
        let (page, query) = url.split_once('?').unwrap();
        assert!(page.ends_with(&format!("/{SHOP}.myshopify.com/admin/oauth/authorize")), "{url}");
        assert_eq!(query, "client_id=the-programs-app&scope=write_orders&redirect_uri=https%3A%2F%2Fmycoolapp.com&state=a%26b");
        for (query, status, says) in [
            ("shopify/oauth/url?apiKey=k&callbackUrl=c", 400, "siteAddress is missing"),
            ("shopify/oauth/url?siteAddress=s&callbackUrl=https://c.example", 400, "apiKey is missing"),
            ("shopify/oauth/url?apiKey=k&siteAddress=s", 400, "callbackUrl is missing"),
            ("shopify/oauth/url?apiKey=k&callbackUrl=javascript:alert(1)&siteAddress=s", 400, "begins with https"),
            ("shopify/oauth/url?apiKey=k&callbackUrl=https://c.example&siteAddress=https://evil.example", 400, "shop's name"),
            ("sfdc/oauth/url?apiKey=k&callbackUrl=https://c.example&siteAddress=s", 404, "no element sfdc"),
        ] {
            let refused = program.get(&format!("/elements/{query}")).await.refused(status);
            assert!(refused.contains(says), "{refused}");
        }
    }

    async fn every_refusal_has_its_code(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        program.get("/instances/1").await.refused(404);
        program.get("/instances/nonsense").await.refused(404);
        program.get("/instances/99999999999").await.refused(404);
        program.get("/instances/1/nothing").await.refused(404);
        program.get("/hubs/ecommerce/orders").await.refused(404);
        program.get("/elements/sfdc/instances").await.refused(404);
        program.get("/instances/events/nonsense").await.refused(404);
        program.get("/notifications/subscriptions/1").await.refused(404);
        program.delete("/notifications/subscriptions/nonsense").await.refused(404);
        program.call(Method::POST, "/instances/1", Some(&json!({}))).await.refused(405);
        program.delete("/notifications/subscriptions/deliveries").await.refused(405);
        program.get("/instances?pageSize=0").await.refused(400);
        program.get("/instances?nextPage=x").await.refused(400);
        program.post("/instances", &json!([])).await.refused(400);
        program.patch("/instances/1", &json!({})).await.refused(404);
        let url = |path: &str| format!("{}/elements/api-v2{path}", app.node.url);
        let with_key = |request: reqwest::RequestBuilder| request.header("authorization", &program.authorization);
        let html = with_key(app.http.get(url("/instances"))).header("accept", "text/html");
        answer(html).await.refused(406);
        let form = with_key(app.http.post(url("/instances"))).form(&[("name", "x")]);
        answer(form).await.refused(415);
        let large = with_key(app.http.post(url("/instances"))).json(&json!({ "name": "x".repeat(300_000) }));
        answer(large).await.refused(400);
        for authorization in ["", "Bearer x", "User x", "User x, Organization y", "User , Organization ", "Organization y, Element z"] {
            let refused = Program { app, authorization: authorization.to_owned() }.get("/instances").await.refused(401);
            assert!(refused.contains("API_KEY") || refused.contains("API keys") || refused.contains("token"), "{refused}");
        }
        answer(app.http.get(url("/instances"))).await.refused(401);
    }

    async fn an_account_sets_what_becomes_of_what_fails(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let policy = |policy: &str| json!({ "notification.webhook.failure.policy": policy });
        assert_eq!(program.get("/accounts/settings").await.ok(), policy("retry"));
        assert_eq!(program.post("/accounts/settings", &policy("queue")).await.ok(), policy("queue"));
        assert_eq!(program.get(&format!("/accounts/{}/settings", merchant.id)).await.ok(), policy("queue"));
        assert_eq!(program.patch(&format!("/accounts/{}/settings", merchant.id), &policy("retry")).await.ok(), policy("retry"));
        program.patch("/accounts/settings", &policy("drop")).await.refused(400);
        program.patch("/accounts/settings", &json!({ "notification.policy": "queue" })).await.refused(400);
        program.patch("/accounts/settings", &json!(null)).await.refused(400);
        program.get("/accounts/another/settings").await.refused(403);
    }
}
