//! The log is proven on the command line.

use serde_json::{Value, json};

use super::{Desk, line};
use crate::app::text;
use crate::process::{cloud_bridge, printed};

/// The commands of `audit`, and what they refuse.
pub(super) async fn the_log_is_proven(desk: &Desk) {
    let none = printed(&desk.run(&["audit", "key"]).await);
    assert!(none.contains("no key yet"), "{none}");
    let signed = printed(&desk.run(&["audit", "checkpoint"]).await);
    assert!(signed.contains("Signed checkpoint 1"), "{signed}");
    assert_eq!(desk.json(&["audit", "checkpoint"]).await["isNew"], json!(false));
    let key = text(&desk.json(&["audit", "key"]).await[0]["publicKey"]);
    assert!(printed(&desk.run(&["audit", "key"]).await).contains(&key));

    let found = printed(&desk.run(&["audit", "verify"]).await);
    assert!(found.contains("events/s") && found.contains("1 signed checkpoint"), "{found}");
    let found = desk.json(&["audit", "verify", "--public-key", &key]).await;
    assert_eq!((&found["intact"], &found["checkpoints"]), (&json!(true), &json!(1)));
    let other = desk.run(&["audit", "verify", "--public-key", &format!("58{}", "6".repeat(62))]).await;
    assert!(!other.status.success());

    let file = desk.databases.folder().join("log.bundle");
    let path = file.to_str().unwrap();
    let written = printed(&desk.run(&["audit", "export", "--output", path]).await);
    assert!(written.contains("1 checkpoint"), "{written}");
    let again = desk.run(&["audit", "export", "--output", path]).await;
    assert!(!again.status.success(), "a file that is there is left alone");
    for wrong in [["--from", "1000000"], ["--to", "1000000"], ["--stream", "delivery/none"]] {
        let other = desk.databases.folder().join("none.bundle");
        let output = ["--output", other.to_str().unwrap()];
        let refused = desk.run(&[&["audit", "export"][..], &wrong, &output].concat()).await;
        assert!(!refused.status.success() && !refused.stderr.is_empty() && !other.exists(), "{wrong:?}");
    }

    // Nothing of the log is in its environment.
    let mut offline = cloud_bridge(&desk.databases.folder());
    let checked = printed(&offline.args(["audit", "verify-bundle", path]).output().await.unwrap());
    assert!(checked.contains("Not proven") && checked.contains(&key), "{checked}");
    let mut offline = cloud_bridge(&desk.databases.folder());
    let arguments = ["--json", "audit", "verify-bundle", path, "--public-key", &key];
    let checked: Value = line(&printed(&offline.args(arguments).output().await.unwrap()));
    assert_eq!((&checked["valid"], &checked["keyExpected"]), (&json!(true), &json!(true)));
    let bundle = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bundle[..bundle.len() / 2]).unwrap();
    let mut offline = cloud_bridge(&desk.databases.folder());
    let refused = offline.args(["audit", "verify-bundle", path]).output().await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("cut off"), "{said}");
}
