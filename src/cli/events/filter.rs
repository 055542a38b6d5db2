//! Which events are wanted: one set of options for every command that reads the log.

use std::ops::RangeInclusive;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use domain::{DeliveryId, IntegrationId};

use super::super::identifiers::whole_in;
use super::super::input::position;
use super::super::moments::moment;
use super::super::output::clean;
use super::kinds::{Aggregate, aggregate, event_type};
use event_log::selection::Selection;
use event_log::{EventLog, Position};

/// Integrations whose orders are looked up at a time.
const INTEGRATIONS: i64 = 500;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which events")]
pub(super) struct Filter {
    /// Only what belongs to this account
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Only this integration, its orders and its notices
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Only the deliveries of this order, by the store's id or number of it
    #[arg(long, env = "CLOUD_BRIDGE_ORDER", value_name = "ORDER", conflicts_with = "aggregate")]
    order: Option<String>,
    /// Only this kind of stream, or one stream: `delivery` or `delivery/ID`
    #[arg(long, env = "CLOUD_BRIDGE_AGGREGATE", value_name = "TYPE[/ID]", value_parser = aggregate)]
    aggregate: Option<Aggregate>,
    /// Only this type of event, like `asset_shared`; may be given again
    #[arg(long = "type", env = "CLOUD_BRIDGE_TYPE", value_name = "EVENT_TYPE", value_delimiter = ',', value_parser = event_type)]
    types: Vec<String>,
    /// Only what this one did: `store`, `system`, `worker`, `key`, a worker's name, or a key's name or id
    #[arg(long, env = "CLOUD_BRIDGE_ACTOR", value_name = "WHO")]
    actor: Option<String>,
    /// Only from this moment on: a date, a date and time (UTC), or how long ago, like 2h or 3d
    #[arg(long, env = "CLOUD_BRIDGE_SINCE", value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Only up to this moment
    #[arg(long, env = "CLOUD_BRIDGE_UNTIL", value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// Only from this position on
    #[arg(long, env = "CLOUD_BRIDGE_FROM", value_name = "POSITION", value_parser = position)]
    from: Option<Position>,
    /// Only what follows from the event at this position: from it, or from something that does
    #[arg(long, env = "CLOUD_BRIDGE_CAUSED_BY", value_name = "POSITION", value_parser = position)]
    caused_by: Option<Position>,
    /// Only up to this position
    #[arg(long, env = "CLOUD_BRIDGE_TO", value_name = "POSITION", value_parser = position)]
    to: Option<Position>,
}

impl Filter {
    /// Whether it says where to begin.
    pub(super) fn has_beginning(&self) -> bool {
        self.from.is_some() || self.since.is_some()
    }

    /// What is wanted of this log, and where it can lie. What there is not in the log is refused.
    pub(super) async fn of(&self, log: &EventLog) -> anyhow::Result<(Selection, RangeInclusive<Position>)> {
        self.with_whole_ids(log).await?.chosen(log).await
    }

    /// The same, with ids that were given by their beginnings.
    async fn with_whole_ids(&self, log: &EventLog) -> anyhow::Result<Self> {
        let mut filter = self.clone();
        for (kind, id) in [("account", &mut filter.account), ("integration", &mut filter.integration)] {
            if let Some(text) = id {
                *text = whole_in(log, kind, text).await?;
            }
        }
        if let Some(Aggregate { kind, id: Some(id) }) = &mut filter.aggregate {
            *id = whole_in(log, kind, id).await?;
        }
        Ok(filter)
    }

    async fn chosen(&self, log: &EventLog) -> anyhow::Result<(Selection, RangeInclusive<Position>)> {
        self.refuse_nonsense(log).await?;
        let (mut aggregate_type, mut aggregate_ids) = (None, None);
        if let Some(Aggregate { kind, id }) = &self.aggregate {
            if let Some(id) = id
                && !log.has_stream(kind, id).await?
            {
                bail!("there is no stream {kind} {}", clean(id));
            }
            (aggregate_type, aggregate_ids) = (Some(kind.clone()), id.clone().map(|id| vec![id]));
        }
        if let Some(order) = &self.order {
            let deliveries = deliveries_of(log, self.integration.as_deref(), order).await?;
            if deliveries.is_empty() {
                bail!("no webhook about an order with the id or number {} is in the log", clean(order));
            }
            (aggregate_type, aggregate_ids) = (Some("delivery".to_owned()), Some(deliveries));
        }
        let selection = Selection {
            aggregate_type,
            aggregate_ids,
            event_types: self.types.clone(),
            actor: self.actor.as_deref().map(|actor| actor.trim().to_owned()),
            account_id: self.account.as_deref().and_then(|id| id.parse().ok()),
            integration_id: self.integration.as_deref().and_then(|id| id.parse().ok()),
            caused_by: self.caused_by,
            since: self.since,
            until: self.until,
            from_position: self.from,
            to_position: self.to,
        };
        let positions = log.positions(&selection).await?;
        Ok((selection, positions))
    }

    async fn refuse_nonsense(&self, log: &EventLog) -> anyhow::Result<()> {
        let head = log.newest().await?;
        for (option, position) in [("--from", self.from), ("--to", self.to), ("--caused-by", self.caused_by)] {
            match position {
                Some(position) if head.is_start() => bail!("{option} {position} is past the end: the log is empty"),
                Some(position) if position > head => {
                    bail!("{option} {position} is past the end: the newest event is at position {head}")
                }
                Some(_) | None => {}
            }
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            bail!("--from {from} comes after --to {to}");
        }
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since > until
        {
            bail!("--since {since} comes after --until {until}");
        }
        for (kind, id) in [("account", &self.account), ("integration", &self.integration)] {
            if let Some(id) = id
                && !log.has_stream(kind, id).await?
            {
                bail!("there is no {kind} {} in the log", clean(id));
            }
        }
        Ok(())
    }
}

/// The deliveries of an order: one for each integration whose store uses this id or number.
pub(super) async fn deliveries_of(
    log: &EventLog,
    integration: Option<&str>,
    order: &str,
) -> anyhow::Result<Vec<String>> {
    let order = order.trim();
    let of_integration = integration.and_then(|id| id.parse().ok());
    let mut found: Vec<String> = log.deliveries_numbered(of_integration, order).await?.into_iter().collect();
    // Lists print the ids of deliveries, or the beginnings of them.
    let named = whole_in(log, "delivery", order).await?;
    if log.has_stream("delivery", &named).await? {
        found.push(named);
    }
    let mut after = String::new();
    loop {
        let integrations = match integration {
            Some(integration) => vec![integration.to_owned()],
            None => log.stream_ids("integration", &after, INTEGRATIONS).await?,
        };
        let ids = integrations.iter().filter_map(|id| id.parse::<IntegrationId>().ok());
        let ids = ids.map(|integration| DeliveryId::of(integration, order).to_string()).collect();
        found.extend(log.existing("delivery", ids).await?);
        match integrations.last() {
            Some(last) if integration.is_none() => after = last.clone(),
            Some(_) | None => {
                found.sort_unstable();
                found.dedup();
                return Ok(found);
            }
        }
    }
}
