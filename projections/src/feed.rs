//! What a view is told: facts of the log, in the order in which they were recorded.

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::delivery::DeliveryEvent;
use domain::integration::IntegrationEvent;
use domain::notice::NoticeEvent;

/// One event of the log, opened and read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place among all events: 1, 2, 3, … without a gap.
    pub position: i64,
    pub aggregate_id: String,
    /// Its place in its stream: 1, 2, 3, … without a gap.
    pub sequence: i64,
    pub recorded_at: DateTime<Utc>,
    /// Who made it happen.
    pub actor: String,
    /// The person or program behind it, where it was one with an API key.
    pub operator: Option<Operator>,
    pub fact: Fact,
}

/// Whoever did something with an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub key_id: String,
    pub key_name: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Account(AccountEvent),
    Integration(IntegrationEvent),
    Delivery(DeliveryEvent),
    Notice(NoticeEvent),
    /// Of an aggregate that this version does not know. It passes by.
    Foreign,
}

impl Recorded {
    pub fn recorded_at_us(&self) -> i64 {
        self.recorded_at.timestamp_micros()
    }
}

/// The events about deliveries among these.
pub(crate) fn delivery_facts(events: &[Recorded]) -> Vec<(&Recorded, &DeliveryEvent)> {
    events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Delivery(told) => Some((event, told)),
            Fact::Account(_) | Fact::Integration(_) | Fact::Notice(_) | Fact::Foreign => None,
        })
        .collect()
}
