//! No account reaches another's instances, whatever id, token or header is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Program, buy, id_of, instance_body, receiver, text};
use crate::app::TestApp;
use crate::engines::on_each_engine;

on_each_engine! {
    async fn another_accounts_instances_are_not_there(app: &TestApp) {
        let (merchant, stranger) = (app.merchant().await, app.merchant().await);
        let (program, foreign, mut events) = (Program::of(&merchant), Program::of(&stranger), receiver(app).await);
        let instance = program.instance(&events.url).await;
        buy(app, "follows_at_once").await;
        events.next().await;
        let (id, token) = (id_of(&instance), text(&instance["token"]));
        let subscription = text(&instance["configuration"]["event.notification.subscription.id"]);
        let event = text(&program.get("/instances/events").await.ok()[0]["id"]);
        let something = json!({ "name": "Mine", "propertyValue": "false" });
        for (method, path) in [
            (Method::GET, format!("/instances/{id}")),
            (Method::PATCH, format!("/instances/{id}")),
            (Method::PUT, format!("/instances/{id}")),
            (Method::DELETE, format!("/instances/{id}")),
            (Method::PUT, format!("/instances/{id}/enabled")),
            (Method::DELETE, format!("/elements/shopify/instances/{id}/enabled")),
            (Method::GET, format!("/instances/{id}/configuration")),
            (Method::PATCH, format!("/instances/{id}/configuration/1")),
            (Method::GET, format!("/instances/{id}/events")),
            (Method::GET, format!("/instances/{id}/events/{event}")),
            (Method::GET, format!("/instances/events/{event}")),
            (Method::GET, format!("/notifications/subscriptions/{subscription}")),
            (Method::DELETE, format!("/notifications/subscriptions/{subscription}")),
        ] {
            let body = (method != Method::GET && method != Method::DELETE).then_some(&something);
            let refused = foreign.call(method.clone(), &path, body).await.refused(404);
            assert!(!refused.contains("API Instance"), "{refused}");
        }
        let adds = json!({ "topics": [format!("instance-{id}-shopify-events")], "config": { "url": events.url } });
        foreign.post("/notifications/subscriptions", &adds).await.refused(404);
        for path in ["/instances", "/instances/events", "/notifications/subscriptions", "/notifications/subscriptions/deliveries"] {
            assert_eq!(foreign.get(path).await.ok(), json!([]), "{path}");
        }
        assert_eq!(foreign.call(Method::PUT, "/notifications/subscriptions/deliveries", None).await.ok(), json!([]));
        foreign.get(&format!("/accounts/{}/settings", merchant.id)).await.refused(403);
        Program::with_token(&stranger, &token).get("/instances").await.refused(401);
        let mixed = Program { app, authorization: format!("User {}, Organization {}", merchant.key, stranger.key) };
        mixed.get("/instances").await.refused(401);
        assert_eq!(program.get(&format!("/instances/{id}")).await.ok(), instance, "nothing of it is different");
    }

    async fn a_token_is_taken_whole_or_not_at_all(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let token = text(&instance["token"]);
        let mut other = STANDARD.decode(&token).unwrap();
        *other.last_mut().unwrap() ^= 1;
        for wrong in [STANDARD.encode(other), token[..32].to_owned(), String::new(), "nonsense".to_owned(), merchant.key.clone()] {
            let answer = Program::with_token(&merchant, &wrong).get("/instances").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        }
        Program::with_token(&merchant, &token).get("/instances").await.ok();
    }

    async fn support_sees_an_instance_of_another_and_not_its_token(app: &TestApp) {
        let merchant = app.merchant().await;
        let instance = Program::of(&merchant).instance(&receiver(app).await.url).await;
        let key = crate::endpoints::support(app).await;
        let support = Program { app, authorization: format!("User {key}, Organization {key}") };
        // Of its own account alone: others are seen in the API of the service.
        support.get(&format!("/instances/{}", id_of(&instance))).await.refused(404);
        support.post("/instances", &instance_body("code", "")).await.refused(403);
    }
}
