//! What is published of stores and of this service, and the catalogue of what stores sell. One view, because one follows from the
//! other: that a product ran out follows from the stock that is known of it.

mod catalogue;
pub mod events;
pub mod products;
mod rows;
mod sessions;
pub mod stock;

use domain::resource::{Report, ReportOutcome, ResourceEvent};

use crate::schema::Schema;
use crate::table::{self, Existing, Tables};
use crate::view::View;
use catalogue::Catalogue;
use event_log::recorded::{AnyEvent, Recorded};
use sessions::Sessions;

pub const VIEW: View = View {
    name: "commerce",
    schema: Schema {
        version: 1,
        tables: &["commerce_events", "products", "stock_items", "stock_levels", "stock_alerts", "order_sessions"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/commerce.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let mut catalogue = Catalogue::read(tables, events).await?;
    let mut sessions = Sessions::read(tables, events).await?;
    let mut rows = vec![];
    for recorded in events {
        let changed = catalogue.apply(recorded);
        sessions.apply(recorded);
        rows.extend(events::follow_from(recorded, &changed, &sessions));
    }
    catalogue.write(tables).await?;
    sessions.write(tables).await?;
    table::write(tables, &rows, Existing::Keep).await
}

/// The report of an event, where it is what is known now.
fn current_report(recorded: &Recorded) -> Option<&Report> {
    let AnyEvent::Resource(ResourceEvent::ResourceReported(report)) = &recorded.event else { return None };
    match report.outcome {
        ReportOutcome::Current => Some(report),
        ReportOutcome::Stale | ReportOutcome::AfterDeletion => None,
    }
}
