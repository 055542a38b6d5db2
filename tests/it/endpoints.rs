//! Endpoints: what an account's events are sent to, from their creation to their end.

mod accounts;
pub(crate) mod receiver;
mod stories;
mod trials;

use domain::endpoint::{
    CreateEndpoint, DisableCause, Endpoint, EndpointChange, EndpointCommand, EndpointSettings, EventTypePattern,
    MessageFailure, Profile,
};
use domain::{AccountId, EndpointId, Private};
use event_log::{Actor, ids};
use projections::endpoints::{self, ShownSettings};
use serde_json::{Value, json};

use crate::app::{Merchant, TestApp, text};

/// What the stories see of an endpoint.
const DETAILS: &str =
    "id url description eventTypes integrations { id } filter headerNames profile headerWord hasSignatureKey schedule ordered
    ratePerSecond concurrency status failing { percent reason } disabled { cause reason } signingSecretPreview
    previousSecretsUntil deletedAt account { id }";

/// A merchant's part in the stories of endpoints.
trait Subscribers {
    async fn create_endpoint(&self, input: Value) -> Value;
    /// One that gets everything; returns its id.
    async fn endpoint(&self, url: &str) -> String;
    async fn update_endpoint(&self, id: &str, changes: Value) -> Value;
    /// Pauses, resumes or deletes.
    async fn act(&self, verb: &str, id: &str) -> Value;
    async fn rotate(&self, id: &str, input: Value) -> Value;
    async fn endpoints(&self) -> Vec<Value>;
}

/// A mutation of which only the refusals are read.
fn change(mutation: &str) -> String {
    let (first, rest) = mutation.split_at(1);
    let input = match mutation {
        "pauseEndpoint" | "resumeEndpoint" | "deleteEndpoint" => "EndpointInput".to_owned(),
        _ => format!("{}{rest}Input", first.to_uppercase()),
    };
    format!(
        "mutation ($input: {input}!) {{ done: {mutation}(input: $input) {{ userErrors {{ code message field }} }} }}"
    )
}

fn with_details(mutation: &str, others: &str) -> String {
    change(mutation).replace("userErrors", &format!("endpoint {{ {DETAILS} }} {others} userErrors"))
}

impl Subscribers for Merchant<'_> {
    async fn create_endpoint(&self, input: Value) -> Value {
        let document = with_details("createEndpoint", "signingSecret");
        self.ask(&document, json!({ "input": input })).await["done"].clone()
    }

    async fn endpoint(&self, url: &str) -> String {
        let made = self.create_endpoint(json!({ "url": url, "eventTypes": ["*"] })).await;
        assert_eq!(made["userErrors"], json!([]));
        text(&made["endpoint"]["id"])
    }

    async fn update_endpoint(&self, id: &str, mut changes: Value) -> Value {
        changes["endpointId"] = json!(id);
        self.ask(&with_details("updateEndpoint", ""), json!({ "input": changes })).await["done"].clone()
    }

    async fn act(&self, verb: &str, id: &str) -> Value {
        let document = with_details(&format!("{verb}Endpoint"), "");
        self.ask(&document, json!({ "input": { "endpointId": id } })).await["done"].clone()
    }

    async fn rotate(&self, id: &str, mut input: Value) -> Value {
        input["endpointId"] = json!(id);
        let document = with_details("rotateEndpointSecret", "signingSecret");
        self.ask(&document, json!({ "input": input })).await["done"].clone()
    }

    async fn endpoints(&self) -> Vec<Value> {
        let document = format!("{{ endpoints(first: 100) {{ nodes {{ {DETAILS} }} }} }}");
        self.ask(&document, json!({})).await["endpoints"]["nodes"].as_array().expect("a list").clone()
    }
}

fn secret_of(payload: &Value) -> String {
    text(&payload["signingSecret"])
}

/// A key of the role support.
pub(crate) async fn support(app: &TestApp) -> String {
    let made =
        app.admin("mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key } }", json!({})).await;
    text(&made["createApiKey"]["key"])
}

/// Endpoints in every state, and of every profile.
pub(crate) async fn a_day_of_endpoints(app: &TestApp) {
    let account_id: AccountId = app.merchant().await.id.parse().unwrap();
    let types = |texts: &[&str]| texts.iter().map(|text| EventTypePattern::parse(text).unwrap()).collect::<Vec<_>>();
    let now = app.clock.now();
    let failure = |failures, status| {
        let reason = Some("answered 500".to_owned());
        EndpointCommand::RecordFailure(MessageFailure { failures, since: now, status, reason })
    };
    let rotate =
        |secret: &str, overlap_hours| EndpointCommand::RotateSecret { secret: secret.into(), now, overlap_hours };
    let changes = vec![
        EndpointChange::Url("https://other.example/webhooks".to_owned()),
        EndpointChange::Description("The shop".to_owned()),
        EndpointChange::EventTypes(types(&["*"])),
        EndpointChange::Filter(Some("@.data.paid == true".to_owned())),
        EndpointChange::Headers(Private::Known(vec![("X-Team".to_owned(), "storm".to_owned())])),
        EndpointChange::Profile(Profile::Clione { header_word: "Clione".to_owned() }),
        EndpointChange::Ordered(false),
        EndpointChange::RatePerSecond(Some(5)),
        EndpointChange::Concurrency(2),
    ];
    let stories = [
        vec![
            EndpointCommand::Update { changes: changes.clone() },
            rotate("whsec_second", 24),
            rotate("whsec_third", 1),
        ],
        vec![failure(4, Some(500)), EndpointCommand::Pause, failure(6, None)],
        vec![failure(7, None), rotate("whsec_second", 24), rotate("whsec_third", 0)],
        vec![failure(7, None), EndpointCommand::RecordSuccess { failures: 7 }],
        vec![failure(1, Some(410))],
        vec![failure(1, Some(410)), EndpointCommand::Resume],
        vec![EndpointCommand::Update { changes }, EndpointCommand::Delete],
    ];
    for commands in stories {
        let id = EndpointId(ids::fresh());
        let settings = EndpointSettings::new("https://shop.example/webhooks".to_owned(), types(&["order.*"]));
        let create = CreateEndpoint { account_id, settings, secret: "whsec_first".into(), paused: false };
        let commands = [EndpointCommand::Create(Box::new(create))].into_iter().chain(commands);
        for command in commands {
            app.service().data.log.execute::<Endpoint>(id, command, &Actor::System).await.unwrap();
        }
    }
}

/// The view of each endpoint is what its aggregate says.
pub(crate) async fn endpoints_say_what_aggregates_say(app: &TestApp) {
    let data = &app.service().data;
    let rows = endpoints::page(&data.views, None, true, event_log::Position::START, 100).await.unwrap();
    assert!(rows.len() > 5);
    let mut causes = vec![];
    for row in rows {
        let endpoint = data.log.load::<Endpoint>(&row.id).await.unwrap().aggregate;
        assert_eq!(Some(row.status()), endpoint.status());
        causes.extend(row.disable_cause());
        let Some(subscription) = endpoint.subscription() else {
            assert_eq!(row.settings().header_names, [""; 0], "they are erased");
            continue;
        };
        assert_eq!(row.settings(), ShownSettings::from(&subscription.settings));
        assert_eq!(row.failing_since.is_some(), subscription.is_failing());
        let current = subscription.signing_secrets(app.clock.now()).next().unwrap();
        assert!(current.ends_with(row.secret_preview.trim_start_matches('…')));
        let overlaps = subscription.signing_secrets(app.clock.now()).count() > 1;
        assert_eq!(row.previous_secrets_until.is_some(), overlaps);
    }
    causes.sort_by_key(|cause| cause.as_str());
    assert_eq!(causes, [DisableCause::FailurePolicy, DisableCause::Gone]);
}
