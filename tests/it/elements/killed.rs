//! The service is killed while an instance is made or deleted: what was begun is there whole, or not at all, and can be done again.

use cloud_bridge::sandbox::{self, SandboxOptions};
use cloud_bridge::store_sandbox::{self, HoldPoint, Operation, Stage, StoreSandbox};
use event_log::clock::Clock;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Answer, answer, code_of, id_of, instance_body};
use crate::connecting::SHOP;
use crate::engines::{Databases, Engine};
use crate::process::Server;

struct World {
    databases: Databases,
    cortex: sandbox::Sandbox,
    stores: StoreSandbox,
}

impl World {
    async fn server(&self) -> Server {
        let shopify = format!("{}/shopify/{{store}}", self.stores.base_url());
        let rules = ["--allow-http-endpoints", "--allow-endpoint-range", "127.0.0.0/8", "--shopify-api-url", &shopify];
        Server::start_with(&self.databases, self.cortex.base_url(), &rules).await
    }
}

fn request(server: &Server, method: Method, path: &str) -> RequestBuilder {
    let url = format!("{}/elements/api-v2{path}", server.url);
    let key = &server.admin_key;
    reqwest::Client::new().request(method, url).header("authorization", format!("User {key}, Organization {key}"))
}

async fn call(server: &Server, method: Method, path: &str) -> Answer {
    answer(request(server, method, path)).await
}

/// Kills the server once the store holds its call.
async fn killed(world: &World, server: Server, operation: Operation, at: HoldPoint, begun: RequestBuilder) {
    world.stores.hold(operation, at);
    let under_way = tokio::spawn(begun.send());
    world.stores.wait_for(operation, Stage::Held, 1).await.unwrap();
    server.kill().await;
    assert!(under_way.await.unwrap().is_err(), "nothing was answered");
    world.stores.release(operation);
}

async fn an_instance_is_made_and_deleted_in_spite_of_kills(engine: Engine) {
    let listener = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = World {
        databases: Databases::create(engine).await,
        cortex: sandbox::start(listener().await, SandboxOptions::default()).unwrap(),
        stores: store_sandbox::start(listener().await, Clock::default()).unwrap(),
    };
    let server = world.server().await;
    let code = code_of(&server.url, &world.stores, SHOP).await;
    let body = instance_body(&code, "http://127.0.0.1:9/events");
    let post = request(&server, Method::POST, "/instances").json(&body);
    killed(&world, server, Operation::ShopifyToken, HoldPoint::AfterEffect, post).await;

    let server = world.server().await;
    assert_eq!(call(&server, Method::GET, "/instances").await.ok(), json!([]));
    let nothing = "{ integrations(first: 1) { nodes { id } } endpoints(first: 1) { nodes { id } } }";
    let nothing = server.ask(&server.admin_key, nothing, json!({})).await;
    assert_eq!((&nothing["integrations"]["nodes"], &nothing["endpoints"]["nodes"]), (&json!([]), &json!([])));
    let used = answer(request(&server, Method::POST, "/instances").json(&body)).await;
    used.refused(400);
    let code = code_of(&server.url, &world.stores, SHOP).await;
    let again = instance_body(&code, "http://127.0.0.1:9/events");
    let made = answer(request(&server, Method::POST, "/instances").json(&again)).await.ok();
    let path = format!("/instances/{}", id_of(&made));
    // Of the three topics, and that the app is gone.
    world.stores.wait_for(Operation::ShopifySubscribe, Stage::Answered, 4).await.unwrap();

    let delete = request(&server, Method::DELETE, &path);
    killed(&world, server, Operation::ShopifySubscriptions, HoldPoint::BeforeEffect, delete).await;
    let server = world.server().await;
    assert_eq!(call(&server, Method::GET, &path).await.ok(), made, "it is there as it was");
    call(&server, Method::DELETE, &path).await.ok();
    call(&server, Method::GET, &path).await.refused(404);
    assert_eq!(world.stores.subscriptions(SHOP), []);
    let rest = server.ask(&server.admin_key, "{ endpoints(first: 1) { nodes { id } } }", Value::Null).await;
    assert_eq!(rest["endpoints"]["nodes"], json!([]));

    server.kill().await;
    let World { databases, cortex, stores } = world;
    stores.stop().await;
    cortex.stop().await;
    databases.remove().await;
}

#[tokio::test]
async fn an_instance_is_made_and_deleted_in_spite_of_kills_on_sqlite() {
    an_instance_is_made_and_deleted_in_spite_of_kills(Engine::Sqlite).await;
}

#[tokio::test]
async fn an_instance_is_made_and_deleted_in_spite_of_kills_on_postgres() {
    an_instance_is_made_and_deleted_in_spite_of_kills(Engine::Postgres).await;
}
