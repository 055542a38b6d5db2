//! What is true: the aggregates of Cloud Bridge, with the rules that decide what may happen next.
//!
//! Nothing here does I/O. Ids, time and facts that were looked up arrive inside commands; what was decided leaves as
//! events. Every aggregate folder has the same four files: `command`, `event`, `refusal`, and the state (which folds
//! events and decides commands) in the file that carries the aggregate's name.

pub mod account;
pub mod asset;
pub mod checkpoint;
pub mod commerce;
pub mod credits;
pub mod delivery;
pub mod dispatch;
pub mod endpoint;
pub mod event;
pub mod ids;
pub mod instance;
pub mod integration;
pub mod invisible;
#[cfg(test)]
mod laws;
pub mod ledger;
pub mod notice;
pub mod operator_action;
pub mod private;
pub mod publication;
pub mod repeats;
mod report_source;
pub mod resolution;
pub mod resource;
pub mod schedule;
pub mod store;
mod title;
mod web_address;

pub use asset::{Asset, ItemMapping, LineItem, MatchType, ResourceType};
pub use credits::Credits;
pub use event::{EventSourced, LogEvent, Owner};
pub use ids::{
    AccountId, ApiKeyId, DeliveryId, DispatchId, EndpointId, InstanceId, IntegrationId, MappingId, NoticeId,
    OperatorActionId, PublicationId, ResourceId,
};
pub use private::Private;
pub use report_source::ReportSource;
pub use resolution::ResolutionCode;
