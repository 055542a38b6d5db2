//! The views: where each stands, and which are being rebuilt.

use async_graphql::SimpleObject;

use super::account::int;
use super::moment::{Moment, moment};
use crate::app::administration::{Rebuild, ViewStanding};

/// Where a view stands.
#[derive(SimpleObject)]
pub(super) struct Projection {
    name: String,
    /// The last event in it.
    position: String,
    /// The last event there is.
    head: String,
    /// Events between the two.
    lag: i32,
    /// How often it has been built.
    generation: i32,
    /// The next generation, while it is built beside the one that is read.
    rebuild: Option<ProjectionRebuild>,
}

/// A view that is being rebuilt, beside the one that is read until then.
#[derive(SimpleObject)]
pub(super) struct ProjectionRebuild {
    /// Which generation of the view it will be.
    generation: i32,
    /// The last event in it.
    position: String,
    /// The last event there is.
    head: String,
    started_at: Moment,
}

impl From<ViewStanding> for Projection {
    fn from(view: ViewStanding) -> Self {
        Self {
            name: view.name.to_owned(),
            position: view.position.to_string(),
            head: view.head.to_string(),
            lag: int(view.lag),
            generation: int(view.generation),
            rebuild: view.rebuild.map(ProjectionRebuild::from),
        }
    }
}

impl From<Rebuild> for ProjectionRebuild {
    fn from(Rebuild { build, head }: Rebuild) -> Self {
        Self {
            generation: int(build.generation),
            position: build.cursor.position.to_string(),
            head: head.to_string(),
            started_at: moment(build.started_at),
        }
    }
}
