//! What a request costs its key beyond being one: a limit on requests would be none where one request does everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextResolve, NextValidation, ResolveInfo,
};
use async_graphql::{Error, Pos, ServerError, ServerResult, ValidationResult, Value};

use super::ApiError;
use crate::app::App;
use crate::app::Viewer;

/// A request of so much complexity counts as one more.
const COMPLEXITY_OF_ONE: usize = 1_000;
const MUTATION: &str = "Mutation";

/// Counts what requests cost.
pub(super) struct Admission;

impl ExtensionFactory for Admission {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Counted::default())
    }
}

#[derive(Default)]
struct Counted {
    /// The request itself was counted when its key was read, and pays for its first mutation.
    has_begun: AtomicBool,
}

#[async_trait]
impl Extension for Counted {
    /// A large query counts as several requests.
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(context).await?;
        let more = u32::try_from(valid.complexity / COMPLEXITY_OF_ONE).unwrap_or(u32::MAX);
        if more > 0 {
            admitted(context, more).await.map_err(|error| vec![error])?;
        }
        Ok(valid)
    }

    /// Each mutation after the first counts as a request of its own, and is none where the key was deactivated meanwhile.
    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let is_mutation = info.path_node.parent.is_none() && info.parent_type == MUTATION;
        if is_mutation && self.has_begun.swap(true, Ordering::Relaxed) {
            admitted(context, 1).await?;
        }
        next.run(context, info).await
    }
}

async fn admitted(context: &ExtensionContext<'_>, cost: u32) -> Result<(), ServerError> {
    // Without a viewer nothing is answered anyway.
    let Some(viewer) = context.data_opt::<Viewer>() else { return Ok(()) };
    let Some(app) = context.data_opt::<Arc<App>>() else { return Ok(()) };
    let admitted = app.api_keys.admit(viewer, cost).await;
    admitted.map_err(|refused| Error::from(ApiError::from(refused)).into_server_error(Pos { line: 1, column: 1 }))
}
