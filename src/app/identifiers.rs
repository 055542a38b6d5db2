//! Ids as people type them: their beginnings, as far as the caller sees what they are of.

use projections::identifiers::{self, Kind};

use super::error::Error;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;

/// Ids that are named where a beginning is ambiguous.
const MAX_CANDIDATES: i64 = 10;
/// Ids that are shortened at a time.
const MAX_SHORTENED: usize = 100;

/// Finds ids by their beginnings. Cheap to clone.
#[derive(Clone)]
pub struct Identifiers {
    data: LogAndViews,
}

impl Identifiers {
    pub fn new(data: LogAndViews) -> Self {
        Self { data }
    }

    /// The ids that begin with a text, ten at most. A text that is too short begins none.
    pub async fn beginning_with(&self, viewer: &Viewer, kind: Kind, text: &str) -> Result<Vec<String>, Error> {
        let scope = viewer.scope();
        Ok(identifiers::beginning_with(&self.data.views, kind, scope.as_deref(), text, MAX_CANDIDATES).await?)
    }

    /// The id that an id or the beginning of one names, where no other begins so. `argument` is what gave it.
    pub async fn resolve(
        &self,
        viewer: &Viewer,
        kind: Kind,
        id: String,
        argument: &'static str,
    ) -> Result<String, Error> {
        if uuid::Uuid::parse_str(&id).is_ok() {
            return Ok(id);
        }
        let mut found = self.beginning_with(viewer, kind, &id).await?;
        match found.len() {
            0 => Ok(id),
            1 => Ok(found.swap_remove(0)),
            _ => Err(Error::InvalidArgument { argument, reason: "is the beginning of several ids: give more of it" }),
        }
    }

    /// Each of these ids with how it can be shortened.
    pub async fn shortened(&self, viewer: &Viewer, kind: Kind, ids: &[String]) -> Result<Vec<(String, String)>, Error> {
        if ids.len() > MAX_SHORTENED {
            return Err(Error::InvalidArgument { argument: "ids", reason: "are more than 100" });
        }
        Ok(identifiers::shortest(&self.data.views, kind, viewer.scope().as_deref(), ids).await?)
    }
}
