//! Makes the streams of ledgers that charged often: event for event what the service would have appended.
//!
//! A stream takes one append after the other, so that a million charges through [`EventLog::execute`] would wait for
//! three million commits. Most events are therefore decided, chained and written here, thousands in one statement; the
//! first and the last of a stream go through [`EventLog::execute`], which reads and folds all that was written in
//! between, and takes the snapshot.

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate as _, DomainEvent as _};
use domain::ledger::{Ledger, LedgerCommand};
use domain::{AccountId, Credits, DeliveryId};
use event_log::ids;
use event_log::row::{StoredEvent, chain, first_broken};
use event_log::stream::Loaded;
use event_log::{Actor, EventLog, SNAPSHOT_EVERY, Sequence};
use serde_json::{Value, json};
use storage::{Database, Sql};
use uuid::Uuid;

/// Credits are granted.
pub(crate) const EVENTS_BEFORE: i64 = 1;
/// What an attempt may cost is reserved, then settled.
pub(crate) const EVENTS_PER_CHARGE: i64 = 2;
const ROWS_PER_STATEMENT: usize = 5_000;
/// Between two charges: the pace of an account allows five in a minute.
const APART: TimeDelta = TimeDelta::seconds(15);

/// The ledger of an account whose deliveries are charged one after the other.
pub(crate) struct Charged<'l> {
    log: &'l EventLog,
    pub(crate) id: String,
    /// When the first charge was, the same for every account, so that streams can be compared.
    since: DateTime<Utc>,
    charges: u64,
}

impl<'l> Charged<'l> {
    pub(crate) async fn open(log: &'l EventLog, since: DateTime<Utc>) -> anyhow::Result<Self> {
        let account = Self { log, id: AccountId(ids::fresh()).to_string(), since, charges: 0 };
        let grant = LedgerCommand::Grant { grant_id: Uuid::from_u128(1), credits: Credits(1_000_000_000) };
        account.execute(grant).await?;
        Ok(account)
    }

    async fn execute(&self, command: LedgerCommand) -> anyhow::Result<()> {
        let committed = self.log.execute::<Ledger>(&self.id, command, &Actor::System).await?;
        ensure!(committed.position.is_some(), "a command led to nothing");
        Ok(())
    }

    /// Charges, one command after the other.
    pub(crate) async fn charge(&mut self, times: u64) -> anyhow::Result<()> {
        for number in self.charges..self.charges + times {
            for command in commands(number) {
                self.execute(command).await?;
            }
        }
        self.charges += times;
        Ok(())
    }

    /// Charges until the stream has `total` charges; all but the last few are written here.
    pub(crate) async fn charge_up_to(&mut self, total: u64) -> anyhow::Result<()> {
        // The first command after them is the one that brings a snapshot: it alone has to read the whole stream.
        let brings_snapshot = |charges: u64| (events_of(charges) + 1) % SNAPSHOT_EVERY == 0;
        let written = (self.charges..total).rev().find(|charges| brings_snapshot(*charges));
        let written = written.context("a long stream has at least a hundred charges")?;
        let folded = self.write_up_to(written).await?;
        let found = self.log.load::<Ledger>(&self.id).await?;
        ensure!(found.sequence == folded.sequence && found.hash == folded.hash, "the stream ends elsewhere");
        ensure!(found.aggregate == folded.aggregate, "the stream reads as another account than was written");
        self.charge(total - written).await
    }

    /// Writes events of charges as the log's own store prepares them, without waiting for each.
    async fn write_up_to(&mut self, total: u64) -> anyhow::Result<Loaded<Ledger>> {
        let mut loaded = self.log.load::<Ledger>(&self.id).await?;
        let before = self.log.stream_after(Ledger::TYPE, &self.id, Sequence::START, 1).await?;
        let metadata = before.first().context("credits were granted")?.metadata.clone();
        let account_id: Uuid = self.id.parse()?;
        let mut position = self.log.head();
        let mut rows = Vec::with_capacity(ROWS_PER_STATEMENT);
        for number in self.charges..total {
            for command in commands(number) {
                for event in loaded.aggregate.decide(command)? {
                    loaded.sequence = loaded.sequence.next();
                    position = position.next();
                    let stored = StoredEvent {
                        position,
                        aggregate_type: Ledger::TYPE.to_owned(),
                        aggregate_id: self.id.clone(),
                        sequence: loaded.sequence,
                        event_type: event.event_type(),
                        event_version: event.event_version(),
                        // By way of a value, whose keys are sorted: so the store writes it.
                        payload: serde_json::to_value(&event)?["payload"].to_string(),
                        metadata: metadata.clone(),
                        account_id: Some(account_id),
                        integration_id: None,
                        caused_by: None,
                        correlation_id: account_id,
                        data_key_id: None,
                        recorded_at: time_of(number, self.since).into(),
                        hash: vec![],
                    };
                    loaded.hash = chain(&loaded.hash, &stored, None);
                    rows.push(row(&stored, &loaded.hash));
                    loaded.aggregate.apply(event);
                }
            }
            if rows.len() >= ROWS_PER_STATEMENT || number + 1 == total {
                insert(self.log.raw_database(), &self.id, &rows).await?;
                rows.clear();
            }
        }
        self.charges = total;
        Ok(loaded)
    }

    /// Whether the beginning of the stream is chained without a break.
    pub(crate) async fn check_chain(&self, events: i64) -> anyhow::Result<()> {
        let whole = self.log.whole_stream(Ledger::TYPE, &self.id, events).await?;
        if let Some(broken) = first_broken(&whole) {
            bail!("the chain breaks at event {}", broken.sequence);
        }
        Ok(())
    }
}

/// Makes a short stream in both ways, and fails unless they are the same but for the time, the ids and the hashes over
/// them.
pub(crate) async fn compare_ways(log: &EventLog, since: DateTime<Utc>) -> anyhow::Result<()> {
    let (mut executed, mut written) = (Charged::open(log, since).await?, Charged::open(log, since).await?);
    executed.charge(100).await?;
    written.charge_up_to(100).await?;
    let mut forms = vec![];
    for account in [&executed, &written] {
        account.check_chain(1_000).await?;
        let stored = log.stream_after(Ledger::TYPE, &account.id, Sequence(EVENTS_BEFORE), 1_000).await?;
        let form = |event: StoredEvent| (event.sequence, event.event_type, event.payload, event.metadata);
        forms.push(stored.into_iter().map(form).collect::<Vec<_>>());
    }
    ensure!(forms[0] == forms[1] && forms[0].len() == 200, "written events are not what the service appends");
    let (executed, written) = (log.load::<Ledger>(&executed.id).await?, log.load::<Ledger>(&written.id).await?);
    ensure!(executed.aggregate == written.aggregate, "written events fold to another account");
    ensure!(executed.events_read == written.events_read, "written events have another snapshot");
    Ok(())
}

fn events_of(charges: u64) -> i64 {
    EVENTS_BEFORE + EVENTS_PER_CHARGE * i64::try_from(charges).unwrap_or(i64::MAX / 4)
}

fn time_of(number: u64, since: DateTime<Utc>) -> DateTime<Utc> {
    since + APART * i32::try_from(number).unwrap_or(i32::MAX)
}

/// What one delivery asks of its merchant's ledger.
fn commands(number: u64) -> [LedgerCommand; 2] {
    let (delivery_id, attempt) = (DeliveryId(Uuid::from_u128(number.into())), 1);
    [
        LedgerCommand::Reserve { delivery_id, attempt, credits: Credits(13), earlier: Credits::ZERO },
        LedgerCommand::Settle { delivery_id, attempt, charged: Credits(10) },
    ]
}

fn row(stored: &StoredEvent, hash: &[u8; 32]) -> Value {
    let StoredEvent { position, sequence, event_type, event_version, payload, metadata, recorded_at, .. } = stored;
    json!([position, sequence, event_type, event_version, payload, metadata, recorded_at.0, hex::encode(hash)])
}

async fn insert(database: &Database, id: &str, rows: &[Value]) -> anyhow::Result<()> {
    let (json, account_id) = (serde_json::to_string(rows)?, id.parse::<Uuid>()?);
    let sql = Sql::new(
        "INSERT INTO events (position, sequence, event_type, event_version, payload, metadata, recorded_at, hash, \
         aggregate_type, aggregate_id, account_id, correlation_id) SELECT ",
    );
    let sql = match database {
        Database::Sqlite(_) => sql
            .push(
                "value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
                 unhex(value ->> 7), ",
            )
            .bind(Ledger::TYPE)
            .push(", ")
            .bind(id)
            .push(", ")
            .bind(account_id)
            .push(", ")
            .bind(account_id)
            .push(" FROM json_each(")
            .bind(json)
            .push(")"),
        Database::Postgres(_) => sql
            .push(
                "CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint), value ->> 2, value ->> 3, \
                 CAST(value ->> 4 AS json), CAST(value ->> 5 AS json), CAST(value ->> 6 AS bigint), \
                 decode(value ->> 7, 'hex'), ",
            )
            .bind(Ledger::TYPE)
            .push(", ")
            .bind(id)
            .push(", ")
            .bind(account_id)
            .push(", ")
            .bind(account_id)
            .push(" FROM json_array_elements(CAST(")
            .bind(json)
            .push(" AS json)) AS rows(value)"),
    };
    database.execute(sql).await?;
    Ok(())
}
