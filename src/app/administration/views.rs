//! Where the views stand, and rebuilding them.

use domain::account::Role;
use domain::operator_action::OperatorActionEvent;
use event_log::Position;
use projections::View;
use projections::registry::{self, Build, Live};

use super::Administration;
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;

/// Where a view stands.
pub struct ViewStanding {
    pub name: &'static str,
    /// The last event in it.
    pub position: Position,
    /// The last event there is.
    pub head: Position,
    /// Events between the two.
    pub lag: i64,
    /// How often it has been built.
    pub generation: i64,
    /// The next generation, while it is built beside the one that is read.
    pub rebuild: Option<Rebuild>,
}

/// A view that is being rebuilt.
pub struct Rebuild {
    pub build: Build,
    /// The last event there is.
    pub head: Position,
}

impl Administration {
    /// Where each view stands: for support and administrators.
    pub async fn views(&self, viewer: &Viewer) -> Result<Vec<ViewStanding>, Error> {
        viewer.require(Role::Support)?;
        let builds = registry::builds(&self.data.views).await?;
        let mut all = vec![];
        for view in View::ALL {
            let build = builds.iter().find(|(built, _)| *built == view).map(|(_, build)| build.clone());
            all.push(self.standing(view, build).await?);
        }
        Ok(all)
    }

    /// Rebuilds a view beside the one that is read. If it is being rebuilt already, returns that.
    pub async fn rebuild_view(&self, viewer: &Viewer, name: &str) -> Result<ViewStanding, Error> {
        viewer.require(Role::Admin)?;
        let view = view(name)?;
        let build = self.data.projector.rebuild(view).await?;
        let build = build.map_err(|newer| Refused::new("NEWER_VERSION", newer.to_string(), Some("name")))?;
        self.record(viewer, OperatorActionEvent::RebuildRequested { view: view.name.to_owned() }).await?;
        self.standing(view, Some(build)).await
    }

    /// Ends the rebuild of a view, and leaves the view that is read as it is.
    pub async fn cancel_rebuild(&self, viewer: &Viewer, name: &str) -> Result<ViewStanding, Error> {
        viewer.require(Role::Admin)?;
        let view = view(name)?;
        if self.data.projector.cancel_rebuild(view).await?.is_none() {
            return Err(Refused::new("NOT_REBUILDING", "the view is not being rebuilt", Some("name")).into());
        }
        self.record(viewer, OperatorActionEvent::RebuildCancelled { view: view.name.to_owned() }).await?;
        self.standing(view, None).await
    }

    /// A view and the build of it that is under way.
    async fn standing(&self, view: View, build: Option<Build>) -> Result<ViewStanding, Error> {
        let head = self.data.log.head();
        let live = view.live(&self.data.views).await?;
        let Live { generation, cursor, .. } = live.ok_or(Error::Unavailable)?;
        let is_of_other_log = self.data.projector.of_other_log().contains(&view);
        // Nothing of this log is in it.
        let position = if is_of_other_log { Position::START } else { cursor.position };
        Ok(ViewStanding {
            name: view.name,
            position,
            // What another node recorded may be in the view before this node has read it.
            head: head.max(position),
            lag: head.events_since(position).max(0),
            generation,
            rebuild: build.map(|build| Rebuild { head: head.max(build.cursor.position), build }),
        })
    }
}

fn view(name: &str) -> Result<View, Refused> {
    View::parse(name).ok_or_else(|| {
        let names: Vec<&str> = View::ALL.into_iter().map(|view| view.name).collect();
        let message = format!("there is no such view; there are {}", names.join(", "));
        Refused::new("NOT_FOUND", message, Some("name"))
    })
}
