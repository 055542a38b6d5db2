//! `/instances/events` and `/instances/{id}/events`: what happened, how much of it, and what could not be sent.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use event_log::Position;
use projections::commerce::counts::CountRow;
use projections::commerce::dispatch_list::{DispatchEntry, Place};
use projections::commerce::events::ListPosition;
use serde_json::{Value, json};

use super::Reply;
use super::access::Known;
use super::instances::find;
use super::refused::Refused;
use super::request::Asked;
use super::route::{Analytics, Which};
use crate::app::App;
use crate::app::instances::{Counts, InstanceEvent, Notified, Period};

/// What is looked at where no beginning is named.
const USUAL_PERIOD: TimeDelta = TimeDelta::hours(1);

/// Which instance is meant; None for all of the caller's.
async fn instance(app: &App, caller: &Known, which: Option<&Which>) -> Result<Option<u32>, Refused> {
    let Some(which) = which else { return Ok(caller.instance) };
    let number = caller.instance_of(which)?;
    find(app, caller, number).await?;
    Ok(Some(number))
}

pub(super) async fn list(app: &App, caller: &Known, which: Option<&Which>, asked: &Asked) -> Result<Reply, Refused> {
    let of = instance(app, caller, which).await?;
    let before = asked.next_page(list_position)?;
    let page = app.instances.events(&caller.viewer, of, (before, asked.page_size()?)).await?;
    let next_page = page.next.map(|ListPosition { position, ordinal }| format!("{position}.{ordinal}"));
    Ok(Reply { body: page.events.iter().map(shown).collect(), next_page })
}

pub(super) async fn one(app: &App, caller: &Known, which: Option<&Which>, id: &str) -> Result<Value, Refused> {
    let of = instance(app, caller, which).await?;
    let found = app.instances.event(&caller.viewer, of, id).await?;
    found.as_ref().map(shown).ok_or_else(|| Refused::NotFound("there is no such event of these instances".to_owned()))
}

fn list_position(token: &str) -> Option<ListPosition> {
    let (position, ordinal) = token.split_once('.')?;
    Some(ListPosition { position: position.parse().ok()?, ordinal: ordinal.parse().ok()? })
}

fn shown(event: &InstanceEvent) -> Value {
    let InstanceEvent { row, instance, status, provider_data, notified } = event;
    let bodies: Vec<&String> = notified.iter().filter_map(|notified| notified.body.as_ref()).collect();
    let of_instance = |Notified { entry, body }: &Notified| {
        json!({
            "eventId": row.id,
            "elementInstanceId": instance,
            "notificationId": row.id,
            "notifiedData": body,
            "createdDate": date(row.recorded_at),
            "updatedDate": date(entry.attempted_at.unwrap_or(row.recorded_at)),
        })
    };
    json!({
        "id": row.id,
        "eventDate": date(row.occurred_at),
        "status": status.as_str(),
        "providerData": provider_data.as_deref().unwrap_or_default(),
        "notifiedData": bodies,
        "eventElementInstances": notified.iter().map(of_instance).collect::<Vec<_>>(),
    })
}

pub(super) async fn analytics(app: &App, caller: &Known, of: Analytics, asked: &Asked) -> Result<Value, Refused> {
    let own = caller.viewer.account_id.to_string();
    if asked.query_all("accountIds").any(|account| !account.eq_ignore_ascii_case(&own)) {
        return Err(Refused::Forbidden("accountIds names an account that is not that of this key"));
    }
    let interval = match asked.query("interval").unwrap_or("minute") {
        "minute" => TimeDelta::minutes(1),
        "hour" => TimeDelta::hours(1),
        "day" => TimeDelta::days(1),
        "week" => TimeDelta::weeks(1),
        _ => return Err(Refused::Invalid("interval is minute, hour, day or week".to_owned())),
    };
    let period = period(app, asked)?;
    let counts = app.instances.counts(&caller.viewer, caller.instance, (period, interval)).await?;
    let Counts { moments, rows, instances } = &counts;
    let mut stretches: BTreeMap<i64, Vec<&CountRow>> = BTreeMap::new();
    for row in rows {
        stretches.entry(row.stretch).or_default().push(row);
    }
    let points = (0..).zip(moments).map(|(stretch, moment)| {
        let rows = stretches.get(&stretch).map(Vec::as_slice).unwrap_or_default();
        let total: i64 = rows.iter().map(|row| row.events).sum();
        let records = match of {
            Analytics::All => return json!({ "count": total, "timestamp": rfc3339(*moment) }),
            Analytics::Accounts if rows.is_empty() => vec![],
            Analytics::Accounts => vec![json!({
                "accountId": own,
                "count": total,
                "success": rows.iter().map(|row| row.delivered).sum::<i64>(),
                "failed": rows.iter().map(|row| row.failed).sum::<i64>(),
            })],
            Analytics::Instances => rows
                .iter()
                .map(|row| {
                    json!({
                        "instanceId": instances.get(&row.integration_id),
                        "count": row.events,
                        "success": row.delivered,
                        "failed": row.failed,
                    })
                })
                .collect(),
        };
        json!({ "total": total, "timestamp": rfc3339(*moment), "records": records })
    });
    Ok(points.collect())
}

pub(super) async fn dispositions(app: &App, caller: &Known, asked: &Asked) -> Result<Reply, Refused> {
    let limit = usize::try_from(asked.page_size()?).unwrap_or_default();
    let before = asked.next_page(place)?;
    let period = period(app, asked)?;
    if period.to < period.from {
        return Err(Refused::Invalid("to is before from".to_owned()));
    }
    let (found, next) = app.instances.dispositions(&caller.viewer, caller.instance, period, (before, limit)).await?;
    let disposition = |(instance, entry): &(i64, DispatchEntry)| {
        let reason = entry.reason.as_deref().unwrap_or("the endpoint did not take it");
        json!({
            "eventId": entry.event.id,
            "elementInstanceId": instance,
            "notificationData": [{ "message": format!("Error delivering event: {reason}") }],
        })
    };
    Ok(Reply { body: found.iter().map(disposition).collect(), next_page: next.as_ref().map(written) })
}

/// The last hour, where nothing else is named.
fn period(app: &App, asked: &Asked) -> Result<Period, Refused> {
    let to = asked.moment("to")?.unwrap_or_else(|| app.data.now());
    let from = match asked.moment("from")? {
        Some(from) => from,
        None => to.checked_sub_signed(USUAL_PERIOD).unwrap_or(DateTime::UNIX_EPOCH),
    };
    Ok(Period { from, to })
}

/// A place in a list of dispatches, as it is written.
pub(super) fn written(place: &Place) -> String {
    let Place { position, ordinal, dispatch_id } = place;
    format!("{position}.{ordinal}.{dispatch_id}")
}

pub(super) fn place(token: &str) -> Option<Place> {
    let mut parts = token.splitn(3, '.');
    let position: Position = parts.next()?.parse().ok()?;
    let ordinal = parts.next()?.parse().ok()?;
    Some(Place { position, ordinal, dispatch_id: parts.next()?.replace('\0', "") })
}

/// Of microseconds since 1970.
pub(super) fn date(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map(rfc3339).unwrap_or_default()
}

fn rfc3339(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
