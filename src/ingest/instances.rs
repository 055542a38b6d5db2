//! The addresses to which stores of instances post, as Cloud Elements has them: the instance is named by its id in base64, or in a
//! header. What is posted there is taken as at the address of its integration, and only with the signature of its store.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::InstanceId;
use domain::instance::Instance;
use domain::integration::Provider;
use event_log::LoadError;

use super::{Ingest, IngestRefusal, received};

/// Before the key of the element.
pub(super) const PATH: &str = "/elements/api-v2/events";
const HEADER: &str = "element-instances";
/// The id of the element beside its key, as Cloud Elements gives it.
const SHOPIFY_ID: &str = "48";

/// `POST /elements/api-v2/events/{elementKey}/{base64(instanceId)}`
pub(super) async fn receive_by_path(
    State(ingest): State<Arc<Ingest>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request<Body>,
) -> Response {
    let Ok(Path((element, instance))) = path else { return received(&ingest, None, request).await };
    let number = STANDARD.decode(instance).ok().and_then(|bytes| number(&bytes));
    receive(&ingest, &element, number, request).await
}

/// `POST /elements/api-v2/events/{elementKey}`, with `Element-Instances: ID`.
pub(super) async fn receive_by_header(
    State(ingest): State<Arc<Ingest>>,
    path: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Response {
    let Ok(Path(element)) = path else { return received(&ingest, None, request).await };
    let number = request.headers().get(HEADER).and_then(|value| number(value.as_bytes()));
    receive(&ingest, &element, number, request).await
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

async fn receive(ingest: &Arc<Ingest>, element: &str, number: Option<u32>, request: Request<Body>) -> Response {
    let provider = if element == SHOPIFY_ID { Provider::Shopify.as_str() } else { element };
    let named = match number {
        Some(number) => integration_of(ingest, number).await,
        None => Ok(None),
    };
    match named {
        Ok(named) => received(ingest, named.map(|id| (provider.to_owned(), id)), request).await,
        Err(error) => IngestRefusal::from(error).into_response(),
    }
}

/// None where there is no such instance, or none any more.
async fn integration_of(ingest: &Ingest, number: u32) -> Result<Option<String>, LoadError> {
    let instance = ingest.log.current::<Instance>(InstanceId::of(number)).await?;
    Ok(instance.aggregate.details().map(|details| details.integration_id.to_string()))
}
