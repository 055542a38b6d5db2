//! Recorded webhooks decided again with today's mappings, filters and code: what would be different, and doing it for real.

mod choice;
pub mod job;
pub mod past_orders;
pub mod requests;
mod story;

use std::collections::HashSet;

use domain::integration::{Integration, Link};
use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};

pub use choice::{Choice, MAX_NAMED};
pub use story::Verdict;

use self::story::Story;
use event_log::{EventLog, LoadError, Position};

const PAGE: i64 = 500;
/// Stories that are read at a time.
const AT_A_TIME: usize = 4;
/// Differences that are listed one by one; beyond, they are only counted.
pub const MAX_LISTED: usize = 10_000;

/// An order for which today's answer is another one.
#[derive(Clone, Debug)]
pub struct Difference {
    pub order_id: String,
    /// As the store shows it, where it names one.
    pub order_number: Option<String>,
    pub delivery_id: String,
    pub then: Verdict,
    pub now: Verdict,
}

/// What looking at recorded webhooks again led to.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    pub orders: u64,
    pub same: u64,
    /// Accepted, and not decided then: nothing to compare with.
    pub undecided: u64,
    /// Their bodies were erased.
    pub erased: u64,
    pub different: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("there is no such integration")]
    UnknownIntegration,
    #[error(transparent)]
    Log(#[from] LoadError),
    #[error("the event log cannot be read: {0}")]
    Sql(#[from] sqlx::Error),
}

/// Decides again what was chosen, writes nothing and calls no service. Reads the log alone, so that it also works where no
/// server runs. `progress` gets the position that was reached.
pub async fn what_if(
    log: &EventLog,
    choice: &Choice,
    mut progress: impl FnMut(Position),
) -> Result<WhatIf, ReplayError> {
    let Integration::Created(link) = log.load::<Integration>(choice.integration_id).await?.aggregate else {
        return Err(ReplayError::UnknownIntegration);
    };
    let mut found = WhatIf::default();
    if let Some(named) = choice.named() {
        found.decide(log, choice, &link, &named).await?;
        return Ok(found);
    }
    let (mut seen, mut position) = (HashSet::new(), Position::START);
    loop {
        let received = log.webhooks_received(choice.integration_id, choice.received, position, PAGE).await?;
        let Some(last) = received.last() else { return Ok(found) };
        position = last.position;
        let ids = received.into_iter().map(|received| received.aggregate_id);
        let new: Vec<String> = ids.filter(|id| seen.insert(id.clone())).collect();
        found.decide(log, choice, &link, &new).await?;
        progress(position);
    }
}

/// What was decided of an order, and what is today.
struct Decided {
    order_id: String,
    order_number: Option<String>,
    delivery_id: String,
    then: Verdict,
    /// None where its bodies were erased.
    now: Option<Verdict>,
}

/// None where the order is not chosen.
async fn decided(
    log: &EventLog,
    choice: &Choice,
    link: &Link,
    delivery_id: &str,
) -> Result<Option<Decided>, ReplayError> {
    let story = Story::read(log, delivery_id).await?;
    let Some(first) = story.first().filter(|_| choice.wants(&story)) else { return Ok(None) };
    let now = story.decided_now(log, choice.integration_id, link).await?.map(|now| now.verdict);
    Ok(Some(Decided {
        order_id: first.order_id.clone(),
        order_number: first.order_number.clone(),
        delivery_id: delivery_id.to_owned(),
        then: story.decided_then(),
        now,
    }))
}

impl WhatIf {
    async fn decide(
        &mut self,
        log: &EventLog,
        choice: &Choice,
        link: &Link,
        delivery_ids: &[String],
    ) -> Result<(), ReplayError> {
        let looks: Vec<_> = delivery_ids.iter().map(|id| decided(log, choice, link, id)).collect();
        let mut looks = iter(looks).buffered(AT_A_TIME);
        while let Some(decided) = looks.try_next().await? {
            if let Some(decided) = decided {
                self.note(decided);
            }
        }
        Ok(())
    }

    fn note(&mut self, Decided { order_id, order_number, delivery_id, then, now }: Decided) {
        self.orders += 1;
        let Some(now) = now else {
            self.erased += 1;
            return;
        };
        if then == Verdict::Undecided {
            self.undecided += 1;
        } else if then == now {
            self.same += 1;
        } else {
            self.different += 1;
            if self.differences.len() < MAX_LISTED {
                self.differences.push(Difference { order_id, order_number, delivery_id, then, now });
            }
        }
    }
}
