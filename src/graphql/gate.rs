//! What every operation passes before it is executed, however it came: over HTTP or over a socket that stays open.

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::{Data, Error, Executor, Pos, Request, Response, ServerError};
use futures_util::future::ready;
use futures_util::stream::{BoxStream, StreamExt as _, once};

use super::arguments::ArgumentTypes;
use super::viewer::{Unauthorized, Viewer};
use super::{ApiError, Schema};
use crate::service::Service;

/// The API as its doors execute it. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
    arguments: Arc<ArgumentTypes>,
    service: Arc<Service>,
}

impl Api {
    pub(super) fn new(schema: Schema, service: Arc<Service>) -> Self {
        let arguments = ArgumentTypes::of(&schema.sdl()).expect("a schema can be read in its own language");
        Self { schema, arguments: Arc::new(arguments), service }
    }

    fn check_arguments(&self, request: &mut Request) -> Result<(), ServerError> {
        let (name, variables) = (request.operation_name.clone(), std::mem::take(&mut request.variables));
        let checked =
            request.parsed_query().and_then(|document| self.arguments.check(document, name.as_deref(), &variables));
        request.variables = variables;
        checked
    }

    /// A socket outlives the moment in which its key was checked, so each operation on it asks again.
    async fn check_key(&self, viewer: Option<&Viewer>) -> Result<(), ApiError> {
        let Some(viewer) = viewer else { return Ok(()) };
        viewer.admitted(&self.service).await.map_err(|refused| match refused {
            Unauthorized::BadKey => ApiError::KeyDeactivated,
            Unauthorized::LimitReached { .. } => ApiError::LimitReached,
            Unauthorized::Unavailable => ApiError::Unavailable,
        })
    }

    async fn stream(self, mut request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let viewer = session.as_ref().and_then(|session| session.get(&TypeId::of::<Viewer>())?.downcast_ref());
        let admitted = match self.check_key(viewer).await {
            Ok(()) => self.check_arguments(&mut request),
            Err(error) => Err(Error::from(error).into_server_error(Pos::default())),
        };
        match admitted {
            Ok(()) => self.schema.execute_stream_with_session_data(request, session.unwrap_or_default()).boxed(),
            Err(error) => once(ready(Response::from_errors(vec![error]))).boxed(),
        }
    }
}

impl Executor for Api {
    async fn execute(&self, mut request: Request) -> Response {
        match self.check_arguments(&mut request) {
            Ok(()) => self.schema.execute(request).await,
            Err(error) => Response::from_errors(vec![error]),
        }
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        once(self.clone().stream(request, session)).flatten().boxed()
    }
}
