//! What is published of stores and of this service, the catalogue of what stores sell, and the queue of what is sent to endpoints.
//! One view, because one follows from the other: that a product ran out follows from the stock that is known of it, and which
//! endpoint gets that from what each wanted at that position of the log.

mod catalogue;
pub mod counts;
pub mod dispatch_list;
mod dispatches;
pub mod events;
pub mod products;
pub mod queue;
mod rows;
pub mod seen;
mod sessions;
pub mod stock;
mod stock_items;
mod subscriptions;

use domain::resource::{Report, ReportOutcome, ResourceEvent};

use crate::schema::Schema;
use crate::table::{self, Existing, Tables};
use crate::view::View;
use catalogue::Catalogue;
use dispatches::Dispatches;
use event_log::recorded::{AnyEvent, Recorded};
use events::CommerceEventRow;
use sessions::Sessions;
use subscriptions::Subscriptions;

pub const VIEW: View = View {
    name: "commerce",
    schema: Schema {
        version: 6,
        tables: &[
            "commerce_events",
            "products",
            "stock_items",
            "stock_names",
            "stock_levels",
            "stock_locations",
            "stock_alerts",
            "order_sessions",
            "subscriptions",
            "dispatches",
        ],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/commerce.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let mut catalogue = Catalogue::read(tables, events).await?;
    let mut sessions = Sessions::read(tables, events).await?;
    let follow = |recorded: &Recorded| {
        let changed = catalogue.apply(recorded);
        sessions.apply(recorded);
        events::follow_from(recorded, &changed, &sessions)
    };
    let follows: Vec<Vec<CommerceEventRow>> = events.iter().map(follow).collect();
    let mut subscriptions = Subscriptions::read(tables, events, follows.iter().flatten()).await?;
    let mut dispatches = Dispatches::read(tables, events).await?;
    for (recorded, follows) in events.iter().zip(&follows) {
        subscriptions.apply(recorded);
        dispatches.apply(recorded, follows, &mut subscriptions);
    }
    catalogue.write(tables).await?;
    sessions.write(tables).await?;
    let rows: Vec<&CommerceEventRow> = follows.iter().flatten().collect();
    table::write(tables, &rows, Existing::Keep).await?;
    dispatches.write(tables, &subscriptions).await?;
    subscriptions.write(tables).await
}

/// The report of an event, where it is what is known now.
fn current_report(recorded: &Recorded) -> Option<&Report> {
    let AnyEvent::Resource(ResourceEvent::ResourceReported(report)) = &recorded.event else { return None };
    match report.outcome {
        ReportOutcome::Current => Some(report),
        ReportOutcome::Stale | ReportOutcome::AfterDeletion => None,
    }
}
