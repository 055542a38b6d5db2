//! Use cases: who may do what, and what happens then. Called by the API, by the command line through it, by process managers
//! and by what will come.

pub mod changes;
pub mod disks;
pub mod erasure;
pub mod integrations;
pub mod keys;
pub mod limits;
pub mod master_keys;
pub mod operator_actions;
pub mod personal_data;
pub mod rates;
pub mod summary;
