//! Sockets of clients that say nothing, read nothing, or open too many.

use std::time::Duration;

use chrono::TimeDelta;
use cloud_bridge::api::http::Bounds;
use domain::integration::Provider;
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::app::{Node, TestApp, options, text};
use crate::delivering::wait_until;
use crate::engines::{Engine, on_each_engine};
use crate::graphql::Socket;
use crate::orders;

/// A socket on which nothing was said yet; or the status with which it was refused.
async fn opened(app: &TestApp) -> Result<Socket, u16> {
    let mut request = app.node.url.replace("http", "ws").into_client_request().unwrap();
    *request.uri_mut() = format!("{}/graphql", app.node.url.replace("http", "ws")).parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => Err(refused.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn begun(app: &TestApp, key: &str) -> Socket {
    let mut socket = opened(app).await.expect("there is room");
    say(&mut socket, json!({ "type": "connection_init", "payload": { "x-api-key": key } })).await;
    let Some(Ok(Message::Text(said))) = socket.next().await else { panic!("nothing was answered") };
    assert!(said.contains("connection_ack"), "{said}");
    socket
}

/// Why a socket was closed, once it was.
async fn closed(socket: &mut Socket) -> Option<CloseFrame> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => return frame,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

on_each_engine! {
    async fn who_does_not_say_who_it_is_is_let_go_and_keeps_no_connection_from_others(app: &TestApp) {
        let merchant = app.merchant().await;
        let silent = join_all((0..32).map(|_| opened(app))).await;
        let mut silent: Vec<Socket> = silent.into_iter().map(Result::unwrap).collect();
        assert_eq!(opened(app).await.err(), Some(503), "so many unknown ones from one address");
        let mut known = begun_in(app, &merchant.key, &mut silent).await;
        app.advance(TimeDelta::seconds(11));
        for socket in &mut silent {
            let frame = closed(socket).await.expect("it says why");
            assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4408, "say who you are within 10 seconds"));
        }
        // The one that is known stays, and there is room again.
        say(&mut known, json!({ "type": "ping" })).await;
        assert!(matches!(known.next().await, Some(Ok(Message::Text(said))) if said.contains("pong")));
        begun(app, &merchant.key).await;
        app.advance(TimeDelta::seconds(91));
        let frame = closed(&mut known).await.expect("it says why");
        assert!(frame.reason.contains("no message came"), "{frame:?}");
    }

    async fn who_tries_keys_on_sockets_is_counted_by_address_like_any_stranger(app: &TestApp) {
        let merchant = app.merchant().await;
        app.advance(TimeDelta::seconds(60 - app.clock.now().timestamp().rem_euclid(60)));
        for _ in 0..60 {
            let mut socket = opened(app).await.expect("it may try");
            say(&mut socket, json!({ "type": "connection_init", "payload": { "x-api-key": "cb_live_wrong" } })).await;
            let frame = closed(&mut socket).await.expect("it says why");
            assert!(frame.reason.contains("valid API key"), "{frame:?}");
        }
        assert_eq!(opened(app).await.err(), Some(429));
        let request = reqwest::Client::new().post(format!("{}/graphql", app.node.url)).json(&json!({ "query": "{ caller { role } }" }));
        assert_eq!(request.send().await.unwrap().status().as_u16(), 429, "it is one count");
        merchant.ask("{ account { id } }", json!({})).await;
        app.advance(TimeDelta::seconds(60));
        begun(app, &merchant.key).await;
    }

    async fn a_key_has_so_many_sockets_and_no_more(app: &TestApp) {
        let (merchant, other) = (app.merchant().await, app.merchant().await);
        let mut sockets = vec![];
        for _ in 0..64 {
            sockets.push(begun(app, &merchant.key).await);
        }
        let mut one_more = opened(app).await.unwrap();
        say(&mut one_more, json!({ "type": "connection_init", "payload": { "x-api-key": merchant.key } })).await;
        let frame = closed(&mut one_more).await.expect("it says why");
        assert!(frame.reason.contains("too many sockets"), "{frame:?}");
        begun(app, &other.key).await;
        drop(sockets);
    }

    async fn a_socket_that_is_not_read_keeps_no_other_waiting(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let other = app.merchant().await;
        let fields = (0..300).map(|number| format!("a{number}: orderId b{number}: status ")).collect::<Vec<_>>().concat();
        let mut unread = vec![];
        for _ in 0..4 {
            let mut socket = begun(app, &merchant.key).await;
            for id in 0..10 {
                let query = format!("subscription {{ deliveryChanged {{ {fields} }} }}");
                say(&mut socket, json!({ "type": "subscribe", "id": id.to_string(), "payload": { "query": query } })).await;
            }
            // Subscribed to for certain.
            say(&mut socket, json!({ "type": "ping" })).await;
            assert!(matches!(socket.next().await, Some(Ok(Message::Text(said))) if said.contains("pong")));
            unread.push(socket);
        }
        for order in 0..200 {
            shop.post(&orders::generic(&order.to_string(), "never_follows", &["STORM"])).await.accepted("queued");
            let answer = other.ask("{ account { name } deliveries(first: 5) { nodes { id } } }", json!({})).await;
            assert_eq!(text(&answer["account"]["name"]), "Storm Audio");
        }
        app.settle().await;
        assert_eq!(app.get("/ready").await.status().as_u16(), 200);
        for socket in &mut unread {
            let frame = closed(socket).await;
            assert!(frame.is_none_or(|frame| frame.reason.contains("not read as fast")), "it was let go");
        }
        begun(app, &merchant.key).await;
    }
}

/// As many connections as there may be, one of which reads nothing: it is let go, and stopping waits for none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_let_go_and_none_keeps_the_service_from_stopping() {
    let app = TestApp::start(Engine::Sqlite).await;
    let merchant = app.merchant().await;
    let shop = merchant.shop(Provider::Generic).await;
    for order in 0..100 {
        shop.post(&orders::generic(&order.to_string(), "never_follows", &["STORM"])).await.accepted("queued");
    }
    app.settle().await;
    let (key, TestApp { databases, cortex, node, clock, .. }) = (merchant.key.clone(), app);
    node.stop().await;
    let bounds = Bounds { connections: 3, write_timeout: Duration::from_millis(300), ..Bounds::default() };
    let node = Node::start_within(options(&databases, &cortex, 0), clock, bounds).await;
    let address = node.url.trim_start_matches("http://").to_owned();

    let mut unread = TcpStream::connect(&address).await.unwrap();
    let fields =
        (0..150).map(|number| format!("a{number}: orderId b{number}: receivedAt ")).collect::<Vec<_>>().concat();
    let query = json!({ "query": format!("{{ deliveries(first: 50) {{ nodes {{ {fields} }} }} }}") }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: a\r\nx-api-key: {key}\r\ncontent-length: {}\r\n\r\n{query}",
        query.len()
    );
    // Without a word of the answers being read: they fill what the kernel keeps, and then the service waits.
    for _ in 0..100 {
        unread.write_all(request.as_bytes()).await.unwrap();
    }
    // The other connections are taken, for the ten seconds in which a request has to begin.
    let idle = join_all((0..2).map(|_| TcpStream::connect(&address))).await;
    let health = reqwest::get(format!("{}/health", node.url));
    let healthy = tokio::time::timeout(Duration::from_secs(8), health).await.expect("a connection came free").unwrap();
    assert_eq!(healthy.status().as_u16(), 200);
    let mut rest = vec![0; 64 * 1_024];
    while unread.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    drop(idle);

    // All connections are taken, and one more waits outside.
    let idle = join_all((0..4).map(|_| TcpStream::connect(&address))).await;
    let stopping = tokio::time::timeout(Duration::from_secs(15), node.stop()).await;
    assert!(stopping.is_ok(), "it stops with every connection taken");
    drop(idle);
    cortex.stop().await;
    databases.remove().await;
}

/// Callers of the API, and idle connections to it, leave connections to stores.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_have_connections_that_the_api_cannot_take() {
    let app = TestApp::start(Engine::Sqlite).await;
    let shop = app.merchant().await.shop(Provider::Generic).await.known();
    let (app, bounds) = (app.stop_node().await, Bounds { connections: 8, connections_of_api: 2, ..Bounds::default() });
    let app = app.start_within(bounds).await;
    let address = app.node.url.trim_start_matches("http://").to_owned();
    let ask = async || {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 1_024];
        let read = stream.read(&mut answer).await.unwrap();
        (stream, String::from_utf8_lossy(&answer[..read]).to_lowercase())
    };
    // Connections that stay open.
    let (first, second) = (ask().await, ask().await);
    assert!(first.1.starts_with("http/1.1 200") && second.1.starts_with("http/1.1 200"), "{}", second.1);
    let (_, refused) = ask().await;
    assert!(refused.starts_with("http/1.1 503") && refused.contains("connection: close"), "{refused}");
    for order in 0..10 {
        let order = orders::generic(&order.to_string(), "never_follows", &["STORM"]);
        app.again(&shop).post(&order).await.accepted("queued");
    }
    drop((first, second));
    let again = wait_until(&app, async || ask().await.1.starts_with("http/1.1 200").then_some(()));
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("a connection that was left is free");
    app.finish().await;
}

/// One of the sockets that said nothing, now known; its permit among the unknown is free for another.
async fn begun_in(app: &TestApp, key: &str, silent: &mut Vec<Socket>) -> Socket {
    let mut socket = silent.pop().expect("there are some");
    say(&mut socket, json!({ "type": "connection_init", "payload": { "x-api-key": key } })).await;
    assert!(matches!(socket.next().await, Some(Ok(Message::Text(said))) if said.contains("connection_ack")));
    silent.push(opened(app).await.expect("a connection is free"));
    socket
}
