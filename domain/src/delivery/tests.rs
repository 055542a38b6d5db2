//! The rules of a delivery, as given, when, then; and the laws that hold for every history.

mod attempts;
mod fetching;
mod fixtures;
mod laws;
mod merchants;
mod revisions;
mod stored;
mod waiting;
mod webhooks;
