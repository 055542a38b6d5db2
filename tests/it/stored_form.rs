//! What is stored of every event of every test is as the committed schemas of `domain/events` have it.

use std::collections::HashMap;
use std::sync::LazyLock;

use event_log::row::WholeEvent;
use jsonschema::Validator;
use serde_json::{Value, json};

macro_rules! schemas {
    ($($aggregate_type:literal),*) => {
        [$(($aggregate_type, include_str!(concat!("../../domain/events/", $aggregate_type, ".json")))),*]
    };
}

static SCHEMAS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let committed = schemas!(
        "account",
        "checkpoint",
        "delivery",
        "dispatch",
        "endpoint",
        "instance",
        "integration",
        "ledger",
        "notice",
        "operator_action",
        "publication",
        "resource",
        "store"
    );
    let validator = |schema: &str| jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    committed.into_iter().map(|(aggregate_type, schema)| (aggregate_type, validator(schema))).collect()
});

/// Fails for an event whose payload is not as its schema says.
pub(crate) fn is_as_committed(event: &WholeEvent) {
    let stored = &event.event;
    let payload: Value = serde_json::from_str(&stored.payload).unwrap();
    let tagged = json!({ "event_type": stored.event_type, "payload": payload });
    let errors = SCHEMAS[stored.aggregate_type.as_str()].iter_errors(&tagged).map(|error| error.to_string());
    let errors: Vec<_> = errors.collect();
    assert!(
        errors.is_empty(),
        "a {} of {} is stored as {payload}: {errors:?}",
        stored.event_type,
        stored.aggregate_type
    );
}

#[test]
fn a_payload_of_another_shape_is_noticed() {
    let is_valid = |payload: Value| {
        SCHEMAS["account"].is_valid(&json!({ "event_type": "cortex_credentials_saved", "payload": payload }))
    };
    let sealed = json!({ "$sealed": "AAAA" });
    assert!(is_valid(json!({ "email": sealed, "password": sealed })));
    assert!(is_valid(json!({ "email": sealed, "password": { "$erased": true } })));
    assert!(!is_valid(json!({ "email": sealed })));
    assert!(!is_valid(json!({ "email": sealed, "password": "plain" })));
    assert!(!is_valid(json!({ "email": sealed, "password": { "$private": "plain" } })));
}
