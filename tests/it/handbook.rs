//! The support handbook: each of its commands is run on the orders that it describes, and prints what it says.
//!
//! `CLOUD_BRIDGE_UPDATE_HANDBOOK=1` writes today's output into it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::{NaiveDateTime, TimeDelta};
use domain::integration::Provider;
use regex::{Captures, Regex};
use serde_json::json;
use tokio::process::Command;

use crate::app::{MASTER_KEY, Merchant, Shop, TestApp, text};
use crate::dispatching::{Receiver, until};
use crate::engines::{Engine, on_each_engine, setting};
use crate::orders;
use crate::process::BINARY;

/// A part of the handbook: what is written between commands, or a command and what it prints.
enum Part {
    Text(String),
    Command { line: String, answer: String },
}

fn handbook() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/support-handbook.md")
}

/// Takes the handbook apart. Commands stand in blocks of `console`, each after a `$`, with their output below.
fn parts(handbook: &str) -> Vec<Part> {
    let mut parts = vec![];
    let mut in_console = false;
    for line in handbook.lines() {
        let fence = line.starts_with("```");
        let command = line.strip_prefix("$ ").filter(|_| in_console);
        match (parts.last_mut(), command) {
            (_, Some(command)) => parts.push(Part::Command { line: command.to_owned(), answer: String::new() }),
            (Some(Part::Command { answer, .. }), None) if in_console && !fence => {
                answer.push_str(line);
                answer.push('\n');
            }
            (Some(Part::Text(text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (Some(Part::Command { .. }) | None, None) => parts.push(Part::Text(format!("{line}\n"))),
        }
        if fence {
            in_console = line == "```console";
        }
    }
    parts
}

/// An answer without what differs from day to day: ids, moments, how long something took, how wide a column is.
fn lasting(answer: &str) -> String {
    let rules = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", "<moment>"),
        // What else is recorded at the same time may come between.
        (r"(?m)^ *\d+ +<moment>", "<position> <moment>"),
        (r"[0-9a-f]{16,}", "<hex>"),
        (r"\((at once|\d+ seconds? later)\)", "(<soon>)"),
        (r"\b\d+(\.\d+)? ?(ms|µs|s)\b", "<time>"),
        (r"\d[\d,]* events/s|\d[\d,]* a second|\d+(\.\d+)? [KM]i?B|\d[\d,]* bytes", "<rate>"),
        (r"127\.0\.0\.1:\d+", "<address>"),
        (r"…[A-Za-z0-9+/=]{4}", "<secret>"),
        (r"postgres|SQLite|Postgres|sqlite", "<engine>"),
        (r"[ \t]+", " "),
    ];
    let mut answer = answer.trim().to_owned();
    for (pattern, instead) in rules {
        let pattern = Regex::new(pattern).expect("the pattern is one");
        answer = pattern.replace_all(&answer, |_: &Captures<'_>| instead).into_owned();
    }
    answer
}

/// The ids and moments of the whole page.
#[derive(Default)]
struct Page {
    /// The ids on the page with those that they stand for.
    ids: HashMap<String, String>,
    moments: Vec<NaiveDateTime>,
}

impl Page {
    /// One thing has one id on the page, whatever command shows it.
    fn note(&mut self, line: &str, shown: &str, said: &str) {
        let id =
            Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").expect("the pattern is one");
        for (shown, said) in id.find_iter(shown).zip(id.find_iter(said)) {
            let known = self.ids.entry(shown.as_str().to_owned()).or_insert_with(|| said.as_str().to_owned());
            assert_eq!(known, said.as_str(), "{line} shows {} where another command shows another id", shown.as_str());
        }
        let moment = Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").expect("the pattern is one");
        let read = |found: regex::Match<'_>| NaiveDateTime::parse_from_str(found.as_str(), "%Y-%m-%d %H:%M:%S").ok();
        self.moments.extend(moment.find_iter(shown).filter_map(read));
    }

    /// The story takes an hour, and so do all the moments on the page.
    fn is_of_one_run(&self) {
        let (first, last) = (self.moments.iter().min(), self.moments.iter().max());
        let span = *last.expect("there are moments") - *first.expect("there are moments");
        assert!(span < TimeDelta::hours(2), "the moments on the page span {span}");
        let stands_for: HashSet<&String> = self.ids.values().collect();
        assert_eq!(stands_for.len(), self.ids.len(), "one thing has two ids on the page");
    }
}

/// What support has set in its shell.
struct Desk<'a> {
    app: &'a TestApp,
    variables: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
    /// Runs as long as it is on the desk.
    _subscriber: Subscriber,
}

/// A subscriber that moved away, and what was to be sent to it.
struct Subscriber {
    _receiver: Receiver,
    endpoint: String,
    dispatch: String,
}

impl Subscriber {
    async fn that_is_gone(app: &TestApp, merchant: &Merchant<'_>) -> Self {
        let receiver = Receiver::start(&app.clock).await;
        receiver.responds([410]);
        let create =
            "mutation($input: CreateEndpointInput!) { done: createEndpoint(input: $input) { endpoint { id } } }";
        let input = json!({ "url": receiver.url, "eventTypes": ["faq.*"], "description": "Their search" });
        let endpoint = text(&merchant.ask(create, json!({ "input": input })).await["done"]["endpoint"]["id"]);
        let publish =
            "mutation($input: PublishEventInput!) { done: publishEvent(input: $input) { userErrors { code } } }";
        let question = json!({ "faqId": "faq-17", "question": "Does it work with one amp?", "entityType": "product", "entityId": "9" });
        let input = json!({ "input": { "type": "faq.submitted", "data": question } });
        assert_eq!(merchant.ask(publish, input).await["done"]["userErrors"], json!([]));
        until(app, domain::EndpointId(endpoint.parse().expect("it is an id")), &[("retrying", 1)]).await;
        let found = merchant.ask("{ dispatches(first: 1) { nodes { id } } }", json!({})).await;
        Self { _receiver: receiver, endpoint, dispatch: text(&found["dispatches"]["nodes"][0]["id"]) }
    }
}

impl Desk<'_> {
    async fn run(&self, line: &str) -> String {
        let binaries = Path::new(BINARY).parent().expect("it lies in a folder").display();
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .env_clear()
            .env("PATH", format!("{binaries}:/usr/bin:/bin"))
            .env("CLOUD_BRIDGE_SERVER", &self.app.node.url)
            .env("CLOUD_BRIDGE_LOG", &self.app.databases.log_url)
            .env("CLOUD_BRIDGE_VIEWS", &self.app.databases.views_url)
            .env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(MASTER_KEY))
            .envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())))
            .current_dir(self.folder.path())
            .kill_on_drop(true);
        let output = command.output().await.expect("a shell starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}\n{said}\n{complained}", output.status);
        self.app.settle().await;
        said
    }
}

/// The orders that the handbook describes.
async fn week(app: &TestApp) -> Desk<'_> {
    let merchant: Merchant<'_> = app.merchant().await;
    let shop: Shop<'_> = merchant.bare_shop(Provider::Shopify, &["paid"]).await;
    shop.map("STORM", "storm").await;
    let order = |id, username: &str, skus: &[&str], email: &str| {
        let mut order = orders::shopify(id, username, skus);
        // As in a real shop, the number that people see is not the id.
        order["id"] = json!(5_678_901_230_000_u64 + id);
        order["email"] = json!(email);
        order
    };
    let later = async |minutes| {
        app.settle().await;
        app.advance(TimeDelta::minutes(minutes));
    };
    let nameless = shop.post(&order(1042, "", &["STORM"], "nina@music.com")).await.accepted("queued");
    later(3).await;
    let twice = order(1043, "mutual_max", &["STORM"], "max@music.com");
    let delivered = shop.post(&twice).await.accepted("queued");
    later(1).await;
    shop.post(&twice).await.accepted("duplicate");
    let before_shared = app.clock.now();
    later(10).await;
    shop.post(&order(1044, "mutual_max", &["RAIN"], "max@music.com")).await.accepted("queued");
    later(5).await;
    let mut pending = order(1045, "mutual_max", &["STORM"], "lea@music.com");
    pending["financial_status"] = json!("authorized");
    shop.post(&pending).await.accepted("failed_permanent");
    later(5).await;
    shop.post_unsigned(
        order(1046, "mutual_max", &["STORM"], "kim@music.com").to_string().into_bytes(),
        &[("x-shopify-hmac-sha256", "bm90IHRoZSByaWdodCBzaWduYXR1cmUgb2YgaXQuLi4=")],
    )
    .await
    .refused(401, "wrong_signature");
    let mut refunded = order(1047, "mutual_max", &["STORM", "STORM"], "max@music.com");
    refunded["line_items"][1]["sku"] = json!("RAIN");
    refunded["line_items"][1]["title"] = json!("RAIN lead");
    refunded["updated_at"] = json!("2026-11-20T12:00:00+01:00");
    shop.post(&refunded).await.accepted("queued");
    later(5).await;
    refunded["updated_at"] = json!("2026-11-20T12:05:00+01:00");
    refunded["financial_status"] = json!("partially_refunded");
    refunded["line_items"][0]["current_quantity"] = json!(0);
    shop.post(&refunded).await.accepted("completed");
    later(25).await;
    // Since then the merchant delivers what is authorised, too.
    shop.update(json!({ "orderStatuses": ["paid", "authorized"] })).await;
    app.settle().await;
    let subscriber = Subscriber::that_is_gone(app, &merchant).await;
    let made = app
        .admin("mutation { createApiKey(input: { name: \"Sam at the desk\", role: SUPPORT }) { key } }", json!({}))
        .await;
    Desk {
        app,
        variables: vec![
            ("CLOUD_BRIDGE_API_KEY", text(&made["createApiKey"]["key"])),
            ("SHOP", shop.id.clone()),
            ("ORDER_1042", nameless),
            ("ORDER_1043", delivered),
            ("THEN", before_shared.to_rfc3339()),
            ("ENDPOINT", subscriber.endpoint.clone()),
            ("DISPATCH", subscriber.dispatch.clone()),
        ],
        _subscriber: subscriber,
        folder: tempfile::tempdir().expect("a temporary folder can be made"),
    }
}

on_each_engine! {
    async fn every_command_of_the_handbook_answers_what_it_says(app: &TestApp) {
        let desk = week(app).await;
        let written = std::fs::read_to_string(handbook()).expect("there is a handbook");
        let update = app.engine == Engine::Sqlite && setting("CLOUD_BRIDGE_UPDATE_HANDBOOK").is_some();
        let (mut updated, mut commands, mut page) = (String::new(), 0, Page::default());
        for part in parts(&written) {
            match part {
                Part::Text(text) => updated.push_str(&text),
                Part::Command { line, answer } => {
                    commands += 1;
                    let said = desk.run(&line).await;
                    let alike = lasting(&said) == lasting(&answer);
                    assert!(alike || update, "{line}\nanswers\n{said}\nand the handbook has\n{answer}");
                    // All of one run, or two commands print different things.
                    let shown = if update { &said } else { &answer };
                    page.note(&line, shown, &said);
                    writeln!(updated, "$ {line}\n{}", shown.trim_end()).expect("a text can be written");
                }
            }
        }
        assert!(commands >= 10, "{commands} commands");
        page.is_of_one_run();
        if update {
            std::fs::write(handbook(), updated).expect("the handbook can be written");
        }
    }
}
