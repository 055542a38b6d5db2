//! What can be done. Each mutation reads its input, calls a use case (`src/app/`) and shows what came of it. That is recorded
//! with the key that asked, and returned once the views show it.

mod accounts;
mod checkpoints;
mod contacts;
mod credentials;
mod customers;
mod deliveries;
mod dispatches;
mod endpoints;
mod erasure;
mod export;
mod instances;
mod integrations;
mod mappings;
mod master_keys;
mod processes;
mod projections;
mod publications;
mod replays;
mod reveal;
mod store_access;
mod store_connections;

use async_graphql::MergedObject;

/// Everything that changes something.
#[derive(MergedObject, Default)]
pub struct Mutation(
    integrations::Integrations,
    deliveries::Deliveries,
    replays::Replays,
    erasure::Erasures,
    export::Exports,
    accounts::Accounts,
    credentials::Credentials,
    customers::Customers,
    mappings::Mappings,
    checkpoints::Checkpoints,
    projections::Projections,
    processes::Processes,
    reveal::Reveal,
    master_keys::MasterKeys,
    store_access::StoreAccesses,
    store_connections::StoreConnections,
    publications::Publications,
    endpoints::Endpoints,
    contacts::Contacts,
    dispatches::Dispatches,
    instances::Instances,
);

/// A payload that is either something or the reasons why not.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(async_graphql::SimpleObject, Default)]
        pub(in crate::api::graphql) struct $name {
            $($(#[$of_field])* $field: Option<$type>,)*
            user_errors: Vec<$crate::api::graphql::error::UserError>,
        }

        impl From<$crate::api::graphql::error::UserError> for $name {
            fn from(error: $crate::api::graphql::error::UserError) -> Self {
                Self { user_errors: vec![error], ..Self::default() }
            }
        }
    };
}

/// Makes a payload whose other fields have values of their own out of a refusal.
macro_rules! refusable {
    ($name:ident) => {
        impl From<$crate::api::graphql::error::UserError> for $name {
            fn from(error: $crate::api::graphql::error::UserError) -> Self {
                Self { user_errors: vec![error], ..Self::default() }
            }
        }
    };
}
use {payload, refusable};
