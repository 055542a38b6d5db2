//! Which deliveries and which other webhooks name a customer. A customer is known by tokens alone: keyed hashes that only
//! the service can make. Deliveries are looked up together with the delivery log, by `delivery_log::personal`.

mod known_as;
pub mod notices;

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::DeliveryEvent;
use sqlx::FromRow;

pub(crate) use self::known_as::{DELIVERIES, NOTICES, naming};
pub use self::known_as::{StoreCustomer, TokenKind, with_emails};

use crate::database::Sql;
use crate::feed::{Recorded, delivery_facts};
use crate::schema::Schema;
use crate::table::{self, Existing, Tables, table_row};

pub(crate) const SCHEMA: Schema = Schema {
    version: 3,
    tables: &["customer_deliveries", "kept_notices", "customer_notices"],
    statements: include_str!("../../migrations/views/customers.sql"),
};

table_row!(CustomerDelivery, "customer_deliveries", key token, delivery_id; once listed_at; changing);

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct CustomerDelivery {
    token: String,
    delivery_id: String,
    listed_at: i64,
}

pub(crate) async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    notices::apply(tables, events).await?;
    let mut rows = BTreeMap::new();
    let mut erased = BTreeSet::new();
    for (event, told) in delivery_facts(events) {
        let delivery_id = event.aggregate_id.as_str();
        if matches!(told, DeliveryEvent::PersonalDataErased { .. }) {
            rows.retain(|(_, of): &(&str, &str), _| *of != delivery_id);
            erased.insert(delivery_id);
        }
        for token in &event.customer_tokens {
            rows.entry((token.as_str(), delivery_id)).or_insert(event.position);
        }
    }
    if !erased.is_empty() {
        let sql = Sql::new(format!("DELETE FROM {} WHERE delivery_id IN (", tables.name("customer_deliveries")));
        tables.execute(sql.bind_list(erased).push(")")).await?;
    }
    let rows: Vec<CustomerDelivery> = rows
        .into_iter()
        .map(|((token, delivery_id), listed_at)| CustomerDelivery {
            token: token.to_owned(),
            delivery_id: delivery_id.to_owned(),
            listed_at,
        })
        .collect();
    table::write(tables, &rows, Existing::Keep).await
}
