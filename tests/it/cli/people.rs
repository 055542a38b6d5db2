//! People on the command line: stores that ask about them are answered, and they are erased.

use serde_json::{Value, json};

use super::{Desk, Webhooks, line};
use crate::app::text;
use crate::orders;
use crate::process::printed;

/// Of an account with one order, 1042, of a store with a request about its customer.
pub(super) async fn are_listed_and_erased(desk: &Desk, account: &str, store: &Webhooks) {
    let question = json!({ "shop_id": 1, "shop_domain": "a.b", "orders_requested": [1042], "data_request": { "id": 9 },
        "customer": { "id": 7, "email": "max@music.com" } });
    store.send("customers/data_request", &question).await;
    while desk.json(&["data-requests"]).await["nodes"][0]["deliveries"].is_null() {
        tokio::task::yield_now().await;
    }
    stores_are_answered(desk, account).await;
    people_are_erased(desk).await;
    assert!(printed(&desk.run(&["data-requests"]).await).contains("erased"));
    erasing_in_several_accounts_shows_them_first(desk, store).await;
}

/// An administrator may mean one account and name a customer of two.
async fn erasing_in_several_accounts_shows_them_first(desk: &Desk, store: &Webhooks) {
    let opened = desk.json(&["accounts", "create", "--name", "Rain Audio"]).await;
    let account = text(&opened["accountId"]);
    let create = ["--json", "integrations", "create", "--provider", "shopify", "--name", "rain", "--account", &account];
    let secret = "shpss_rain_0123456789";
    let made = desk.run_with(&[&create[..], &["--secret-stdin"]].concat(), secret).await;
    let integration = text(&line(&printed(&made))["integrationId"]);
    let url = format!("{}/api/webhooks/shopify/{integration}", desk.server.url);
    let other = Webhooks { url, secret: secret.to_owned() };
    for store in [store, &other] {
        let mut order = orders::shopify(77, "mutual_max", &["SUN"]);
        order["email"] = json!("both@music.com");
        store.send("orders/paid", &order).await;
    }
    let customer = ["erase", "--customer", "both@music.com", "--reason", "ticket 4712"];
    let asked = desk.run(&customer).await;
    let shown = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(!asked.status.success() && shown.contains("They belong to 2 accounts"), "{shown}");
    let erased = desk.run(&[&customer[..], &["--yes"]].concat()).await;
    let warned = String::from_utf8_lossy(&erased.stderr).into_owned();
    assert!(warned.contains("They belong to 2 accounts"), "{warned}");
    let said = printed(&erased);
    assert!(said.contains("2 deliveries, over 2 accounts"), "{said}");
}

/// What a store requests by law of a customer is listed, answered in one step, and erased with the customer.
async fn stores_are_answered(desk: &Desk, account: &str) {
    let list = ["data-requests", "--account", account];
    let asked = desk.json(&list).await["nodes"][0].clone();
    let id = text(&asked["id"]);
    assert!(text(&asked["command"]).contains(&format!("export-personal-data --request {id}")));
    let listed = printed(&desk.run(&list).await);
    assert!(listed.contains(&id) && listed.contains("open") && !listed.contains("music.com"), "{listed}");
    let written = printed(&desk.run(&["export-personal-data", "--request", &id, "--reason", "by law"]).await);
    let document: Value = line(&written);
    assert_eq!(document["customer"]["email"], "max@music.com");
    assert_eq!(document["deliveries"][0]["orderId"], "1042");
    assert!(printed(&desk.run(&list).await).contains("written out"));
    for wrong in [&["--request", "no-such-request"][..], &["--request", &id, "--customer", "max@music.com"], &[]] {
        let refused = desk.run(&[&["export-personal-data"][..], wrong].concat()).await;
        assert!(!refused.status.success() && !refused.stderr.is_empty(), "{wrong:?}");
    }
}

/// What is known of a customer is written out and erased; without being asked to, and without a terminal, nothing is.
async fn people_are_erased(desk: &Desk) {
    let file = desk.databases.folder().join("customer.json");
    let path = file.to_str().unwrap();
    let customer = ["--customer", "max@music.com", "--reason", "ticket 4711"];
    let exported = desk.run(&[&["export-personal-data", "--to", path][..], &customer].concat()).await;
    assert!(printed(&exported).contains("1 delivery"));
    let document: Value = line(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(document["deliveries"][0]["webhooks"][0]["email"], "max@music.com");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let events = async || desk.json(&["events", "tail", "--from", "1"]).await.as_array().unwrap().len();
    let preview = ["--json", "erase", "--customer", "max@music.com", "--reason", "ticket 4711"];
    for arguments in [&["erase", "--order", "1042"][..], &preview] {
        let unasked = desk.run(arguments).await;
        let said = String::from_utf8_lossy(&unasked.stderr).into_owned();
        assert!(!unasked.status.success() && said.contains("--yes"), "{said}");
    }
    // The search is recorded; nothing else is.
    let before = events().await;
    for unknown in [["--customer", "unknown@music.com"], ["--order", "4711"]] {
        let refused = desk.run(&[&["erase", "--yes", "--reason", "why not"][..], &unknown].concat()).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("nothing was erased"), "{said}");
    }
    assert_eq!(events().await, before, "nothing was changed");
    let erased = desk.json(&[&["erase", "--yes"][..], &customer].concat()).await;
    assert_eq!((&erased["matched"], &erased["erased"], &erased["dataRequests"]), (&json!(1), &json!(1), &json!(1)));
    let unsaid = desk.run(&["erase", "--yes", "--order", "#1042"]).await;
    assert!(!unsaid.status.success() && String::from_utf8_lossy(&unsaid.stderr).contains("say why"));
    let again = printed(&desk.run(&["erase", "--yes", "--order", "#1042", "--reason", "once more"]).await);
    assert!(again.contains("nothing personal was left"), "{again}");
    let listed = desk.json(&["deliveries", "list", "--search", "#1042"]).await["nodes"][0].clone();
    for id in [&text(&listed["id"])[..8], &text(&listed["id"])] {
        let of_delivery = printed(&desk.run(&["erase", "--yes", "--order", id, "--reason", "once more"]).await);
        assert!(of_delivery.contains("In 1 delivery nothing personal was left"), "{of_delivery}");
    }
}
