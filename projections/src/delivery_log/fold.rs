//! The fold of the delivery log.

use std::collections::{HashMap, HashSet};

use domain::delivery::{
    Change, CortexCall, DeliveryEvent, DeliveryStatus, Intent, OrderLines, Webhook, WebhookOutcome,
};
use domain::{Asset, Private, ResolutionCode};
use uuid::Uuid;

use super::{DeliveryRow, Detail, SharedAsset};
use crate::database::{Sql, storable};
use crate::feed::{Recorded, delivery_facts};
use crate::progress::Progress;
use crate::table::{self, Existing, Tables};

/// The id of the log entry of a duplicate: it follows from the event, so a rebuild gives the same.
pub fn duplicate_id(delivery_id: &str, sequence: i64) -> String {
    let delivery = Uuid::parse_str(delivery_id).unwrap_or_default();
    Uuid::new_v5(&delivery, format!("duplicate {sequence}").as_bytes()).to_string()
}

pub(crate) async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let told = delivery_facts(events);
    erase_duplicates(tables, &told).await?;
    // A delivery whose first event is in this batch has no row yet.
    let fresh: HashSet<&str> =
        told.iter().filter(|(event, _)| event.sequence == 1).map(|(event, _)| event.aggregate_id.as_str()).collect();
    let known: HashSet<&str> = told.iter().map(|(event, _)| event.aggregate_id.as_str()).collect();
    let ids: Vec<&str> = known.difference(&fresh).copied().collect();
    let known: Vec<DeliveryRow> = table::read(tables, &ids).await?;
    let rows = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows: Vec<DeliveryRow> = fold(rows, told);
    // In one order, so that two nodes never wait for each other.
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write(tables, &rows, Existing::Replace).await
}

/// The rows of duplicates name the person too, and are not folded from their delivery's later events.
async fn erase_duplicates(tables: &mut Tables<'_>, told: &[(&Recorded, &DeliveryEvent)]) -> sqlx::Result<()> {
    let erased: Vec<&str> = told
        .iter()
        .filter(|(_, told)| matches!(told, DeliveryEvent::PersonalDataErased { .. }))
        .map(|(event, _)| event.aggregate_id.as_str())
        .collect();
    if erased.is_empty() {
        return Ok(());
    }
    let sql = Sql::new(format!("UPDATE {} SET username = NULL, username_key = NULL", tables.name("delivery_log")));
    tables.execute(sql.push(" WHERE duplicate_of IN (").bind_list(erased).push(")")).await.map(drop)
}

/// A row as these events of one stream, and nothing else, make it.
pub fn folded(events: &[Recorded], id: &str) -> Option<DeliveryRow> {
    fold(HashMap::new(), delivery_facts(events)).into_iter().find(|row| row.id == id)
}

fn fold(mut rows: HashMap<String, DeliveryRow>, told: Vec<(&Recorded, &DeliveryEvent)>) -> Vec<DeliveryRow> {
    let mut duplicates: Vec<DeliveryRow> = vec![];
    for (event, told) in told {
        if let DeliveryEvent::WebhookReceived { webhook, outcome, .. } = told {
            if !rows.contains_key(&event.aggregate_id) {
                rows.insert(event.aggregate_id.clone(), opened(event, webhook));
            }
            if *outcome == WebhookOutcome::Duplicate {
                duplicates.push(duplicate(event, webhook));
            }
        }
        if let DeliveryEvent::WebhookRepeated(repeated) = told
            && repeated.outcome == WebhookOutcome::Duplicate
            && let Some(original) = rows.get(&event.aggregate_id)
        {
            duplicates.push(repeated_row(event, original));
        }
        if matches!(told, DeliveryEvent::PersonalDataErased { .. }) {
            for row in duplicates.iter_mut().filter(|row| row.duplicate_of.as_ref() == Some(&event.aggregate_id)) {
                row.name(Some(&Private::Erased));
            }
        }
        if let Some(row) = rows.get_mut(&event.aggregate_id) {
            row.updated_at = event.recorded_at_us();
            row.position = event.position;
            row.apply(told, event.recorded_at_us());
            row.kept_since = row.is_kept().then_some(row.updated_at);
        }
    }
    rows.into_values().chain(duplicates).collect()
}

/// What every entry begins with, whatever order it is of.
fn empty(event: &Recorded) -> DeliveryRow {
    let at = event.recorded_at_us();
    DeliveryRow {
        id: event.aggregate_id.clone(),
        duplicate_of: None,
        account_id: String::new(),
        integration_id: String::new(),
        order_id: String::new(),
        order_number: None,
        username: None,
        username_key: None,
        status: DeliveryStatus::Queued.as_str().to_owned(),
        resolution_code: None,
        detail: None,
        items: json(&OrderLines::default()),
        unmapped: 0,
        wanted: 0,
        shared: "[]".to_owned(),
        attempts: 0,
        next_attempt_at: None,
        credits_charged: 0,
        received_at: at,
        updated_at: at,
        completed_at: None,
        personal: 0,
        kept_since: None,
        listed_at: event.position,
        position: event.position,
    }
}

fn opened(event: &Recorded, webhook: &Webhook) -> DeliveryRow {
    DeliveryRow {
        account_id: webhook.account_id.to_string(),
        integration_id: webhook.integration_id.to_string(),
        order_id: storable(&webhook.order_id),
        order_number: webhook.order_number.as_deref().map(storable),
        ..empty(event)
    }
}

fn duplicate(event: &Recorded, webhook: &Webhook) -> DeliveryRow {
    let mut row = opened(event, webhook);
    row.revise(webhook, &[]);
    row.repeats(event)
}

/// The entry of a webhook that repeated an earlier one to the byte: what that said is what is known.
fn repeated_row(event: &Recorded, original: &DeliveryRow) -> DeliveryRow {
    let original = original.clone();
    let row = DeliveryRow {
        account_id: original.account_id,
        integration_id: original.integration_id,
        order_id: original.order_id,
        order_number: original.order_number,
        username: original.username,
        username_key: original.username_key,
        items: original.items,
        ..empty(event)
    };
    row.repeats(event)
}

impl DeliveryRow {
    fn repeats(mut self, event: &Recorded) -> Self {
        self.id = duplicate_id(&event.aggregate_id, event.sequence);
        self.duplicate_of = Some(event.aggregate_id.clone());
        self.stand_at(Progress::DUPLICATE);
        self
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    let text = serde_json::to_string(value).expect("plain values are always JSON");
    storable(&text.replace("\\u0000", ""))
}

impl DeliveryRow {
    fn progress(&self) -> Progress {
        Progress::read(&self.status, self.resolution_code.as_deref())
    }

    /// Whether it is over, and still holds something personal.
    fn is_kept(&self) -> bool {
        let is_over = match self.progress().status {
            DeliveryStatus::Completed | DeliveryStatus::FailedPermanent | DeliveryStatus::Cancelled => true,
            DeliveryStatus::Queued
            | DeliveryStatus::Running
            | DeliveryStatus::RetryScheduled
            | DeliveryStatus::ActionRequired
            | DeliveryStatus::Duplicate => false,
        };
        is_over && self.personal == 1
    }

    fn stand_at(&mut self, progress: Progress) {
        self.status = progress.status.as_str().to_owned();
        self.resolution_code = progress.code.map(|code| code.as_str().to_owned());
    }

    fn name(&mut self, username: Option<&Private<String>>) {
        if let Some(username) = username {
            self.username = username.known().map(|name| storable(name));
            self.username_key = self.username.as_ref().map(|name| name.to_lowercase());
        }
    }

    fn apply(&mut self, event: &DeliveryEvent, at: i64) {
        let before = self.progress();
        let after = before.after(event);
        if after != before {
            self.stand_at(after);
            self.next_attempt_at = None;
            self.detail = None;
            self.completed_at = (after.status == DeliveryStatus::Completed).then_some(at);
            if [before.status, after.status].contains(&DeliveryStatus::Cancelled) {
                self.look_for_mappings(&self.lines());
            }
        }
        if matches!(event, DeliveryEvent::WebhookReceived { .. } | DeliveryEvent::UsernameCorrected { .. }) {
            self.personal = 1;
        }
        if let DeliveryEvent::WebhookReceived { webhook, outcome, .. } = event
            && *outcome != WebhookOutcome::Stale
        {
            let wanted = (webhook.intent == Intent::Deliver).into();
            if wanted != self.wanted {
                self.wanted = wanted;
                self.look_for_mappings(&self.lines());
            }
        }
        match event {
            DeliveryEvent::WebhookReceived { webhook, outcome, changes } if outcome.revises() => {
                self.revise(webhook, changes);
            }
            DeliveryEvent::Started(started) => {
                self.attempts = started.attempt.into();
                self.fold_lines(|lines| lines.plan(&started.plan));
            }
            DeliveryEvent::Followed { credits, .. } => self.charge(*credits),
            DeliveryEvent::ItemShared { asset, username, credits, .. } => {
                let mut shared = self.shared_assets();
                let username = username.known().map(|name| storable(name));
                shared.push(SharedAsset { asset: asset.clone(), shared_at: at, credits: *credits, username });
                self.shared = json(&shared);
                self.charge(*credits);
            }
            DeliveryEvent::RetryScheduled { due_at, call, .. } => {
                self.next_attempt_at = Some(due_at.timestamp_micros());
                self.explain(call.as_ref(), &[]);
            }
            DeliveryEvent::WaitMoved { until, .. } => {
                self.next_attempt_at = self.next_attempt_at.map(|_| until.timestamp_micros());
            }
            DeliveryEvent::ActionRequired { code, call, assets, decided_on: _ } => {
                if *code == ResolutionCode::NoItemMapping {
                    self.fold_lines(OrderLines::plan_nothing);
                }
                self.explain(call.as_ref(), assets);
            }
            DeliveryEvent::FailedPermanently { call, .. } => self.explain(call.as_ref(), &[]),
            DeliveryEvent::UsernameCorrected { username } => self.name(Some(username)),
            DeliveryEvent::PersonalDataErased { .. } => {
                self.name(Some(&Private::Erased));
                let mut shared = self.shared_assets();
                for shared in &mut shared {
                    shared.username = None;
                }
                self.shared = json(&shared);
                self.personal = 0;
                self.unmapped = 0;
            }
            DeliveryEvent::WebhookReceived { .. }
            | DeliveryEvent::WebhookRepeated(_)
            | DeliveryEvent::StepStarted { .. }
            | DeliveryEvent::LeaseRenewed { .. }
            | DeliveryEvent::Completed {}
            | DeliveryEvent::CancellationRequested {}
            | DeliveryEvent::Cancelled {}
            | DeliveryEvent::StatusFiltered {}
            | DeliveryEvent::HandedBack {}
            | DeliveryEvent::RetryRequested { .. }
            | DeliveryEvent::Requeued { .. } => {}
        }
    }

    fn revise(&mut self, webhook: &Webhook, changes: &[Change]) {
        if webhook.describes_order() {
            self.fold_lines(|lines| lines.revise(&webhook.items));
        }
        if changes.contains(&Change::Username) || self.username.is_none() {
            self.name(webhook.username.as_ref());
        }
    }

    fn fold_lines(&mut self, fold: impl FnOnce(&mut OrderLines)) {
        let mut lines = self.lines();
        fold(&mut lines);
        self.look_for_mappings(&lines);
        self.items = json(&lines);
    }

    /// An order that is cancelled, or of an erased customer, lacks no mapping: none would be delivered.
    fn look_for_mappings(&mut self, lines: &OrderLines) {
        let is_cancelled = self.progress().status == DeliveryStatus::Cancelled;
        self.unmapped = (self.wanted == 1 && self.personal == 1 && !is_cancelled && lines.has_unmapped()).into();
    }

    fn explain(&mut self, call: Option<&CortexCall>, missing: &[Asset]) {
        let detail = Detail { call: call.cloned(), missing: missing.to_vec() };
        self.detail = (detail != Detail::default()).then(|| json(&detail));
    }

    fn charge(&mut self, credits: domain::Credits) {
        self.credits_charged += i64::try_from(credits.0).unwrap_or(i64::MAX);
    }
}
