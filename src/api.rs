//! How programs and people reach the service: HTTP, and GraphQL over it.

pub mod graphql;
pub mod http;
