//! Orders of an integration that are only published, and that are to be read at their store.

use chrono::{DateTime, Utc};
use domain::ResolutionCode;
use domain::resource::Reading;
use event_log::Position;
use projections::integrations::IntegrationRow;
use projections::unread_orders;

use super::Integrations;
use crate::app::error::Error;
use crate::app::viewer::Viewer;

/// An order that a webhook named and that was not read at its store since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadOrder {
    /// Of the order's stream.
    pub id: String,
    /// In the words of the store.
    pub order_id: String,
    /// Why it could not be read when that was last tried.
    pub code: Option<ResolutionCode>,
    /// What keeps it from being read and what to do about it, in a sentence or some a merchant understands.
    pub resolution: String,
    pub announced_at: DateTime<Utc>,
    /// When it is tried by itself, if it is.
    pub next_read_at: Option<DateTime<Utc>>,
}

impl Integrations {
    /// Orders after a place in the list, the longest unread first.
    pub async fn unread_orders(
        &self,
        viewer: &Viewer,
        integration: &IntegrationRow,
        (after, limit): (Position, i64),
    ) -> Result<Vec<(Position, UnreadOrder)>, Error> {
        if !viewer.sees(&integration.account_id) {
            return Ok(vec![]);
        }
        let rows = unread_orders::page(&self.data.views, &integration.id, after, limit).await?;
        let shown = |row: unread_orders::UnreadOrder| Some((row.listed_at, shown(row.reading()?, row.id)));
        Ok(rows.into_iter().filter_map(shown).collect())
    }
}

fn shown(reading: Reading, id: String) -> UnreadOrder {
    UnreadOrder {
        id,
        code: reading.failure.as_ref().map(|failure| failure.code),
        resolution: why_unread(&reading),
        announced_at: reading.announced_at,
        next_read_at: reading.due_at,
        order_id: reading.order_id,
    }
}

/// Why an order that a webhook named is not read, and what to do about it, in a sentence or some a merchant understands.
pub fn why_unread(reading: &Reading) -> String {
    let Some(failure) = &reading.failure else {
        return "The order is to be read at its store; what it says is published then.".to_owned();
    };
    let what = match &failure.call {
        Some(call) => format!("the store {call}"),
        None => "no access token is saved".to_owned(),
    };
    let next = match (failure.code, reading.due_at) {
        (ResolutionCode::StoreAccessMissing, _) => {
            "Save an access token that works for the integration; the order is then read and published by itself."
        }
        (_, Some(_)) => "It is tried again by itself.",
        (_, None) => {
            "It is not tried by itself any more; the next webhook about the order has it read, or saving the access token again."
        }
    };
    format!("The order could not be read, so nothing is published of what was announced: {what}. {next}")
}
