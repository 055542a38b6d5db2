//! People at a terminal: tables that fit it, ids that are typed by their beginnings, and commands that say whose account
//! they act on and what to do next.

use std::process::{Output, Stdio};

use domain::integration::Provider;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::app::{TestApp, text};
use crate::engines::on_each_engine;
use crate::orders;
use crate::process::{cloud_bridge, printed};

mod by_order;
mod connecting;
mod customers;
mod lists;
mod logins;
mod reading_stores;
mod stores;

/// A person with a key, in a terminal of 80 columns or with the output piped into a program.
pub(crate) struct Desk<'a> {
    app: &'a TestApp,
    key: String,
    columns: Option<usize>,
}

pub(crate) fn desk<'a>(app: &'a TestApp, key: &str) -> Desk<'a> {
    Desk { app, key: key.to_owned(), columns: None }
}

impl Desk<'_> {
    /// The same person at a terminal of so many columns.
    pub(crate) fn wide(&self, columns: usize) -> Self
    where
        Self: Sized,
    {
        Self { app: self.app, key: self.key.clone(), columns: Some(columns) }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "").await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = cloud_bridge(&self.app.databases.folder());
        command
            .args(arguments)
            .env("CLOUD_BRIDGE_SERVER", &self.app.node.url)
            .env("CLOUD_BRIDGE_API_KEY", &self.key)
            .env("CLOUD_BRIDGE_LOG", &self.app.databases.log_url)
            .env("CLOUD_BRIDGE_VIEWS", &self.app.databases.views_url)
            .env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(crate::app::MASTER_KEY))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(columns) = self.columns {
            command.env("COLUMNS", columns.to_string());
        }
        let mut child = command.spawn().expect("the binary starts");
        // A command that reads no input may have ended already.
        child.stdin.take().expect("it is piped").write_all(input.as_bytes()).await.ok();
        child.wait_with_output().await.expect("it ends")
    }

    pub(crate) async fn printed(&self, arguments: &[&str]) -> String {
        printed(&self.run(arguments).await)
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let out = self.printed(&[&["--json"], arguments].concat()).await;
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} is JSON"))
    }

    /// What a command refused, in its own words.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        said(&output)
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A key of the role support.
async fn support(app: &TestApp) -> String {
    let document = "mutation { createApiKey(input: { name: \"Sam at the desk\", role: SUPPORT }) { key } }";
    text(&app.admin(document, json!({})).await["createApiKey"]["key"])
}

/// What a printed list has in its first column.
fn first_column(table: &str) -> Vec<String> {
    let rows = table.lines().skip(1).take_while(|line| !line.is_empty());
    rows.filter_map(|row| row.split_whitespace().next()).map(str::to_owned).collect()
}

on_each_engine! {
    async fn what_lists_print_of_an_id_names_it_in_every_command(app: &TestApp) {
        let merchant = app.merchant().await;
        let (one, other) = (merchant.shop(Provider::Generic).await, merchant.shop(Provider::Generic).await);
        let order = one.post(&orders::generic("77001042", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let (person, admin) = (desk(app, &merchant.key), desk(app, &app.admin.api_key));
        let terminal = person.wide(80);

        // Made at nearly the same moment, the two ids begin alike; the list prints more of them than that.
        let shown = first_column(&terminal.printed(&["integrations", "list"]).await);
        for (short, shop) in [(&shown[0], &one), (&shown[1], &other)] {
            assert!(short.len() >= 8 && short.len() < 36 && shop.id.starts_with(short.as_str()), "{shown:?}");
        }
        let short = shown[0].as_str();
        let name = person.json(&["integrations", "update", short, "--name", "The first"]).await;
        assert_eq!(name["id"], json!(one.id));
        assert_eq!(person.json(&["mappings", "list", short]).await.as_array().unwrap().len(), 2);
        let listed = person.json(&["deliveries", "list", "--integration", short]).await;
        assert_eq!(listed["nodes"][0]["id"], json!(order));
        assert_eq!(person.json(&["webhooks", "list", "--integration", short]).await["nodes"].as_array().unwrap().len(), 1);
        let events = person.printed(&["--json", "events", "list", "--integration", short]).await;
        assert!(events.contains(&order) && !events.contains(&other.id), "{events}");
        assert!(person.printed(&["events", "show", "integration", short]).await.contains("integration_created"));
        let replayed = person.printed(&["replay", "--dry-run", "--integration", short]).await;
        assert!(replayed.starts_with("1 order checked"), "{replayed}");

        let common: String = one.id.chars().zip(other.id.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
        assert!(common.len() >= 8, "{common}");
        let several = person.refused(&["integrations", "update", &common[..8], "--name", "Which?"]).await;
        assert!(several.contains("may mean several") && several.contains(&one.id) && several.contains(&other.id), "{several}");
        let none = person.refused(&["integrations", "update", "00000000", "--name", "None"]).await;
        assert!(none.contains("no integration 00000000") && none.contains("integrations list"), "{none}");

        let shown = first_column(&terminal.printed(&["deliveries", "list"]).await);
        assert_eq!(shown, [&order[..8]]);
        let whole = first_column(&person.printed(&["deliveries", "list"]).await);
        assert_eq!(whole, std::slice::from_ref(&order), "a pipe gets ids whole");
        for command in ["show", "explain"] {
            assert!(person.printed(&["deliveries", command, &shown[0]]).await.contains(&order), "{command}");
        }
        assert_eq!(person.json(&["deliveries", "retry", &shown[0]]).await["id"], json!(order));
        app.settle().await;
        let revealed = admin.json(&["deliveries", "reveal", &order[..9], "--reason", "a test"]).await;
        assert_eq!(revealed["email"], json!("max@music.com"));
        let events = person.printed(&["events", "show", "delivery", &shown[0]]).await;
        assert!(events.contains("webhook_received"), "{events}");
        let bundle = app.databases.folder().join("order.bundle");
        let stream = format!("delivery/{}", shown[0]);
        let export = ["audit", "export", "--stream", &stream, "--output", bundle.to_str().unwrap()];
        assert!(person.printed(&export).await.contains("event"));
        let actions = person.json(&["audit", "actions", "--stream", &shown[0]]).await;
        assert_eq!(actions["nodes"][0]["aggregateId"], json!(order));
        // By its order, too.
        assert_eq!(person.json(&["deliveries", "cancel", "77001042"]).await["id"], json!(order));
        let none = person.refused(&["deliveries", "cancel", "4711"]).await;
        assert!(none.contains("no delivery and no order 4711"), "{none}");

        let keys = first_column(&terminal.printed(&["keys", "list"]).await);
        let other_key = person.json(&["keys", "create", "--name", "second"]).await;
        let short = first_column(&terminal.printed(&["keys", "list"]).await);
        assert!(keys[0].len() < 36 && short.len() == 2 && text(&other_key["apiKeyId"]).starts_with(&short[1]));
        assert_eq!(person.json(&["keys", "deactivate", &short[1], "--yes"]).await["id"], other_key["apiKeyId"]);

        let mapped = first_column(&terminal.printed(&["mappings", "list", &one.id]).await);
        let removed = person.json(&["mappings", "remove", &one.id, &mapped[1]]).await;
        assert!(text(&removed["removed"]).starts_with(&mapped[1]) && mapped[1].len() < 36, "{removed}");
    }

    async fn the_beginning_of_an_id_finds_nothing_of_another_account(app: &TestApp) {
        let (owner, stranger) = (app.merchant().await, app.merchant().await);
        let shop = owner.shop(Provider::Generic).await;
        let order = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let (person, admin) = (desk(app, &stranger.key), desk(app, &app.admin.api_key));
        for arguments in [
            &["deliveries", "cancel", &order[..8]][..],
            &["deliveries", "show", &order[..8]],
            &["deliveries", "list", "--integration", &shop.id[..20]],
            &["mappings", "list", &shop.id[..20]],
            &["accounts", "show", &owner.id[..20]],
        ] {
            let refused = person.refused(arguments).await;
            assert!(refused.contains("there is no"), "{arguments:?}: {refused}");
        }
        let document = "query ($kind: IdKind!, $ids: [ID!]!) { shortIds(kind: $kind, ids: $ids) { id short } }";
        let asked = async |key: &str, kind: &str, id: &str| {
            app.ask(key, document, json!({ "kind": kind, "ids": [id] })).await["shortIds"].as_array().unwrap().len()
        };
        for (kind, id) in [("DELIVERY", &order), ("INTEGRATION", &shop.id), ("ACCOUNT", &owner.id)] {
            assert_eq!((asked(&stranger.key, kind, id).await, asked(&owner.key, kind, id).await), (0, 1), "{kind}");
        }
        let accounts = first_column(&admin.wide(80).printed(&["accounts", "list"]).await);
        assert_eq!(accounts.len(), 3);
        let short = accounts.iter().find(|short| owner.id.starts_with(short.as_str())).expect("it is listed");
        assert_eq!(admin.json(&["accounts", "show", short]).await["id"], json!(owner.id));
        assert!(admin.printed(&["accounts", "grant", short, "5"]).await.contains("1002 credits"));
    }

    async fn a_command_says_whose_integration_or_delivery_it_changes(app: &TestApp) {
        let (merchant, other) = (app.merchant().await, app.merchant().await);
        let shop = merchant.shop(Provider::Generic).await;
        let others = other.shop(Provider::Generic).await;
        let order = shop.post(&orders::generic("77001042", "never_follows", &["STORM"])).await.accepted("queued");
        others.post(&orders::generic("77001043", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let (person, admin) = (desk(app, &merchant.key), desk(app, &app.admin.api_key));
        let sam = desk(app, &support(app).await);
        let whose = format!("Account: Storm Audio ({})", merchant.id);
        let file = app.databases.folder().join("one.json");
        std::fs::write(&file, r#"{"matchType":"sku","externalRef":"A","resourceType":"preset","resourceId":"a"}"#).unwrap();
        for command in [
            &["integrations", "update", &shop.id, "--name", "Renamed"][..],
            &["integrations", "deactivate", &shop.id, "--yes"],
            &["integrations", "activate", &shop.id],
            &["mappings", "list", &shop.id],
            &["mappings", "add", &shop.id, "--sku", "NEW", "--preset", "new"],
            &["mappings", "import", &shop.id, file.to_str().unwrap()],
            &["deliveries", "retry", &order],
            &["deliveries", "cancel", &order],
        ] {
            let done = admin.run(command).await;
            assert!(done.status.success() && said(&done).contains(&whose), "{command:?}: {}", said(&done));
            app.settle().await;
        }
        let read = sam.run(&["mappings", "list", &shop.id]).await;
        assert!(read.status.success() && said(&read).contains(&whose), "{}", said(&read));
        let own = person.run(&["integrations", "update", &shop.id, "--name", "Mine"]).await;
        assert!(own.status.success() && !said(&own).contains("Account:"), "{}", said(&own));

        let listed = async |account: &str| sam.json(&["deliveries", "list", "--account", account]).await;
        for (account, order) in [(&merchant.id, "77001042"), (&other.id, "77001043")] {
            let found = listed(account).await;
            assert_eq!(found["nodes"].as_array().unwrap().len(), 1, "{found}");
            assert_eq!(found["nodes"][0]["orderId"], json!(order));
        }
        assert_eq!(person.json(&["deliveries", "list", "--account", &merchant.id]).await["nodes"].as_array().unwrap().len(), 1);
        let refused = person.refused(&["deliveries", "list", "--account", &other.id]).await;
        assert!(refused.contains("may not"), "{refused}");
    }

    async fn a_command_says_on_which_account_it_works(app: &TestApp) {
        let merchant = app.merchant().await;
        let sam = desk(app, &support(app).await);
        let (person, admin) = (desk(app, &merchant.key), desk(app, &app.admin.api_key));
        let create = ["integrations", "create", "--provider", "generic", "--name", "My shop"];
        for forgotten in [
            &create[..],
            &["credentials", "set", "--email", "a@b.c", "--password-stdin"],
            &["credentials", "delete", "--yes"],
            &["accounts", "retention", "--days", "30", "--yes"],
            &["keys", "create", "--name", "k"],
        ] {
            let refused = admin.refused(forgotten).await;
            assert!(refused.contains("Administrator") && refused.contains("--account"), "{forgotten:?}: {refused}");
            let refused = sam.refused(forgotten).await;
            assert!(refused.contains("role support") && refused.contains("--account"), "{forgotten:?}: {refused}");
        }
        let create_one = r#"mutation { createIntegration(input: { provider: GENERIC, name: "x" }) { webhookUrl } }"#;
        let answer = app.try_ask(&sam.key, create_one, json!({})).await;
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("changes the settings of none"), "{answer}");
        assert_eq!(admin.json(&["integrations", "list"]).await["nodes"], json!([]), "nothing was made");
        let short = &merchant.id[..20];
        let made = admin.run(&[&create[..], &["--account", short]].concat()).await;
        assert!(said(&made).contains("Account: Storm Audio") && said(&made).contains(&merchant.id), "{}", said(&made));
        assert!(printed(&made).contains("export INTEGRATION_ID="));
        assert_eq!(person.json(&["integrations", "list"]).await["nodes"].as_array().unwrap().len(), 1);
        let own = person.run(&create).await;
        assert!(own.status.success() && !said(&own).contains("Account:"), "a merchant's key is enough: {}", said(&own));
        for command in [&["keys", "list"][..], &["keys", "create", "--name", "k", "--role", "admin"], &["credentials", "show"]] {
            assert!(said(&admin.run(command).await).contains("Account: Administrator"), "{command:?}");
        }
    }
}
