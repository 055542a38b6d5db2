use std::collections::HashSet;
use std::env::var;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const MAX_BYTES: usize = 4 * 1024 * 1024;

struct Receiver {
    /// The base64 after `whsec_`, decoded.
    key: Vec<u8>,
    /// Ids of events that were handled. In a real receiver a table with a unique key, written with what the event changes.
    handled: Mutex<HashSet<String>>,
}

fn is_verified(key: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if !timestamp.parse::<u64>().is_ok_and(|sent| sent.abs_diff(now) <= 300) {
        return false;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may be of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    // While a secret is rotated there are several signatures, separated by spaces. One has to fit.
    header("webhook-signature").split(' ').any(|signature| {
        let code = signature.strip_prefix("v1,").and_then(|code| STANDARD.decode(code).ok());
        // Compares in constant time.
        code.is_some_and(|code| mac.clone().verify_slice(&code).is_ok())
    })
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !is_verified(&receiver.key, &headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    if headers.get("webhook-test").is_some_and(|value| value == "true") {
        return StatusCode::NO_CONTENT; // A sample, sent by `endpoints test`: nothing has happened.
    }
    let Ok(event) = serde_json::from_slice::<serde_json::Value>(&body) else { return StatusCode::BAD_REQUEST };
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    if receiver.handled.lock().expect("nothing panics with it").insert(id.clone()) {
        // Put it into a queue of yours here, and respond at once. A body of the profile `cloud_elements` has no `type`.
        println!("{} {id}", event["type"].as_str().unwrap_or("notification"));
    }
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = var("WEBHOOK_SECRET")?;
    let key = STANDARD.decode(secret.strip_prefix("whsec_").ok_or("a secret begins with whsec_")?)?;
    let receiver = Arc::new(Receiver { key, handled: Mutex::default() });
    let port = var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}/webhooks", listener.local_addr()?);
    let router = Router::new().route("/webhooks", post(receive)).with_state(receiver);
    axum::serve(listener, router.layer(DefaultBodyLimit::max(MAX_BYTES))).await?;
    Ok(())
}
