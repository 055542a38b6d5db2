//! The views: where each stands, and which are being rebuilt.

use async_graphql::SimpleObject;
use event_log::Position;
use projections::View;
use projections::registry::{self, Build, Live};

use super::ApiError;
use super::account::int;
use super::moment::{Moment, moment};
use crate::app::core::Core;

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

impl Projection {
    pub(super) async fn all(core: &Core) -> Result<Vec<Self>, ApiError> {
        let builds = registry::builds(&core.views).await?;
        let mut all = vec![];
        for view in View::ALL {
            let build = builds.iter().find(|(built, _)| *built == view).map(|(_, build)| build.clone());
            all.push(Self::with(core, view, build).await?);
        }
        Ok(all)
    }

    /// A view and the build of it that is under way.
    pub(super) async fn with(core: &Core, view: View, build: Option<Build>) -> Result<Self, ApiError> {
        let head = core.log.head();
        let live = view.live(&core.views).await?;
        let Live { generation, cursor, .. } = live.ok_or(ApiError::Unavailable)?;
        let is_of_other_log = core.projector.of_other_log().contains(&view);
        // Nothing of this log is in it.
        let position = if is_of_other_log { Position::START } else { cursor.position };
        Ok(Self {
            name: view.name.to_owned(),
            position: position.to_string(),
            // What another node recorded may be in the view before this node has read it.
            head: head.max(position).to_string(),
            lag: int(head.events_since(position).max(0)),
            generation: int(generation),
            rebuild: build.map(|build| ProjectionRebuild {
                generation: int(build.generation),
                position: build.cursor.position.to_string(),
                head: head.max(build.cursor.position).to_string(),
                started_at: moment(build.started_at),
            }),
        })
    }
}
