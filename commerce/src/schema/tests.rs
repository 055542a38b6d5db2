//! The documents of every type are those of `docs/events`, and true.

use std::path::PathBuf;

use domain::commerce::Publisher;

use super::*;

/// Schemas are public: `CLOUD_BRIDGE_UPDATE_EVENTS=1 cargo test -p cloud-bridge-commerce` writes them, and the review of what
/// changed says whether subscribers can live with it.
#[test]
fn the_schema_of_every_type_is_the_one_that_is_committed() {
    for of in CommerceEventType::iter() {
        let file = docs(&format!("{}.json", of.as_str()));
        if is_to_update() {
            std::fs::write(&file, schema(of)).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        // As values: how serde_json orders keys hangs on the crates that are built with it.
        let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
        assert!(committed == value(schema(of)), "what a subscriber gets has changed: {}", file.display());
    }
}

#[test]
fn no_schema_is_left_of_a_type_that_is_no_more() {
    let mut files: Vec<_> = std::fs::read_dir(docs("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.retain(|file| file != "README.md");
    let known = |file: &str| file.strip_suffix(".json").and_then(CommerceEventType::parse).is_some();
    assert!(files.iter().all(|file| known(file.to_str().unwrap())), "{files:?}");
}

#[test]
fn the_table_of_types_is_the_one_that_is_committed() {
    let rows = CommerceEventType::iter().map(|of| {
        let publisher = match of.publisher() {
            Publisher::Store => "a store",
            Publisher::Service => "the service",
            Publisher::Account => "the account's programs",
        };
        let name = of.as_str();
        format!("| [`{name}`]({name}.json) | {publisher} | {} |\n", description(of).fires_when)
    });
    let table = format!("| type | published by | when |\n|---|---|---|\n{}", rows.collect::<String>());
    let file = docs("README.md");
    let mut readme = std::fs::read_to_string(&file).unwrap();
    if is_to_update() {
        let (before, rest) = readme.split_once("| type |").unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        readme = format!("{before}{table}\n{after}");
        std::fs::write(&file, &readme).unwrap();
    }
    assert!(readme.contains(&format!("\n\n{table}\n")), "the table of {} is stale", file.display());
}

#[test]
fn the_example_among_the_documents_is_the_sample() {
    let readme = std::fs::read_to_string(docs("README.md")).unwrap();
    let (_, rest) = readme.split_once("```json\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    assert_eq!(value(example), value(sample(CommerceEventType::ProductSynced)));
}

#[test]
fn a_sample_says_what_its_type_says() {
    let data = |of| value(sample(of))["data"].take();
    for (of, paid, cancelled, refunded, status) in [
        (CommerceEventType::OrderCreated, false, false, "none", "pending"),
        (CommerceEventType::OrderUpdated, true, false, "none", "paid"),
        (CommerceEventType::OrderPaid, true, false, "none", "paid"),
        (CommerceEventType::OrderCancelled, false, true, "none", "cancelled"),
        (CommerceEventType::OrderRefunded, true, false, "full", "refunded"),
    ] {
        let said = data(of);
        let expected = json!([paid, cancelled, refunded, status]);
        assert_eq!(json!([said["paid"], said["cancelled"], said["refunded"], said["status"]]), expected, "{of:?}");
    }
    for (of, status) in [
        (CommerceEventType::DeliveryCompleted, "completed"),
        (CommerceEventType::DeliveryActionRequired, "action_required"),
        (CommerceEventType::DeliveryFailed, "failed_permanent"),
    ] {
        let said = data(of);
        assert_eq!(said["status"], status);
        assert_eq!(said["resolution"].is_null(), status == "completed");
        assert_eq!(said["items"][0]["sharedAt"].is_null(), status != "completed");
    }
    assert!(data(CommerceEventType::FaqApproved)["reason"].is_null());
    assert!(data(CommerceEventType::FaqRejected)["reason"].is_string());
}

#[test]
fn the_sample_of_every_type_is_as_its_schema_says_and_no_other_types() {
    for of in CommerceEventType::iter() {
        let schema = value(schema(of));
        let sample = value(sample(of));
        assert_eq!(schema["examples"], json!([sample]));
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(&sample).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{of:?}: {errors:?}");
        let mut of_another = sample;
        of_another["type"] = json!("order.shipped");
        assert!(!validator.is_valid(&of_another), "{of:?}");
        of_another["type"] = json!(of);
        of_another["data"] = json!({});
        assert!(!validator.is_valid(&of_another), "{of:?}");
    }
}

#[test]
fn a_schema_says_of_every_field_what_it_is() {
    for of in CommerceEventType::iter() {
        let schema = value(schema(of));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(schema["title"].as_str().is_some_and(|title| !title.contains("Envelope")));
        describes_fields(of, &schema);
    }
}

fn describes_fields(of: CommerceEventType, schema: &Value) {
    let fields = schema["properties"].as_object().into_iter().flatten();
    for (name, field) in fields {
        assert!(field["description"].is_string(), "{name} of {of:?} is not described");
    }
    match schema {
        Value::Object(map) => {
            let inner = map.iter().filter(|(name, _)| *name != "examples").map(|(_, value)| value);
            inner.for_each(|inner| describes_fields(of, inner));
        }
        Value::Array(values) => values.iter().for_each(|inner| describes_fields(of, inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn what_is_not_known_is_left_out_and_null_is_what_is_not_counted() {
    let is_valid = |of: CommerceEventType, field: &str, value: Value| {
        let mut event: Value = serde_json::from_str(sample(of)).unwrap();
        event["data"][field] = value;
        jsonschema::is_valid(&serde_json::from_str(schema(of)).unwrap(), &event)
    };
    let of = CommerceEventType::InventoryUpdated;
    assert!(is_valid(of, "available", Value::Null) && is_valid(of, "sku", json!("A")));
    assert!(!is_valid(of, "sku", Value::Null));
    let of = CommerceEventType::OrderPaid;
    assert!(!is_valid(of, "total", Value::Null) && !is_valid(of, "changedAt", Value::Null));
    assert!(is_valid(of, "total", json!({ "amount": 1, "currency": "EUR" })) && !is_valid(of, "total", json!(1)));
    for of in CommerceEventType::iter().filter(|of| *of != CommerceEventType::InventoryUpdated) {
        assert!(!schema(of).contains("null"), "{of:?}");
    }
}

#[test]
fn the_schema_of_what_an_account_publishes_has_its_bounds() {
    let faq = value(schema(CommerceEventType::FaqSubmitted));
    let data = &faq["$defs"]["SubmittedFaq"];
    assert_eq!(data["additionalProperties"], json!(false));
    assert_eq!(data["properties"]["question"]["maxLength"], json!(2000));
    let edited = value(schema(CommerceEventType::ProductManuallyEdited));
    let fields = &edited["$defs"]["EditedProduct"]["properties"]["fields"];
    assert_eq!((&fields["maxItems"], &fields["items"]["maxLength"]), (&json!(100), &json!(100)));
}

fn docs(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/events").join(file)
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test is switched by its environment")]
fn is_to_update() -> bool {
    std::env::var("CLOUD_BRIDGE_UPDATE_EVENTS").is_ok()
}
