//! What can be shared, and with whom it was.

use std::collections::BTreeSet;

use super::refusal::Refusal;
use crate::ports::cortex::ItemKind;

/// The items that have a name of their own. Every other id exists too, unless it begins with [`MISSING`].
pub(super) const NAMED: [(ItemKind, &str, &str); 4] = [
    (ItemKind::Preset, "abc123-preset-id", "Storm Drive Lead"),
    (ItemKind::Preset, "6f1d1c1e-0a51-4c2e-9f0b-2f4f7c6c1a01", "Glass Clean"),
    (ItemKind::Capture, "abc123-capture-id", "Storm Drive"),
    (ItemKind::Capture, "6f1d1c1e-0a51-4c2e-9f0b-2f4f7c6c1a02", "Plexi on the Edge"),
];

const MISSING: &str = "missing-";
const MAX_ID_BYTES: usize = 256;
const MAX_SHARES: usize = 250_000;

/// One item and one person it is shared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShareKey {
    pub(super) kind: ItemKind,
    pub(super) id: String,
    pub(super) username: String,
}

#[derive(Default)]
pub(super) struct Items {
    shared: BTreeSet<ShareKey>,
}

impl Items {
    pub(super) fn is_shared(&self, key: &ShareKey) -> bool {
        self.shared.contains(key)
    }

    /// Whether this changed anything.
    pub(super) fn share(&mut self, key: &ShareKey) -> Result<bool, Refusal> {
        if self.is_shared(key) {
            return Ok(false);
        }
        if self.shared.len() >= MAX_SHARES {
            return Err(Refusal::Full);
        }
        Ok(self.shared.insert(key.clone()))
    }
}

/// The name of an item that exists.
pub(super) fn name(kind: ItemKind, id: &str) -> Result<&'static str, Refusal> {
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.starts_with(MISSING) {
        return Err(Refusal::ItemNotFound);
    }
    let named = NAMED.iter().find(|(named_kind, named_id, _)| *named_kind == kind && *named_id == id);
    Ok(named.map_or("Untitled", |(_, _, name)| *name))
}
