//! The schema and the sample of each type of event, made of the types that write it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::commerce::CommerceEventType;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use crate::{Event, Payload, description};

struct Document {
    schema: String,
    sample: String,
}

static DOCUMENTS: LazyLock<BTreeMap<CommerceEventType, Document>> =
    LazyLock::new(|| CommerceEventType::iter().map(|of| (of, Document::new(of))).collect());

/// The JSON schema (2020-12) of the body of a notification of this type; `docs/events` has it as a file.
pub fn schema(of: CommerceEventType) -> &'static str {
    &DOCUMENTS[&of].schema
}

/// The body of a notification of this type, for example, in lines.
pub fn sample(of: CommerceEventType) -> &'static str {
    &DOCUMENTS[&of].sample
}

impl Document {
    fn new(of: CommerceEventType) -> Self {
        let sample = Event::sample(of);
        let text = |json| serde_json::to_string_pretty(&json).expect("a schema is JSON");
        Self {
            schema: text(made(of, &sample)) + "\n",
            sample: serde_json::to_string_pretty(&sample.envelope()).expect("an event is texts, numbers and times"),
        }
    }
}

/// What is written counts, not what is read: a field that is always written is required.
fn made(of: CommerceEventType, sample: &Event) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = Payload::envelope_schema(of, generator);
    RecursiveTransform(leave_out_nulls).transform(&mut schema);
    let mut schema = schema.to_value();
    let about = description(of);
    schema["title"] = json!(about.title);
    schema["description"] = json!(about.fires_when);
    schema["examples"] = json!([sample.envelope()]);
    schema["properties"]["type"] = json!({ "const": of, "description": "What happened." });
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        // Every type by name, of which there is one here.
        definitions.remove("CommerceEventType");
    }
    schema
}

/// A field that may be left out is never null: schemars allows both.
fn leave_out_nulls(schema: &mut Schema) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|other| other == name));
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let optional =
        fields.iter_mut().filter(|(name, _)| !is_required(name)).filter_map(|(_, field)| field.as_object_mut());
    for field in optional {
        if let Some(types) = field.get_mut("type").filter(|types| types.is_array()) {
            *types = types[0].take();
        }
        if let Some(alternatives) = field.remove("anyOf") {
            field.insert("$ref".to_owned(), alternatives[0]["$ref"].clone());
        }
    }
}
