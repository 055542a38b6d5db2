//! How far a change of the master key is.

use async_graphql::SimpleObject;

use super::account::int;
use crate::app::master_keys::RotationState;

/// How far everything is wrapped by the present master key, as the responding node knows it.
#[derive(SimpleObject)]
pub(super) struct MasterKeyRotation {
    /// Whether this node is rewrapping keys.
    running: bool,
    /// Keys that were checked in this run, of about `total`.
    checked: i32,
    total: i32,
    /// Keys that were rewrapped in this run.
    rewrapped: i32,
    /// Identifies the present master key and reveals nothing of it.
    master_key_id: String,
    /// Earlier master keys that must still be given to every node. Empty: they may go.
    still_needed: Vec<String>,
}

impl From<RotationState> for MasterKeyRotation {
    fn from(state: RotationState) -> Self {
        let number = |number: u64| int(i64::try_from(number).unwrap_or(i64::MAX));
        Self {
            running: state.running,
            checked: number(state.checked),
            total: number(state.total),
            rewrapped: number(state.rewrapped),
            master_key_id: state.master_key_id,
            still_needed: state.still_needed,
        }
    }
}
