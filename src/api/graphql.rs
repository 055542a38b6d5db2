//! The GraphQL API: what merchants and support staff read and do. It never writes a table, and every answer is limited
//! to what the caller's key may see.

mod account;
mod action;
mod admission;
mod answer_size;
mod caller;
mod commerce_event;
mod data_request;
mod delivery;
mod dispatch;
mod endpoint;
mod error;
mod event;
mod gate;
mod identifiers;
mod instance;
mod integration;
mod loader;
mod master_key;
mod moment;
mod mutation;
mod page;
mod process;
mod product;
mod projection;
mod query;
mod receipt;
mod replay;
mod size;
mod stats;
mod subscription;
mod viewer;
mod words;

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;

pub use error::{ApiError, NO_KEY, RATE_LIMIT_EXCEEDED, TOO_SLOW};
pub(crate) use gate::ANSWER_TIMEOUT;
pub use gate::{Api, Settings};
pub use mutation::Mutation;
pub use query::Query;
pub use subscription::Subscription;
pub use viewer::viewer_of;

use crate::app::App;
use loader::Loader;

/// How deep a query may nest. What tools ask of the schema needs 13.
const MAX_DEPTH: usize = 15;
/// The sum of all fields a query may ask for, lists counted as long as their page.
const MAX_COMPLEXITY: usize = 20_000;

type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The API over the use cases.
pub fn api(app: Arc<App>, settings: Settings) -> Api {
    let loader = DataLoader::new(Loader(app.data.clone()), tokio::spawn);
    let schema = builder().data(loader).data(app.clone()).finish();
    Api::new(schema, app, settings)
}

/// The schema in its own language, as it is committed in `schema.graphql`.
pub fn sdl() -> String {
    builder().finish().sdl()
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation::default(), Subscription)
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .limit_directives(10)
        .extension(admission::Admission)
        .extension(answer_size::BoundedAnswers)
}
