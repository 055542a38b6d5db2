//! Creating, changing and deleting endpoints, and who may.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::{DETAILS, Subscribers as _, change, secret_of, support};
use crate::app::{TestApp, text};
use crate::engines::on_each_engine;
use crate::erasure::found_in_databases;

const URL: &str = "https://192.88.98.1/webhooks";

on_each_engine! {
    async fn an_endpoint_is_created_and_listed_with_what_it_gets(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        let made = merchant.create_endpoint(json!({
            "url": format!(" {URL}"), "description": "Our warehouse", "eventTypes": ["order.*", "faq.approved"], "integrationIds": [shop.id],
            "filter": " @.data.total.amount > 5000 ", "headers": [{ "name": "X-Team", "value": "storm-and-rain" }],
            "profile": { "kind": "CLIONE", "headerWord": "Acme" }, "schedule": "CLOUD_ELEMENTS", "ordered": false, "ratePerSecond": 5, "concurrency": 2,
        })).await;
        assert_eq!(made["userErrors"], json!([]));
        let secret = secret_of(&made);
        assert_eq!(secret.len(), "whsec_".len() + 44, "32 bytes: {secret}");
        let endpoint = &made["endpoint"];
        let expected = json!({
            "url": URL, "description": "Our warehouse", "eventTypes": ["order.*", "faq.approved"], "integrations": [{ "id": shop.id }],
            "filter": "@.data.total.amount > 5000", "headerNames": ["X-Team"], "profile": "CLIONE", "headerWord": "Acme",
            "hasSignatureKey": null, "schedule": "CLOUD_ELEMENTS", "ordered": false, "ratePerSecond": 5, "concurrency": 2, "status": "ENABLED", "failing": null,
            "disabled": null, "previousSecretsUntil": null, "deletedAt": null, "account": { "id": merchant.id },
            "id": endpoint["id"], "signingSecretPreview": format!("…{}", &secret[secret.len() - 4..]),
        });
        assert_eq!(*endpoint, expected);
        assert_eq!(json!(merchant.endpoints().await), json!([expected]));
        let found = merchant.ask(&format!("query ($id: ID!) {{ endpoint(id: $id) {{ {DETAILS} }} }}"),
            json!({ "id": &text(&endpoint["id"])[..13] })).await;
        assert_eq!(found["endpoint"], expected, "by the beginning of its id");
        let usual = merchant.create_endpoint(json!({ "url": URL, "eventTypes": ["*"] })).await["endpoint"].clone();
        assert_eq!((&usual["profile"], &usual["ordered"], &usual["concurrency"]), (&json!("STANDARD"), &json!(true), &json!(10)));
        assert_eq!((&usual["ratePerSecond"], &usual["filter"]), (&Value::Null, &Value::Null));
    }

    async fn what_cannot_be_is_refused_by_its_field(app: &TestApp) {
        let (merchant, stranger) = (app.merchant().await, app.merchant().await);
        let foreign = stranger.bare_shop(Provider::Generic, &[]).await;
        let id = merchant.endpoint(URL).await;
        for (input, code, field) in [
            (json!({ "url": "nonsense" }), "INVALID_URL", "url"),
            (json!({ "url": "https://user:secret@example.com" }), "INVALID_URL", "url"),
            (json!({ "url": "https://example.com/#top" }), "INVALID_URL", "url"),
            (json!({ "url": r"https://8.8.8.8\@shop.example/" }), "INVALID_URL", "url"),
            (json!({ "url": "https://8.8.8.8/\u{202e}moc" }), "INVALID_URL", "url"),
            (json!({ "url": "ftp://192.88.98.1/" }), "URL_NOT_ALLOWED", "url"),
            (json!({ "url": "https://10.0.0.1/" }), "URL_NOT_ALLOWED", "url"),
            (json!({ "url": "https://[::1]/" }), "URL_NOT_ALLOWED", "url"),
            (json!({ "url": "https://169.254.169.254/latest" }), "URL_NOT_ALLOWED", "url"),
            (json!({ "url": "https://no-such-name.invalid/" }), "URL_NOT_RESOLVED", "url"),
            (json!({ "description": "x".repeat(501) }), "INVALID_DESCRIPTION", "description"),
            (json!({ "eventTypes": [] }), "INVALID_EVENT_TYPES", "eventTypes"),
            (json!({ "eventTypes": ["order.paid", "order.shipped"] }), "UNKNOWN_EVENT_TYPE", "eventTypes"),
            (json!({ "eventTypes": vec!["order.paid"; 51] }), "INVALID_EVENT_TYPES", "eventTypes"),
            (json!({ "integrationIds": [foreign.id] }), "NOT_FOUND", "integrationIds"),
            (json!({ "integrationIds": ["nonsense"] }), "NOT_FOUND", "integrationIds"),
            (json!({ "filter": "data.total > 5" }), "INVALID_FILTER", "filter"),
            (json!({ "filter": "@..amount > 5" }), "INVALID_FILTER", "filter"),
            (json!({ "filter": "x".repeat(501) }), "INVALID_FILTER", "filter"),
            (json!({ "filter": "@.data.items[-1].sku == 'A'" }), "INVALID_FILTER", "filter"),
            (json!({ "filter": "@.data.customer.email == 'fan@example.com'" }), "INVALID_FILTER", "filter"),
            (json!({ "headers": [{ "name": "Host", "value": "evil.example" }] }), "INVALID_HEADERS", "headers"),
            (json!({ "headers": [{ "name": "webhook-test", "value": "true" }] }), "INVALID_HEADERS", "headers"),
            (json!({ "headers": [{ "name": "X-Team", "value": "a\r\nHost: evil" }] }), "INVALID_HEADERS", "headers"),
            (json!({ "profile": { "kind": "CLIONE", "headerWord": "no word" } }), "INVALID_HEADER_WORD", "profile.headerWord"),
            (json!({ "profile": { "kind": "CLOUD_ELEMENTS", "signatureKey": "" } }), "INVALID_SIGNATURE_KEY", "profile.signatureKey"),
            (json!({ "profile": { "kind": "CLOUD_ELEMENTS", "elementKey": "" } }), "INVALID_ELEMENT_KEY", "profile.elementKey"),
            (json!({ "profile": { "kind": "CLOUD_ELEMENTS", "elementKey": "shop\u{7}ify" } }), "INVALID_ELEMENT_KEY", "profile.elementKey"),
            (json!({ "profile": { "kind": "STANDARD", "headerWord": "Acme" } }), "NOT_OF_PROFILE", "profile.headerWord"),
            (json!({ "profile": { "kind": "CLOUD_ELEMENTS", "headerWord": "Acme" } }), "NOT_OF_PROFILE", "profile.headerWord"),
            (json!({ "profile": { "kind": "CLIONE", "elementKey": "shop" } }), "NOT_OF_PROFILE", "profile.elementKey"),
            (json!({ "profile": { "kind": "STANDARD", "signatureKey": "key" } }), "NOT_OF_PROFILE", "profile.signatureKey"),
            (json!({ "ratePerSecond": 0 }), "INVALID_RATE", "ratePerSecond"),
            (json!({ "ratePerSecond": 1001 }), "INVALID_RATE", "ratePerSecond"),
            (json!({ "concurrency": -1 }), "INVALID_CONCURRENCY", "concurrency"),
            (json!({ "concurrency": 101 }), "INVALID_CONCURRENCY", "concurrency"),
        ] {
            let path: Vec<&str> = std::iter::once("input").chain(field.split('.')).collect();
            let expected = (json!(code), json!(path));
            let mut new = json!({ "url": URL, "eventTypes": ["*"] });
            new.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
            let refused = merchant.create_endpoint(new).await;
            let error = &refused["userErrors"][0];
            assert_eq!((error["code"].clone(), error["field"].clone()), expected, "{input} {refused}");
            let refused = merchant.update_endpoint(&id, input.clone()).await;
            let error = &refused["userErrors"][0];
            assert_eq!((error["code"].clone(), error["field"].clone()), expected, "{input} {refused}");
        }
        for secret in ["whsec_short", "no secret", "whsec_!!!!"] {
            let refused = merchant.create_endpoint(json!({ "url": URL, "eventTypes": ["*"], "signingSecret": secret })).await;
            assert_eq!(refused["userErrors"][0]["field"], json!(["input", "signingSecret"]), "{secret}");
        }
        assert_eq!(merchant.endpoints().await.len(), 1, "nothing came of all that");
    }

    async fn the_url_that_is_shown_is_the_one_that_is_called(app: &TestApp) {
        let merchant = app.merchant().await;
        let made = merchant.create_endpoint(json!({ "url": "HTTPS://0xC0.88.98.1:443/a/../hööks", "eventTypes": ["*"] })).await;
        assert_eq!(made["endpoint"]["url"], "https://192.88.98.1/h%C3%B6%C3%B6ks", "{made}");
        let changed = merchant.update_endpoint(&text(&made["endpoint"]["id"]), json!({ "url": "https://192.88.98.1" })).await;
        assert_eq!(changed["endpoint"]["url"], "https://192.88.98.1/");
    }

    async fn an_endpoint_is_changed_paused_resumed_and_deleted(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = merchant.endpoint(URL).await;
        let changed = merchant.update_endpoint(&id, json!({
            "filter": "@.data.paid == true", "ratePerSecond": 3, "headers": [{ "name": "X-Team", "value": "storm" }] })).await;
        assert_eq!(changed["endpoint"]["filter"], "@.data.paid == true");
        let half = merchant.update_endpoint(&id, json!({ "description": "new", "concurrency": 1000 })).await;
        assert_eq!(half["userErrors"][0]["code"], "INVALID_CONCURRENCY");
        let changed = merchant.update_endpoint(&id, json!({ "filter": null, "ratePerSecond": null })).await;
        let endpoint = &changed["endpoint"];
        assert_eq!((&endpoint["filter"], &endpoint["ratePerSecond"]), (&Value::Null, &Value::Null));
        assert_eq!((&endpoint["description"], &endpoint["headerNames"]), (&json!(""), &json!(["X-Team"])), "what is left out stays");
        for (verb, status) in [("pause", "PAUSED"), ("pause", "PAUSED"), ("resume", "ENABLED"), ("resume", "ENABLED"), ("delete", "DELETED"), ("delete", "DELETED")] {
            let done = merchant.act(verb, &id).await;
            assert_eq!((&done["endpoint"]["status"], &done["userErrors"]), (&json!(status), &json!([])), "{verb}");
        }
        assert_eq!(merchant.endpoints().await.len(), 0);
        let all = merchant.ask("{ endpoints(withDeleted: true) { nodes { id headerNames } } }", json!({})).await;
        assert_eq!(all["endpoints"]["nodes"], json!([{ "id": id, "headerNames": [] }]), "its headers are erased");
        for verb in ["pause", "resume"] {
            let refused = merchant.act(verb, &id).await["userErrors"][0].clone();
            assert_eq!((&refused["code"], &refused["field"]), (&json!("DELETED"), &json!(["input", "endpointId"])));
        }
    }

    async fn what_gives_access_is_sealed_and_not_shown_again(app: &TestApp) {
        let merchant = app.merchant().await;
        let (header, key) = ("Bearer-of-the-gateway", "key-of-cloud-elements");
        let made = merchant.create_endpoint(json!({ "url": URL, "eventTypes": ["*"],
            "headers": [{ "name": "Authorization", "value": header }],
            "profile": { "kind": "CLOUD_ELEMENTS", "signatureKey": key } })).await;
        assert_eq!(made["endpoint"]["hasSignatureKey"], json!(true));
        let secret = secret_of(&made);
        let id = text(&made["endpoint"]["id"]);
        merchant.update_endpoint(&id, json!({ "headers": [{ "name": "X-Gateway", "value": header }] })).await;
        merchant.rotate(&id, json!({})).await;
        app.settle().await;
        let secrets = [header, key, secret.as_str()];
        assert_eq!(found_in_databases(app, &secrets).await, Vec::<String>::new());
        let document = "query ($id: ID!) { eventStream(aggregateType: \"endpoint\", aggregateId: $id) { nodes { type data summary } } }";
        let stream = app.admin(document, json!({ "id": id })).await["eventStream"]["nodes"].to_string();
        assert!(stream.contains("headers_changed") && secrets.iter().all(|secret| !stream.contains(secret)), "{stream}");
        let seen = json!(merchant.endpoints().await).to_string();
        assert!(secrets.iter().all(|secret| !seen.contains(secret)), "{seen}");
    }

    async fn an_account_has_as_many_endpoints_as_it_may(app: &TestApp) {
        let merchant = app.merchant().await;
        let first = merchant.endpoint(URL).await;
        for _ in 1..50 {
            merchant.endpoint(URL).await;
        }
        let refused = merchant.create_endpoint(json!({ "url": URL, "eventTypes": ["*"] })).await;
        assert_eq!(refused["userErrors"][0]["code"], "TOO_MANY_ENDPOINTS");
        merchant.act("delete", &first).await;
        merchant.endpoint(URL).await;
    }

    async fn a_list_of_endpoints_goes_on_where_it_ended(app: &TestApp) {
        let merchant = app.merchant().await;
        let mut made = vec![];
        for _ in 0..3 {
            made.push(merchant.endpoint(URL).await);
        }
        let document = "query ($after: String) { endpoints(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }";
        let first = merchant.ask(document, json!({})).await["endpoints"].clone();
        assert_eq!(first["nodes"], json!([{ "id": made[0] }, { "id": made[1] }]));
        let rest = merchant.ask(document, json!({ "after": first["pageInfo"]["endCursor"] })).await["endpoints"].clone();
        assert_eq!((&rest["nodes"], &rest["pageInfo"]["hasNextPage"]), (&json!([{ "id": made[2] }]), &json!(false)));
    }

    async fn support_reads_endpoints_and_changes_none(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = merchant.endpoint(URL).await;
        let key = support(app).await;
        let list = "query ($account: ID) { endpoints(accountId: $account) { nodes { id } } }";
        assert_eq!(app.ask(&key, list, json!({ "account": merchant.id })).await["endpoints"]["nodes"], json!([{ "id": id }]));
        for document in ["pauseEndpoint", "deleteEndpoint", "testEndpoint", "rotateEndpointSecret"] {
            let refused = app.try_ask(&key, &change(document), json!({ "input": { "endpointId": id } })).await;
            assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{document} {refused}");
        }
        let new = json!({ "input": { "accountId": merchant.id, "url": URL, "eventTypes": ["*"] } });
        let refused = app.try_ask(&key, &change("createEndpoint"), new.clone()).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let made = app.admin(&change("createEndpoint"), new).await;
        assert_eq!(made["done"]["userErrors"], json!([]), "administrators may");
        assert_eq!(merchant.endpoints().await.len(), 2);
    }

    async fn anothers_endpoint_is_not_found(app: &TestApp) {
        let (owner, stranger) = (app.merchant().await, app.merchant().await);
        let id = owner.endpoint(URL).await;
        for document in ["updateEndpoint", "pauseEndpoint", "resumeEndpoint", "deleteEndpoint", "testEndpoint", "rotateEndpointSecret"] {
            for id in [id.as_str(), "nonsense", "01a00000-0000-7000-8000-000000000000"] {
                let refused = stranger.ask(&change(document), json!({ "input": { "endpointId": id } })).await["done"]["userErrors"][0].clone();
                assert_eq!((&refused["code"], &refused["field"]), (&json!("NOT_FOUND"), &json!(["input", "endpointId"])), "{document}");
            }
        }
        let found = stranger.ask("query ($id: ID!) { endpoint(id: $id) { id } endpoints { nodes { id } } }", json!({ "id": id })).await;
        assert_eq!(found, json!({ "endpoint": null, "endpoints": { "nodes": [] } }));
        let new = json!({ "input": { "accountId": owner.id, "url": URL, "eventTypes": ["*"] } });
        let refused = stranger.ask(&change("createEndpoint"), new).await["done"]["userErrors"][0].clone();
        assert_eq!(refused["field"], json!(["input", "accountId"]));
        assert_eq!(owner.endpoints().await.len(), 1);
    }
}
