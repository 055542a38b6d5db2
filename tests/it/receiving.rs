//! The receivers of docs/receiving-events.md, as they stand there: each is run, and sent what is signed and what is not.
//!
//! `CLOUD_BRIDGE_UPDATE_RECEIVER=1` writes the one in Rust, which is compiled with these tests, into the page.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use chrono::{DateTime, TimeDelta, Utc};
use commerce::profile::CustomHeaders;
use commerce::{Attempt, CommerceEventType, Endpoint, Event, Profile, Request, Secret, Secrets};
use event_log::clock::Clock;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use uuid::Uuid;

use crate::engines::setting;

#[allow(
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it reads as in a program of its own"
)]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it reads its environment and the clock itself, and needs no crate for a lock, as a program of its own"
)]
mod in_rust {
    include!("receiving/receiver.rs");

    pub(super) fn run() {
        main().expect("it serves");
    }
}

/// Set in the environment of the test that is the receiver.
const IS_RECEIVER: &str = "CLOUD_BRIDGE_TEST_RECEIVER";
const RUST: &str = include_str!("receiving/receiver.rs");
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_SECRET: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/receiving-events.md")
}

/// The one block of the page in this language.
fn snippet(page: &str, language: &str) -> String {
    let opening = format!("```{language}\n");
    let blocks: Vec<&str> = page.split(&opening).skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    let [block] = &blocks[..] else { panic!("the page has {} blocks of {language}", blocks.len()) };
    format!("{block}\n")
}

/// A receiver that runs, and what it prints.
struct Receiver {
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Receiver {
    async fn start(mut command: Command, how_to_get_it: &str) -> Self {
        command.env("WEBHOOK_SECRET", SECRET).env("PORT", "0").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{how_to_get_it}: {error}"));
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let url = loop {
            let line = lines.next_line().await.expect("it can be read").expect("the receiver says where it listens");
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        Self { url, lines, _child: child }
    }

    async fn interpreted(
        interpreter: &str,
        language: &str,
        extension: &str,
        how_to_get_it: &str,
    ) -> (Self, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join(format!("receiver.{extension}"));
        let page = std::fs::read_to_string(page()).expect("there is the page");
        std::fs::write(&file, snippet(&page, language)).expect("the folder can be written");
        let mut command = Command::new(interpreter);
        command.arg(&file);
        (Self::start(command, how_to_get_it).await, folder)
    }

    async fn post(&self, request: Request) -> u16 {
        let mut post = reqwest::Client::new().post(&self.url).body(request.body);
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        post.send().await.expect("the receiver responds").status().as_u16()
    }

    /// The status of what is no request that a client of HTTP would make.
    async fn send_raw(&self, content_length: &str, body: &[u8]) -> u16 {
        let address = self.url.trim_start_matches("http://").trim_end_matches("/webhooks");
        let mut socket = TcpStream::connect(address).await.expect("the receiver listens");
        let head = format!("POST /webhooks HTTP/1.1\r\nhost: {address}\r\ncontent-length: {content_length}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.expect("the head is taken");
        let (reading, mut writing) = socket.split();
        let mut lines = BufReader::new(reading).lines();
        // It may respond before it has all of the body, and read no more of it.
        let (line, _) = tokio::join!(lines.next_line(), writing.write_all(body));
        let line = line.expect("it responds").expect("it responds");
        line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(crate::app::TIMEOUT, self.lines.next_line()).await;
        line.expect("it prints in time").expect("it can be read").expect("it runs")
    }
}

fn event(number: u128) -> Event {
    Event { id: Uuid::from_u128(number), ..Event::sample(CommerceEventType::OrderPaid) }
}

/// What the service would send at this moment, with the older secret too where there is one.
fn signed(event: &Event, secrets: Secrets, at: DateTime<Utc>) -> Request {
    signed_as(Profile::Standard, event, secrets, at)
}

fn signed_as(profile: Profile, event: &Event, secrets: Secrets, at: DateTime<Utc>) -> Request {
    let endpoint = Endpoint { profile, secrets, headers: CustomHeaders::default() };
    endpoint.message(event, None).request(Attempt { id: event.id, at })
}

fn secret(text: &str) -> Secret {
    Secret::parse(text).expect("it is a secret")
}

fn with(request: &Request, name: &str, value: &str) -> Request {
    let mut request = request.clone();
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), value.to_owned()));
    request
}

async fn verifies(receiver: &mut Receiver) {
    let now = Clock::default().now();
    let only = || Secrets { current: secret(SECRET), previous: vec![] };
    let good = signed(&event(1), only(), now);
    assert_eq!(receiver.post(good.clone()).await, 204);
    assert_eq!(receiver.line().await, format!("order.paid {}", event(1).id));
    assert_eq!(receiver.post(good.clone()).await, 204, "it has it already");

    let mut tampered = good.clone();
    tampered.body = String::from_utf8(tampered.body).unwrap().replace("1042", "1043").into_bytes();
    let moved = with(&good, "webhook-timestamp", &(now.timestamp() + 1).to_string());
    let other = with(&good, "webhook-id", &event(2).id.to_string());
    let unsigned = with(&good, "webhook-signature", "");
    let undated = with(&good, "webhook-timestamp", "soon");
    let far = with(&good, "webhook-timestamp", &"9".repeat(400));
    let farther = with(&good, "webhook-timestamp", &"9".repeat(5_000));
    for (what, request) in [
        ("another body", tampered),
        ("another time", moved),
        ("another id", other),
        ("no signature", unsigned),
        ("no time", undated),
        ("a time that no clock shows", far),
        ("a time that no number holds", farther),
        ("another secret", signed(&event(3), Secrets { current: secret(OTHER_SECRET), previous: vec![] }, now)),
        ("too old", signed(&event(4), only(), now - TimeDelta::minutes(6))),
        ("too new", signed(&event(5), only(), now + TimeDelta::minutes(6))),
    ] {
        assert_eq!(receiver.post(request).await, 401, "{what}");
    }

    let timeout = crate::app::TIMEOUT;
    for (length, statuses) in [("-1", [400, 400]), ("abc", [400, 400]), (&"9".repeat(5_000), [400, 413])] {
        let status =
            tokio::time::timeout(timeout, receiver.send_raw(length, b"{}")).await.expect("it responds in time");
        assert!(statuses.contains(&status), "{length:.10}: {status}");
    }
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    let status = tokio::time::timeout(timeout, receiver.send_raw(&large.len().to_string(), &large)).await;
    assert_eq!(status.expect("it responds in time"), 413, "more than 4 MiB");

    let sample = signed(&event(7), only(), now);
    assert_eq!(receiver.post(with(&sample, "webhook-test", "true")).await, 204);
    let unsigned = with(&with(&sample, "webhook-test", "true"), "webhook-signature", "");
    assert_eq!(receiver.post(unsigned).await, 401, "a sample is signed");
    assert_eq!(receiver.post(sample).await, 204, "it was not handled as a sample");
    assert_eq!(receiver.line().await, format!("order.paid {}", event(7).id), "nothing in between was handled");

    // Its body says nothing of the event's id.
    for number in [8, 9] {
        let profile = Profile::CloudElements { element: None, key: None };
        assert_eq!(receiver.post(signed_as(profile, &event(number), only(), now)).await, 204);
        assert_eq!(receiver.line().await, format!("notification {}", event(number).id));
    }
    let body = b"no JSON".to_vec();
    let headers = signing::standard_webhooks::sign("no-json", now, &body, &[b"0123456789abcdef0123456789abcdef"]);
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(receiver.post(Request { headers, body }).await, 400, "it is signed and no JSON");

    // While the secret is rotated: the new one first, which this receiver does not know yet.
    let both = Secrets { current: secret(OTHER_SECRET), previous: vec![secret(SECRET)] };
    assert_eq!(receiver.post(signed(&event(6), both, now - TimeDelta::minutes(4))).await, 204);
    assert_eq!(receiver.line().await, format!("order.paid {}", event(6).id), "nothing in between was handled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_in_python_takes_what_is_signed_now_and_nothing_else() {
    let how = "there is no python3 here: install it (Debian, Ubuntu: apt-get install python3)";
    let (mut receiver, _folder) = Receiver::interpreted("python3", "python", "py", how).await;
    verifies(&mut receiver).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_in_javascript_takes_what_is_signed_now_and_nothing_else() {
    let how = "there is no node here: install Node.js 18 or later (Debian, Ubuntu: apt-get install nodejs)";
    let (mut receiver, _folder) = Receiver::interpreted("node", "javascript", "mjs", how).await;
    verifies(&mut receiver).await;
}

/// Starts itself again, as the receiver.
#[test]
fn the_receiver_in_rust_takes_what_is_signed_now_and_nothing_else() {
    if setting(IS_RECEIVER).is_some() {
        return in_rust::run();
    }
    let mut command = Command::new(std::env::current_exe().expect("the tests are a program"));
    let itself = "receiving::the_receiver_in_rust_takes_what_is_signed_now_and_nothing_else";
    command.args(["--exact", itself, "--nocapture"]).env(IS_RECEIVER, "yes");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let mut receiver = Receiver::start(command, "the tests cannot be started again").await;
        verifies(&mut receiver).await;
    });
}

#[test]
fn the_receiver_in_rust_is_the_one_of_the_page() {
    let written = std::fs::read_to_string(page()).expect("there is the page");
    let shown = snippet(&written, "rust");
    if setting("CLOUD_BRIDGE_UPDATE_RECEIVER").is_some() {
        std::fs::write(page(), written.replace(&shown, RUST)).expect("the page can be written");
        return;
    }
    assert!(
        shown == RUST,
        "tests/it/receiving/receiver.rs is another one: set CLOUD_BRIDGE_UPDATE_RECEIVER=1 to write it into the page"
    );
}
