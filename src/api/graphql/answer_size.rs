//! How large an answer may become: counted while it is put together, and given up where it becomes too large. The library
//! bounds what a request selects, and not what comes of it: one field may hold a text of any length.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::{Error, ErrorExtensions as _, Pos, QueryPathSegment, Response, ServerResult, Value};
use tokio::sync::Notify;

/// The longest answer, in bytes of JSON, nearly: a page of a hundred deliveries with all of their items is a tenth of it.
pub(super) const MAX_ANSWER_BYTES: usize = 16 * 1_024 * 1_024;

/// Bounds the answers of a schema.
pub(super) struct BoundedAnswers;

impl ExtensionFactory for BoundedAnswers {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Counter::new(MAX_ANSWER_BYTES))
    }
}

/// The bytes of one request's answer; of a subscription, of all its events.
struct Counter {
    most: usize,
    counted: AtomicUsize,
    /// What the event under way may count up to.
    until: AtomicUsize,
    exceeded: Notify,
}

impl Counter {
    fn new(most: usize) -> Self {
        Self { most, counted: AtomicUsize::new(0), until: AtomicUsize::new(most), exceeded: Notify::new() }
    }

    /// Whether there is room for so many bytes more.
    fn add(&self, bytes: usize) -> bool {
        let before = self.counted.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) <= self.until.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Extension for Counter {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        self.until.store(self.counted.load(Ordering::Relaxed).saturating_add(self.most), Ordering::Relaxed);
        tokio::select! {
            biased;
            response = next.run(context, operation_name) => response,
            () = self.exceeded.notified() => Response::from_errors(vec![too_large()]),
        }
    }

    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let is_element = matches!(info.path_node.segment, QueryPathSegment::Index(_));
        let is_leaf = info.field.selection_set.node.items.is_empty();
        let before = if is_element { 1 } else { info.alias.unwrap_or(info.name).len() + PUNCTUATION };
        let value = next.run(context, info).await?;
        let within = match &value {
            // An element of a list of leaves is counted with its list.
            Some(value) if is_leaf && !is_element => bytes_of(value),
            // What has fields of its own was counted field by field.
            Some(_) | None => 2,
        };
        if !self.add(before.saturating_add(within)) {
            self.exceeded.notify_one();
            // Nothing more is read: what executes the operation is dropped.
            std::future::pending::<()>().await;
        }
        Ok(value)
    }
}

/// Quotes around a key, the colon and the comma.
const PUNCTUATION: usize = 4;

/// About as many bytes as the value has in JSON.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len().saturating_add(2),
        Value::Enum(name) => name.len() + 2,
        Value::Binary(bytes) => bytes.len().saturating_mul(4),
        Value::List(values) => values.iter().map(|value| bytes_of(value) + 1).fold(2, usize::saturating_add),
        Value::Object(fields) => {
            let field = |(key, value): (&async_graphql::Name, &Value)| key.len() + PUNCTUATION + bytes_of(value);
            fields.iter().map(field).fold(2, usize::saturating_add)
        }
    }
}

fn too_large() -> async_graphql::ServerError {
    let message = format!("the answer would be longer than {} MiB: ask for less at a time", MAX_ANSWER_BYTES >> 20);
    Error::new(message)
        .extend_with(|_, extensions| extensions.set("code", "ANSWER_TOO_LARGE"))
        .into_server_error(Pos { line: 1, column: 1 })
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};

    use super::*;

    struct Few;

    impl ExtensionFactory for Few {
        fn create(&self) -> Arc<dyn Extension> {
            Arc::new(Counter::new(1_000))
        }
    }

    struct Query;

    #[Object]
    impl Query {
        async fn word(&self, letters: usize) -> String {
            "a".repeat(letters)
        }

        async fn list(&self, many: usize) -> Vec<Item> {
            (0..many).map(|_| Item).collect()
        }
    }

    struct Item;

    #[Object]
    impl Item {
        async fn id(&self) -> &'static str {
            "0123456789"
        }
    }

    #[tokio::test]
    async fn an_answer_is_given_up_where_it_becomes_too_large() {
        let schema = Schema::build(Query, EmptyMutation, EmptySubscription).extension(Few).finish();
        for (query, fits) in [
            ("{ word(letters: 900) }", true),
            ("{ word(letters: 1100) }", false),
            ("{ a: word(letters: 450) b: word(letters: 450) }", true),
            ("{ a: word(letters: 450) b: word(letters: 450) c: word(letters: 450) }", false),
            ("{ list(many: 40) { id } }", true),
            ("{ list(many: 70) { id } }", false),
            ("{ list(many: 50) { aVeryLongNameForSomethingShort: id } }", false),
        ] {
            let response = schema.execute(query).await;
            let said = response.errors.first().map(|error| error.message.as_str()).unwrap_or_default();
            assert_eq!(response.errors.is_empty(), fits, "{query}: {said}");
            assert!(fits || (said.contains("ask for less") && response.data == Value::Null), "{query}: {said}");
        }
    }

    #[test]
    fn bytes_are_nearly_those_of_json() {
        for text in [r#"{"a":[1,2,3],"b":{"c":"text","d":null}}"#, r#""word""#, "[true,false]"] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let counted = bytes_of(&Value::from_json(value).unwrap());
            assert!((text.len()..=text.len() * 2).contains(&counted), "{text}: {counted}");
        }
    }
}
