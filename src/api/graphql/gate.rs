//! What every operation passes before it is executed, however it came: over HTTP or over a socket that stays open.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Error, Executor, Name, Pos, Request, Response, ServerError};
use futures_util::future::ready;
use futures_util::stream::{BoxStream, StreamExt as _, once, unfold};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::{ApiError, Schema, size};
use crate::app::App;
use crate::app::Viewer;
use crate::app::api_keys::ApiKeys;
use chrono::{DateTime, Utc};
use event_log::clock::Clock;

/// Requests that are read at a time.
const READERS: usize = 4;
/// How long reading a request may take. Most take less than a millisecond.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take, over HTTP with the request's body.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How the library's errors about the value of an argument begin. They have no code of their own.
const ABOUT_ARGUMENTS: [&str; 4] =
    ["Invalid value for argument", "Invalid default value for argument", "Expected input type", "Failed to parse"];

/// How the API is served.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether API keys are shown the schema.
    pub introspection: bool,
    /// The threads on which requests are executed.
    pub runtime: Handle,
}

/// The API as its endpoints execute it. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
    app: Arc<App>,
    settings: Settings,
    readers: Arc<Semaphore>,
}

impl Api {
    pub(super) fn new(schema: Schema, app: Arc<App>, settings: Settings) -> Self {
        Self { schema, app, settings, readers: Arc::new(Semaphore::new(READERS)) }
    }

    /// Who may ask.
    pub(crate) fn keys(&self) -> &ApiKeys {
        &self.app.api_keys
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.app.data.clock()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.app.data.now()
    }

    /// Answers a question on the threads of the API, which may take no longer than any other.
    pub(crate) async fn ask<Q>(&self, question: impl FnOnce(Arc<App>) -> Q) -> Result<Q::Output, ApiError>
    where
        Q: Future<Output: Send> + Send + 'static,
    {
        if !self.app.data.projector.of_other_log().is_empty() {
            return Err(ApiError::OtherLog);
        }
        let mut task = JoinSet::new();
        task.spawn_on(question(self.app.clone()), &self.settings.runtime);
        // The task ends with its set: who does not wait for the answer any more, gets none.
        match tokio::time::timeout(ANSWER_TIMEOUT, task.join_next()).await {
            Ok(Some(Ok(answer))) => Ok(answer),
            Ok(Some(Err(panicked))) => {
                tracing::error!(%panicked, "a question cannot be answered");
                Err(ApiError::Internal)
            }
            Ok(None) => Err(ApiError::Internal),
            Err(_) => Err(ApiError::TooSlow),
        }
    }

    /// Reads a request and refuses what is too much, before the library looks at it. On a thread
    /// of its own: should reading ever hang, it hangs alone.
    async fn checked(&self, mut request: Request, viewer: Option<&Viewer>) -> Result<Request, ServerError> {
        if !self.app.data.projector.of_other_log().is_empty() {
            return Err(refusal(ApiError::OtherLog));
        }
        let may_see_schema = viewer.is_some() && self.settings.introspection;
        let permit = tokio::time::timeout(READ_TIMEOUT, self.readers.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(refusal(ApiError::Unavailable)) };
        let reading = self.settings.runtime.spawn_blocking(move || {
            let _permit = permit;
            check(&mut request, may_see_schema).map(|()| request)
        });
        match tokio::time::timeout(READ_TIMEOUT, reading).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(panicked)) => {
                tracing::error!(%panicked, "a GraphQL request cannot be read");
                Err(refusal(ApiError::Internal))
            }
            Err(_) => {
                tracing::error!("a GraphQL request took longer than two seconds to read");
                Err(refusal(ApiError::Unavailable))
            }
        }
    }

    /// A socket outlives the moment in which its key was checked, so each operation on it checks again.
    async fn check_key(&self, viewer: Option<&Viewer>) -> Result<(), ApiError> {
        let Some(viewer) = viewer else { return Ok(()) };
        Ok(self.app.api_keys.admit(viewer, 1).await?)
    }

    async fn stream(self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let viewer = session.as_ref().and_then(|session| session.get(&TypeId::of::<Viewer>())?.downcast_ref());
        let checked = match self.check_key(viewer).await {
            Ok(()) => self.checked(request, viewer).await,
            Err(error) => Err(refusal(error)),
        };
        match checked {
            Ok(mut request) => {
                let goes_on = is_subscription(&mut request);
                let answers = self.schema.execute_stream_with_session_data(request, session.unwrap_or_default());
                let answers = answers.map(with_codes);
                let answers = if goes_on { answers.boxed() } else { once(within_time(answers.boxed())).boxed() };
                on(&self.settings.runtime, answers)
            }
            Err(error) => once(ready(Response::from_errors(vec![error]))).boxed(),
        }
    }
}

fn check(request: &mut Request, may_see_schema: bool) -> Result<(), ServerError> {
    let variables = std::mem::take(&mut request.variables);
    let checked = request.parsed_query().and_then(|document| {
        size::check(document, &variables)?;
        if !may_see_schema && size::asks_for_schema(document) {
            return Err(refusal(ApiError::NoIntrospection));
        }
        Ok(())
    });
    request.variables = variables;
    checked
}

/// Whether a request is for answers without end.
fn is_subscription(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let mut operations = document.operations.iter();
    let is_chosen = |known: Option<&Name>| name.is_none() || known.map(Name::as_str) == name.as_deref();
    operations.any(|(known, operation)| is_chosen(known) && operation.node.ty == OperationType::Subscription)
}

/// The same, its errors about the value of an argument with the code that programs know them by.
fn with_codes(mut answer: Response) -> Response {
    for error in &mut answer.errors {
        if ABOUT_ARGUMENTS.iter().any(|beginning| error.message.starts_with(beginning)) {
            error.extensions.get_or_insert_default().set("code", "INVALID_ARGUMENT");
        }
    }
    answer
}

/// The one answer to a query or a mutation, which may take no longer over a socket than over HTTP.
async fn within_time(mut answers: BoxStream<'static, Response>) -> Response {
    match tokio::time::timeout(ANSWER_TIMEOUT, answers.next()).await {
        Ok(Some(answer)) => answer,
        Ok(None) => Response::from_errors(vec![refusal(ApiError::Internal)]),
        Err(_) => Response::from_errors(vec![refusal(ApiError::TooSlow)]),
    }
}

/// Answers that are made on the threads of the API, one ahead of the reader. Dropped, they are made no more.
fn on(runtime: &Handle, mut answers: BoxStream<'static, Response>) -> BoxStream<'static, Response> {
    let (sender, receiver) = mpsc::channel(1);
    let mut task = JoinSet::new();
    let making = async move {
        while let Some(answer) = answers.next().await {
            if sender.send(answer).await.is_err() {
                break;
            }
        }
    };
    task.spawn_on(making, runtime);
    // The task is kept with its answers, and ends with them.
    unfold((receiver, task), |(mut receiver, task)| async {
        let answer = receiver.recv().await?;
        Some((answer, (receiver, task)))
    })
    .boxed()
}

fn refusal(error: ApiError) -> ServerError {
    Error::from(error).into_server_error(Pos { line: 1, column: 1 })
}

impl Executor for Api {
    async fn execute(&self, request: Request) -> Response {
        let viewer =
            request.data.get(&TypeId::of::<Viewer>()).and_then(|viewer| viewer.downcast_ref::<Viewer>()).cloned();
        match self.checked(request, viewer.as_ref()).await {
            Ok(request) => {
                let schema = self.schema.clone();
                let answers = once(async move { with_codes(schema.execute(request).await) }).boxed();
                let answer = on(&self.settings.runtime, answers).next().await;
                answer.unwrap_or_else(|| Response::from_errors(vec![refusal(ApiError::Internal)]))
            }
            Err(error) => Response::from_errors(vec![error]),
        }
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        once(self.clone().stream(request, session)).flatten().boxed()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schema_is_not_shown_where_that_was_not_switched_on() {
        let mut request = Request::new("{ __schema { types { name } } }");
        assert!(check(&mut request, true).is_ok());
        let refused = check(&mut request, false).unwrap_err();
        assert!(refused.message.contains("--graphql-introspection"), "{}", refused.message);
        assert!(check(&mut Request::new("{ account { __typename } }"), false).is_ok());
    }

    async fn error(query: &str, variables: serde_json::Value) -> Option<ServerError> {
        let schema = crate::api::graphql::builder().finish();
        let request = Request::new(query).variables(Variables::from_json(variables));
        let answer = with_codes(schema.execute_stream(request).next().await.unwrap());
        answer.errors.into_iter().next()
    }

    #[tokio::test]
    async fn a_bad_value_is_refused_by_the_library_and_has_a_code() {
        let day = "expected type \"DateTime\"";
        let range = "Failed to parse \"Int\": Only integers from -2147483648 to 2147483647 are accepted.";
        for (query, variables, message) in [
            ("{ accounts(first: 99999999999) { nodes { id } } }", json!({}), range),
            (
                "{ accounts(first: \"1\") { nodes { id } } }",
                json!({}),
                "Invalid value for argument \"first\", expected type \"Int\"",
            ),
            ("query ($n: Int) { accounts(first: $n) { nodes { id } } }", json!({ "n": 2_147_483_648_u32 }), range),
            (
                "query ($n: Int = 1.5) { accounts(first: $n) { nodes { id } } }",
                json!({}),
                "Invalid default value for argument: \"n\", expected type \"Int\"",
            ),
            (
                "{ deliveries(filter: { receivedFrom: \"yesterday\" }) { nodes { id } } }",
                json!({}),
                &format!("Invalid value for argument \"filter.receivedFrom\", {day}"),
            ),
            (
                "query ($f: DeliveryFilter) { deliveries(filter: $f) { nodes { id } } }",
                json!({ "f": { "receivedTo": "2026-13-01" } }),
                &format!("Invalid value for argument \"filter.receivedTo\", {day}"),
            ),
            (
                "query ($s: [DeliveryStatus!]) { deliveries(filter: { status: $s }) { nodes { id } } }",
                json!({ "s": ["QUEUED", "DONE"] }),
                "Invalid value for argument \"filter.status.1\", enumeration type \"DeliveryStatus\" does not contain",
            ),
            (
                "{ deliveries(filter: \"queued\") { nodes { id } } }",
                json!({}),
                "Expected input type \"DeliveryFilter\"",
            ),
            ("{ delivery(id: 1.5) { id } }", json!({}), "Invalid value for argument \"id\", expected type \"ID\""),
            (
                "{ delivery(id: \"1\") { timeline(first: true) { nodes { type } } } }",
                json!({}),
                "Invalid value for argument \"first\", expected type \"Int\"",
            ),
            (
                "{ ...all } fragment all on Query { deliveries(first: 2, after: 1) { nodes { id } } }",
                json!({}),
                "Invalid value for argument \"after\", expected type \"String\"",
            ),
            (
                "mutation { retryDeliveries(input: { filter: { search: 5 } }) { matched } }",
                json!({}),
                "Invalid value for argument \"input.filter.search\", expected type \"String\"",
            ),
            (
                "subscription { deliveryChanged(integrationId: { a: 1 }) { id } }",
                json!({}),
                "Invalid value for argument \"integrationId\", expected type \"ID\"",
            ),
        ] {
            let error = error(query, variables).await.unwrap_or_else(|| panic!("{query} is taken"));
            assert!(error.message.starts_with(message), "{query}: {}", error.message);
            let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
            assert_eq!(code, Some(&"INVALID_ARGUMENT".into()), "{query}");
        }
        // What else the schema does not allow has no code.
        let unknown = error("{ nothing }", json!({})).await.unwrap();
        assert!(unknown.message.starts_with("Unknown field") && unknown.extensions.is_none(), "{unknown:?}");
    }
}
