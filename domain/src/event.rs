//! What every event has in common, as the event log stores it.
//!
//! An event's type is its variant's name, and its payload an object of its fields, by serde's own tagging: the two cannot
//! differ, and any event can get another field. The schemas in `domain/events/` are committed, so a changed shape fails a test.

use cqrs_es::{Aggregate, DomainEvent};

use crate::{AccountId, IntegrationId};

/// Whose a stream is. Stored in columns of each event, so that "everything of this account" needs no payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    pub account_id: Option<AccountId>,
    pub integration_id: Option<IntegrationId>,
}

/// What the event log needs of an aggregate beside folding its events.
pub trait EventSourced: Aggregate<Event: LogEvent, Command: Clone, Services = ()> + Clone + 'static {
    /// Raised when a fold changes: snapshots of another version are passed over, and written again.
    const SNAPSHOT_VERSION: i64;

    /// The owner as of the latest event; `id` is the stream's.
    fn owner(&self, id: &str) -> Owner;
}

/// What an event needs of the log beside being stored.
pub trait LogEvent: DomainEvent {
    /// Whether the raw body of the webhook is stored with it.
    fn keeps_body(&self) -> bool {
        false
    }

    /// Whether the data key of its stream is deleted with it.
    fn erases_data_key(&self) -> bool {
        false
    }
}

/// Implements [`DomainEvent`] for an enum: the type of an event is its variant's name in snake case, and every form is
/// the first one until its fields change in a way that an upcaster has to mend.
///
/// The enum derives `strum::IntoStaticStr` for the name, and is tagged by `event_type` and `payload` for serde, so that
/// both are the same name. Variants have fields in braces or one struct: the payload is always an object.
macro_rules! domain_event {
    ($event:ty) => {
        impl cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                <&'static str>::from(self).to_owned()
            }

            fn event_version(&self) -> String {
                "1".to_owned()
            }
        }
    };
}

/// Implements [`Aggregate`] for a type that decides (`decide`) and folds (`fold`) by itself: the framework's adapter is the
/// same for all.
macro_rules! aggregate {
    ($aggregate:ty, $name:literal, $command:ty, $event:ty, $refusal:ty) => {
        impl cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = $name;
            type Command = $command;
            type Event = $event;
            type Error = $refusal;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                (): &Self::Services,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in self.decide(command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                self.fold(event);
            }
        }
    };
}

pub(crate) use {aggregate, domain_event};

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use schemars::{JsonSchema, schema_for};
    use serde_json::{Value, json};

    use super::*;
    use crate::account::AccountEvent;
    use crate::checkpoint::CheckpointEvent;
    use crate::delivery::DeliveryEvent;
    use crate::dispatch::DispatchEvent;
    use crate::endpoint::EndpointEvent;
    use crate::instance::InstanceEvent;
    use crate::integration::IntegrationEvent;
    use crate::ledger::LedgerEvent;
    use crate::notice::NoticeEvent;
    use crate::operator_action::OperatorActionEvent;
    use crate::publication::PublicationEvent;
    use crate::resource::ResourceEvent;
    use crate::store::StoreEvent;

    /// The events as they are stored, a line each.
    pub(crate) fn stored<E: DomainEvent>(events: &[E]) -> String {
        let lines = events.iter().map(|event| {
            let stored = serde_json::to_value(event).unwrap();
            assert_eq!(stored["event_type"], event.event_type(), "one name per event");
            assert!(stored["payload"].is_object(), "a field can be added to it: {stored}");
            serde_json::to_string(event).unwrap()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What is stored today is read for ever. Fields and events are added to a schema, never renamed or removed:
    /// `CLOUD_BRIDGE_UPDATE_EVENTS=1 cargo test -p cloud-bridge-domain schema` writes what was added, and nothing else.
    #[test]
    fn the_schema_of_every_stored_event_is_the_one_that_is_committed() {
        is_committed::<AccountEvent>("account");
        is_committed::<CheckpointEvent>("checkpoint");
        is_committed::<DeliveryEvent>("delivery");
        is_committed::<DispatchEvent>("dispatch");
        is_committed::<EndpointEvent>("endpoint");
        is_committed::<InstanceEvent>("instance");
        is_committed::<IntegrationEvent>("integration");
        is_committed::<LedgerEvent>("ledger");
        is_committed::<NoticeEvent>("notice");
        is_committed::<OperatorActionEvent>("operator_action");
        is_committed::<PublicationEvent>("publication");
        is_committed::<ResourceEvent>("resource");
        is_committed::<StoreEvent>("store");
    }

    fn is_committed<E: JsonSchema>(aggregate_type: &str) {
        let mut schema = serde_json::to_value(schema_for!(E)).unwrap();
        remove_descriptions(&mut schema);
        for variant in schema["oneOf"].as_array().unwrap() {
            assert!(is_object(&variant["properties"]["payload"], &schema), "the payload is no object: {variant}");
        }
        let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(format!("{aggregate_type}.json"));
        let mut committed = std::fs::read_to_string(&file).unwrap();
        if is_to_update() {
            let (old, new) = (serde_json::from_str(&committed).unwrap(), serde_json::from_str(&schema).unwrap());
            assert!(only_adds(&old, &new), "what is stored of {aggregate_type} could not be read any more");
            std::fs::write(&file, &schema).unwrap();
            committed.clone_from(&schema);
        }
        assert!(committed == schema, "the stored form of an event of {aggregate_type} has changed: {}", file.display());
    }

    /// Whether whatever an old schema allows, a new one allows.
    fn only_adds(old: &Value, new: &Value) -> bool {
        match (old, new) {
            // One alternative from now on.
            (Value::Object(old_fields), Value::Object(new_fields))
                if new_fields.contains_key("anyOf") && !old_fields.contains_key("anyOf") =>
            {
                new_fields["anyOf"].as_array().is_some_and(|each| each.iter().any(|new| only_adds(old, new)))
            }
            (Value::Object(old), Value::Object(new)) => {
                old.iter().all(|(name, old)| match (name.as_str(), new.get(name)) {
                    // What had to be there may be left out from now on; nothing else has to be there.
                    ("required", new) => new.is_none_or(|new| only_adds(new, old)),
                    (_, Some(new)) => only_adds(old, new),
                    (_, None) => false,
                }) && (old.contains_key("required") || !new.contains_key("required"))
            }
            // Of alternatives each has to be among those of today.
            (Value::Array(old), Value::Array(new)) => old.iter().all(|old| new.iter().any(|new| only_adds(old, new))),
            // One type of several.
            (old @ Value::String(_), Value::Array(new)) => new.contains(old),
            (old, new) => old == new,
        }
    }

    #[test]
    fn a_schema_may_grow_and_never_shrink() {
        let old = json!({ "oneOf": [{ "properties": { "code": { "enum": ["a"] }, "at": {} }, "required": ["at"] }] });
        let is_allowed = |new: Value| only_adds(&old, &new);
        let with = |properties: Value, required: Value| json!({ "properties": properties, "required": required });
        let same = with(json!({ "code": { "enum": ["a"] }, "at": {} }), json!(["at"]));
        assert!(is_allowed(json!({ "oneOf": [same, { "properties": {} }] })), "another event");
        let more = json!({ "code": { "enum": ["a", "b"] }, "at": {}, "by": {} });
        assert!(
            is_allowed(json!({ "oneOf": [with(more.clone(), json!(["at"]))] })),
            "another value, and another field"
        );
        assert!(is_allowed(json!({ "oneOf": [with(more.clone(), json!([]))] })), "a field that may be left out");
        assert!(!is_allowed(json!({ "oneOf": [with(more, json!(["at", "by"]))] })), "old events lack the new field");
        assert!(!is_allowed(json!({ "oneOf": [with(json!({ "code": { "enum": ["b"] }, "at": {} }), json!(["at"]))] })));
        assert!(!is_allowed(json!({ "oneOf": [with(json!({ "code": { "enum": ["a"] } }), json!([]))] })));
        assert!(!is_allowed(json!({ "oneOf": [] })));
        let text = json!({ "type": "string" });
        assert!(
            only_adds(&text, &json!({ "type": ["string", "null"] })) && !only_adds(&text, &json!({ "type": ["null"] }))
        );
        let or_null = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
        assert!(only_adds(&text, &or_null(text.clone())) && !only_adds(&text, &or_null(json!({ "type": "number" }))));
        assert!(!only_adds(&or_null(text.clone()), &text), "what was null could not be read");
    }

    /// Words about a field are not its stored form.
    fn remove_descriptions(schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                map.retain(|name, value| name != "description" || !value.is_string());
                map.values_mut().for_each(remove_descriptions);
            }
            Value::Array(values) => values.iter_mut().for_each(remove_descriptions),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test is switched by its environment")]
    fn is_to_update() -> bool {
        std::env::var("CLOUD_BRIDGE_UPDATE_EVENTS").is_ok()
    }

    fn is_object(schema: &Value, whole: &Value) -> bool {
        match schema["$ref"].as_str() {
            Some(name) => is_object(&whole["$defs"][name.trim_start_matches("#/$defs/")], whole),
            None => schema["type"] == "object",
        }
    }
}
