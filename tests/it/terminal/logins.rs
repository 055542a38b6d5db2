//! Accounts as their merchants see them, and their logins at Cortex Cloud, which are tried before they are trusted.

use cloud_bridge::sandbox::{self, Fault, Operation};
use domain::integration::Provider;
use serde_json::{Value, json};

use super::{desk, said, support};
use crate::app::TestApp;
use crate::delivering::script;
use crate::engines::on_each_engine;
use crate::orders;
use crate::process::printed;

on_each_engine! {
    async fn a_merchant_sees_its_own_account(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let person = desk(app, &merchant.key);
        let shown = person.printed(&["accounts", "show"]).await;
        for fact in [&merchant.id, "Storm Audio", "997", "3 of 1000 granted", "6000 delivery attempts a minute", "1 active"] {
            assert!(shown.contains(fact), "{fact} in {shown}");
        }
        assert!(shown.contains("Reserved       0") && shown.contains(sandbox::DEFAULT_EMAIL), "{shown}");
        let account = person.json(&["accounts", "show"]).await;
        assert_eq!(account["credits"], json!({ "available": 997, "reserved": 0, "charged": 3, "granted": 1000 }));
        let other = app.bare_merchant(5, 0).await;
        assert!(person.refused(&["accounts", "show", &other.id]).await.contains("no account that you see"));
        assert!(desk(app, &app.admin.api_key).printed(&["accounts", "show", &other.id]).await.contains("none is saved"));
    }

    async fn a_login_is_tried_before_it_is_saved(app: &TestApp) {
        let merchant = app.bare_merchant(6_000, 1_000).await;
        let person = desk(app, &merchant.key);
        let saved = async || person.json(&["credentials", "show"]).await["cortexEmail"].clone();
        let none = person.refused(&["credentials", "check"]).await;
        assert!(none.contains("NO_CREDENTIALS") && none.contains("credentials set"), "{none}");
        assert!(person.printed(&["credentials", "show"]).await.contains("No login is saved"));

        let set = ["credentials", "set", "--email", sandbox::DEFAULT_EMAIL, "--password-stdin"];
        let wrong = person.run_with(&set, "wrong").await;
        assert!(!wrong.status.success(), "{}", said(&wrong));
        for words in ["does not accept this e-mail address and password", "nothing was saved", "Cortex Cloud's own page"] {
            assert!(said(&wrong).contains(words), "{words} in {}", said(&wrong));
        }
        assert_eq!(saved().await, Value::Null);

        // A Cortex Cloud that cannot be asked says nothing about the password.
        script(app, Operation::Login, Fault::Error500, 1);
        let away = person.run_with(&set, sandbox::DEFAULT_PASSWORD).await;
        assert!(!away.status.success() && said(&away).contains("says nothing about the password"), "{}", said(&away));
        assert_eq!(saved().await, Value::Null);
        let unchecked = person.run_with(&[&set[..], &["--unchecked"]].concat(), "wrong").await;
        assert!(printed(&unchecked).contains("is saved"));
        let refused = person.refused(&["credentials", "check"]).await;
        assert!(refused.contains("CREDENTIALS_REFUSED") && !refused.contains("nothing about the password"), "{refused}");

        let set = person.run_with(&set, sandbox::DEFAULT_PASSWORD).await;
        assert!(printed(&set).contains("Cortex Cloud accepts the login"));
        assert!(person.printed(&["credentials", "check"]).await.contains("Cortex Cloud accepts the login"));
        script(app, Operation::Login, Fault::Error500, 1);
        let away = person.refused(&["credentials", "check"]).await;
        assert!(away.contains("the login stays saved") && !away.contains("--unchecked"), "{away}");
        assert_eq!(saved().await, json!(sandbox::DEFAULT_EMAIL));

        assert!(person.refused(&["credentials", "delete"]).await.contains("--yes"));
        assert_eq!(saved().await, json!(sandbox::DEFAULT_EMAIL));
        assert!(person.printed(&["credentials", "delete", "--yes"]).await.contains("missing_credentials"));
        assert_eq!(saved().await, Value::Null);
        let again = person.printed(&["credentials", "delete", "--yes"]).await;
        assert!(again.contains("there is nothing to delete") && !again.contains("is deleted"), "{again}");
    }

    async fn support_is_said_that_it_changes_no_settings(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let (sam, stranger) = (desk(app, &support(app).await), app.merchant().await);
        for command in [
            &["integrations", "rotate-secret", &shop.id][..],
            &["integrations", "deactivate", &shop.id, "--yes"],
            &["integrations", "update", &shop.id, "--name", "Mine"],
            &["integrations", "create", "--provider", "generic", "--name", "Mine", "--account", &merchant.id],
            &["mappings", "add", &shop.id, "--sku", "A", "--preset", "a"],
            &["credentials", "delete", "--account", &merchant.id, "--yes"],
        ] {
            let refused = sam.refused(command).await;
            assert!(refused.contains("changes the settings of none"), "{command:?}: {refused}");
        }
        let foreign = desk(app, &stranger.key).refused(&["integrations", "rotate-secret", &shop.id]).await;
        assert!(foreign.contains("nothing of yours") && !foreign.contains("settings"), "{foreign}");
    }

    async fn the_login_of_another_account_cannot_be_checked(app: &TestApp) {
        let (owner, stranger) = (app.merchant().await, app.merchant().await);
        let document = r#"mutation ($input: CortexCredentialsInput) {
            checkCortexCredentials(input: $input) { account { cortexEmail } userErrors { code } }
        }"#;
        let input = json!({ "input": { "accountId": owner.id } });
        let refused = stranger.ask(document, input.clone()).await;
        assert_eq!(refused["checkCortexCredentials"]["userErrors"][0]["code"], "NOT_FOUND");
        let desk = support(app).await;
        let refused = app.try_ask(&desk, document, input.clone()).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let checked = app.admin(document, input).await;
        assert_eq!(checked["checkCortexCredentials"]["account"]["cortexEmail"], json!(sandbox::DEFAULT_EMAIL));
    }
}
