//! The shopping conversation of each order: what is delivered of it belongs to it, too.

use std::collections::BTreeSet;

use domain::DeliveryId;
use domain::resource::{Content, Report};
use sqlx::FromRow;

use super::rows::Rows;
use crate::table::{Tables, table_row};
use event_log::recorded::{AnyEvent, Recorded};
use storage::storable;

table_row!(OrderSession, "order_sessions", key delivery_id; once; changing session_id);

/// The conversation that an order names, by the id that its delivery has if there is one.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct OrderSession {
    delivery_id: String,
    session_id: String,
}

#[derive(Default)]
pub(super) struct Sessions(Rows<OrderSession>);

impl Sessions {
    pub(super) async fn read(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<Self> {
        let mut ids = BTreeSet::new();
        for recorded in events {
            ids.extend(super::current_report(recorded).and_then(named_by).map(|session| session.delivery_id));
            if let AnyEvent::Delivery(event) = &recorded.event
                && super::events::type_of(event).is_some()
            {
                ids.insert(recorded.aggregate_id.clone());
            }
        }
        Ok(Self(Rows::<OrderSession>::read(tables, &ids, |row| &row.delivery_id).await?))
    }

    pub(super) fn apply(&mut self, recorded: &Recorded) {
        if let Some(session) = super::current_report(recorded).and_then(named_by) {
            self.0.now.insert(session.delivery_id.clone(), session);
        }
    }

    /// Of a delivery.
    pub(super) fn of(&self, delivery_id: &str) -> Option<&str> {
        self.0.now.get(delivery_id).map(|session| session.session_id.as_str())
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>) -> sqlx::Result<()> {
        self.0.write(tables, |row| &row.delivery_id).await
    }
}

fn named_by(report: &Report) -> Option<OrderSession> {
    let Content::Order(order) = &report.content else { return None };
    let delivery_id = DeliveryId::of(report.integration_id, &report.resource_id).to_string();
    Some(OrderSession { delivery_id, session_id: storable(order.session_id.as_deref()?) })
}
