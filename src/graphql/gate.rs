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

use super::arguments::ArgumentTypes;
use super::viewer::Viewer;
use super::{ApiError, Schema, size};
use crate::service::Service;

/// Requests that are read at a time.
const READERS: usize = 4;
/// How long reading a request may take. Most take less than a millisecond.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take, over HTTP with the request's body.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The API as its doors execute it. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
    arguments: Arc<ArgumentTypes>,
    service: Arc<Service>,
    readers: Arc<Semaphore>,
}

impl Api {
    pub(super) fn new(schema: Schema, service: Arc<Service>) -> Self {
        let arguments = ArgumentTypes::of(&schema.sdl()).expect("a schema can be read in its own language");
        Self { schema, arguments: Arc::new(arguments), service, readers: Arc::new(Semaphore::new(READERS)) }
    }

    /// Reads a request and refuses what asks for too much or for what is wrong, before anything of it is executed. On a thread
    /// of its own: should reading ever hang, it hangs alone.
    async fn checked(&self, mut request: Request, viewer: Option<&Viewer>) -> Result<Request, ServerError> {
        if !self.service.projector.of_other_log().is_empty() {
            return Err(refusal(ApiError::OtherLog));
        }
        let (arguments, may_see_schema) = (self.arguments.clone(), viewer.is_some() && self.service.introspection);
        let place = tokio::time::timeout(READ_TIMEOUT, self.readers.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(refusal(ApiError::Unavailable)) };
        let reading = self.service.api_runtime().spawn_blocking(move || {
            let _place = place;
            check(&mut request, &arguments, may_see_schema).map(|()| request)
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

    /// A socket outlives the moment in which its key was checked, so each operation on it asks again.
    async fn check_key(&self, viewer: Option<&Viewer>) -> Result<(), ApiError> {
        let Some(viewer) = viewer else { return Ok(()) };
        Ok(viewer.admitted(&self.service, 1).await?)
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
                let answers = if goes_on { answers.boxed() } else { once(within_time(answers.boxed())).boxed() };
                on(&self.service.api_runtime(), answers)
            }
            Err(error) => once(ready(Response::from_errors(vec![error]))).boxed(),
        }
    }
}

fn check(request: &mut Request, arguments: &ArgumentTypes, may_see_schema: bool) -> Result<(), ServerError> {
    let (name, variables) = (request.operation_name.clone(), std::mem::take(&mut request.variables));
    let checked = request.parsed_query().and_then(|document| {
        size::check(document, &variables)?;
        if !may_see_schema && size::asks_for_schema(document) {
            return Err(refusal(ApiError::NoIntrospection));
        }
        arguments.check(document, name.as_deref(), &variables)
    });
    request.variables = variables;
    checked
}

/// Whether a request asks for answers without end.
fn is_subscription(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let mut operations = document.operations.iter();
    let is_meant = |known: Option<&Name>| name.is_none() || known.map(Name::as_str) == name.as_deref();
    operations.any(|(known, operation)| is_meant(known) && operation.node.ty == OperationType::Subscription)
}

/// The one answer to a query or a mutation, which may take no longer over a socket than over HTTP.
async fn within_time(mut answers: BoxStream<'static, Response>) -> Response {
    match tokio::time::timeout(ANSWER_TIMEOUT, answers.next()).await {
        Ok(Some(answer)) => answer,
        Ok(None) => Response::from_errors(vec![refusal(ApiError::Internal)]),
        Err(_) => Response::from_errors(vec![refusal(ApiError::TooSlow)]),
    }
}

/// Answers that are made on the threads of the API, one ahead of who reads them. Dropped, they are made no more.
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
                let answers = once(async move { schema.execute(request).await }).boxed();
                let answer = on(&self.service.api_runtime(), answers).next().await;
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
    use super::*;

    #[test]
    fn the_schema_is_not_shown_where_that_was_not_switched_on() {
        let arguments = ArgumentTypes::of(&crate::graphql::sdl()).unwrap();
        let mut request = Request::new("{ __schema { types { name } } }");
        assert!(check(&mut request, &arguments, true).is_ok());
        let refused = check(&mut request, &arguments, false).unwrap_err();
        assert!(refused.message.contains("--graphql-introspection"), "{}", refused.message);
        assert!(check(&mut Request::new("{ account { __typename } }"), &arguments, false).is_ok());
    }
}
