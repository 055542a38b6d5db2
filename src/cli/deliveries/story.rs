//! The story of a delivery in plain sentences: what happened, how long it took, why, and what comes next. Made from what the server
//! says of its events, so that it can be made anywhere.

mod standing;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::ResolutionCode;
use domain::delivery::CortexCall;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::standing::{Standing, standing};
use crate::cli::moments::distance;
use crate::cli::output::moment;

/// An event of the delivery, as the server returns it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    pub(super) position: String,
    pub(super) sequence: i64,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) summary: String,
    #[serde(default)]
    pub(super) data: Value,
    pub(super) actor: String,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) reason_erased: bool,
    /// The position of the event that it follows from, where there is one.
    #[serde(default)]
    pub(super) caused_by: Option<String>,
    /// What that event says, where it is one of another stream.
    #[serde(default)]
    pub(super) cause: Option<String>,
    pub(super) recorded_at: DateTime<Utc>,
}

/// A sentence or some, with when it was and how long after what came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoryLine {
    pub(super) sequence: i64,
    pub(super) event_type: String,
    pub(super) at: DateTime<Utc>,
    /// Since the line before; none at the beginning.
    pub(super) later: Option<String>,
    pub(super) sentence: String,
    pub(super) actor: String,
    pub(super) reason: Option<String>,
    /// The position of the event that it follows from.
    pub(super) caused_by: Option<String>,
}

/// Whether a step before these events has a result among them.
fn has_result(after: &[Event]) -> bool {
    let is_of_others = |event: &&Event| {
        let kind = event.event_type.as_str();
        matches!(kind, "lease_renewed" | "webhook_received" | "webhook_repeated" | "cancellation_requested")
    };
    let next = after.iter().find(|event| !is_of_others(event));
    next.is_some_and(|next| matches!(next.event_type.as_str(), "followed" | "asset_shared"))
}

impl StoryLine {
    pub(super) fn object(&self) -> Value {
        json!({
            "sequence": self.sequence,
            "type": self.event_type,
            "recordedAt": self.at,
            "later": self.later,
            "sentence": self.sentence,
            "actor": self.actor,
            "reason": self.reason,
            "causedBy": self.caused_by,
        })
    }
}

/// What happened, oldest first. That a worker still holds the delivery, and what it was about to do before it did it, is no
/// news and left out.
pub(super) fn story_of(events: &[Event]) -> Vec<StoryLine> {
    let mut lines: Vec<StoryLine> = vec![];
    let mut known = Known::default();
    let news = events.iter().enumerate().filter(|(index, event)| match event.event_type.as_str() {
        "lease_renewed" => false,
        "step_started" => !has_result(&events[index + 1..]),
        _ => true,
    });
    for (_, event) in news {
        let later = lines.last().map(|before| later(before.at, event.recorded_at));
        let mut sentence = known.sentence(event);
        if let Some(who) = by_hand(event) {
            sentence = format!("{sentence} {who}");
        }
        if let Some(cause) =
            event.caused_by.as_ref().filter(|cause| events.iter().all(|event| event.position != **cause))
        {
            sentence = match &event.cause {
                Some(said) => format!("{sentence} It follows from event {cause}: {said}"),
                None => format!("{sentence} It follows from event {cause} of another stream."),
            };
        }
        lines.push(StoryLine {
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            at: event.recorded_at,
            later,
            sentence,
            actor: event.actor.clone(),
            reason: event.reason.clone(),
            caused_by: event.caused_by.clone(),
        });
    }
    lines
}

/// Whether the customer was erased, and no username was given since.
pub(super) fn is_erased(events: &[Event]) -> bool {
    let last = events
        .iter()
        .rev()
        .find(|event| matches!(event.event_type.as_str(), "personal_data_erased" | "username_corrected"));
    last.is_some_and(|event| event.event_type == "personal_data_erased")
}

fn later(before: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let between = at - before;
    if between.num_seconds() < 1 { "at once".to_owned() } else { format!("{} later", distance(between)) }
}

/// What the sentences that follow need of those before.
#[derive(Default)]
struct Known {
    /// When the webhook came in that made the order deliverable.
    accepted_at: Option<DateTime<Utc>>,
    /// How many webhooks came in.
    webhooks: u32,
    items: Vec<Value>,
    attempt: u64,
    /// What was shared so far.
    shared: Vec<String>,
    /// Whom the latest attempt was for, where the reader may know.
    tried: Option<String>,
}

/// The id that a webhook came with, as a sentence.
fn id_in(webhook: &Value) -> String {
    webhook["webhook_id"].as_str().map(|id| format!(" The webhook's id is {id}.")).unwrap_or_default()
}

impl Known {
    fn sentence(&mut self, event: &Event) -> String {
        let said = &event.data;
        match event.event_type.as_str() {
            "webhook_received" => self.of_webhook(event, said),
            "webhook_repeated" => self.of_repeated(event, said),
            "order_fetched" => self.of_fetched(event, said),
            "started" => self.of_start(event, said),
            "asset_shared" => {
                self.shared.extend(asset(&said["asset"]));
                event.summary.clone()
            }
            "retry_scheduled" => {
                let due = said["due_at"].as_str().and_then(|due| DateTime::parse_from_rfc3339(due).ok());
                let cause = code(said).map_or("It did not work.", waits_for);
                let returned = returned(said);
                match due.map(|due| due.to_utc()) {
                    Some(due) => format!(
                        "{cause}{returned} Nothing is to be done: the next try is due at {} UTC, {} from then.",
                        moment(due),
                        distance(due - event.recorded_at)
                    ),
                    None => event.summary.clone(),
                }
            }
            "failed_permanently" => match code(said) {
                Some(code) => format!(
                    "It was given up ({}).{} {}",
                    code.as_str(),
                    returned(said),
                    code.advice_once_given_up(None)
                ),
                None => event.summary.clone(),
            },
            "action_required" => match (code(said), self.tried.as_deref()) {
                (Some(ResolutionCode::InvalidUsername), Some(name)) => {
                    format!("{} The name tried was “{name}”.", event.summary)
                }
                (Some(code @ ResolutionCode::NoItemMapping), _) if self.items.is_empty() => {
                    format!("The delivery waits ({}): the store has named nothing that was bought.", code.as_str())
                }
                (Some(_) | None, _) => event.summary.clone(),
            },
            // The summary says the rest as plainly as it can be said.
            _ => event.summary.clone(),
        }
    }

    fn of_webhook(&mut self, event: &Event, said: &Value) -> String {
        self.webhooks += 1;
        self.take_over(&said["webhook"], said);
        let sentence = match said["outcome"].as_str() {
            Some("accepted") => {
                self.accepted_at = Some(event.recorded_at);
                let items = match self.items.len() {
                    0 => " It names no items.".to_owned(),
                    1 => " It names 1 item.".to_owned(),
                    items => format!(" It names {items} items."),
                };
                format!("{}{items}", event.summary)
            }
            Some("revised") => {
                self.accepted_at = Some(event.recorded_at);
                let removes = said["changes"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|change| change["kind"] == "line_removed"));
                let kept =
                    if removes && !self.shared.is_empty() { " What was shared before is not taken back." } else { "" };
                format!("{}{kept}", event.summary)
            }
            Some("duplicate") => format!("{}{}", event.summary, self.said_before()),
            Some(_) | None => event.summary.clone(),
        };
        format!("{sentence}{}", id_in(&said["webhook"]))
    }

    /// What an order that is read at its store says, as a webhook would have.
    fn of_fetched(&mut self, event: &Event, said: &Value) -> String {
        self.take_over(&said["order"], said);
        if matches!(said["outcome"].as_str(), Some("accepted" | "revised")) {
            self.accepted_at = Some(event.recorded_at);
        }
        event.summary.clone()
    }

    /// Notes what was bought, as the order has it now.
    fn take_over(&mut self, order: &Value, said: &Value) {
        let is_news = !matches!(said["outcome"].as_str(), Some("duplicate" | "stale"));
        if let Some(items) = order["items"].as_array().filter(|items| is_news && !items.is_empty()) {
            self.items.clone_from(items);
        }
    }

    /// The bytes of an earlier webhook again.
    fn of_repeated(&mut self, event: &Event, said: &Value) -> String {
        self.webhooks += 1;
        let before = if said["outcome"] == "duplicate" { self.said_before() } else { String::new() };
        format!("{}{before}{}", event.summary, id_in(said))
    }

    fn said_before(&self) -> String {
        let of = self.accepted_at.map(|at| format!(" The webhook of {} UTC had said it.", moment(at)));
        of.unwrap_or_default()
    }

    fn of_start(&mut self, event: &Event, said: &Value) -> String {
        let (Some(attempt), Some(worker), Some(plan)) =
            (said["attempt"].as_u64(), said["worker"].as_str(), said["plan"].as_array())
        else {
            return event.summary.clone();
        };
        self.attempt = attempt;
        self.tried = said["username"].as_str().map(ToOwned::to_owned);
        let planned = |item: &'_ Value| item["assets"].as_array().map(Vec::as_slice).unwrap_or_default().to_vec();
        let mut assets: Vec<String> = vec![];
        for planned in plan.iter().flat_map(planned).filter_map(|planned| asset(&planned["asset"])) {
            if !self.shared.contains(&planned) && !assets.contains(&planned) {
                assets.push(planned);
            }
        }
        let to_share = if assets.is_empty() { "nothing more".to_owned() } else { assets.join(", ") };
        let unmapped: Vec<&Value> = plan.iter().filter(|item| planned(item).is_empty()).collect();
        let names: Vec<String> = unmapped.iter().filter_map(|item| self.item(item["line_index"].as_u64()?)).collect();
        let left_out = match unmapped.len() {
            0 => String::new(),
            1 => format!(" For 1 item there is no mapping{}.", named(&names)),
            items => format!(" For {items} items there is no mapping{}.", named(&names)),
        };
        format!("Attempt {attempt} began, by worker {worker}. To share: {to_share}.{left_out}")
    }

    fn item(&self, index: u64) -> Option<String> {
        let item = self.items.get(usize::try_from(index).ok()?)?;
        let name = item["title"].as_str().or_else(|| item["sku"].as_str())?;
        Some(format!("“{name}”"))
    }
}

fn named(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

fn asset(asset: &Value) -> Option<String> {
    Some(format!("{} {}", asset["resource_type"].as_str()?, asset["resource_id"].as_str()?))
}

fn code(said: &Value) -> Option<ResolutionCode> {
    said["code"].as_str().and_then(ResolutionCode::parse)
}

/// What Cortex Cloud returned to the call that decided, as a sentence.
fn returned(said: &Value) -> String {
    let call = serde_json::from_value::<CortexCall>(said["call"].clone());
    call.map(|call| format!(" Cortex Cloud, {call}.")).unwrap_or_default()
}

fn waits_for(code: ResolutionCode) -> &'static str {
    match code {
        ResolutionCode::NdspWaiting => "The customer has not followed back yet.",
        ResolutionCode::TemporaryFailure => "Cortex Cloud could not be reached or had a problem.",
        ResolutionCode::StoreUnavailable => "The order could not be read at its store.",
        ResolutionCode::StoreAccessMissing
        | ResolutionCode::MissingUsername
        | ResolutionCode::InvalidUsername
        | ResolutionCode::MissingCredentials
        | ResolutionCode::InactiveApiKey
        | ResolutionCode::CreditsExhausted
        | ResolutionCode::NoItemMapping
        | ResolutionCode::AssetNotFound
        | ResolutionCode::IntegrationInactive
        | ResolutionCode::OrderStatusFiltered
        | ResolutionCode::Duplicate
        | ResolutionCode::Unknown => "It did not work.",
    }
}

/// Who did it with a key, and why they said they did.
fn by_hand(event: &Event) -> Option<String> {
    let name = event.actor.strip_prefix("key ")?;
    let reason = event.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    Some(match reason {
        Some(reason) => format!("This was done with the key “{name}”, because: {reason}."),
        None if event.reason_erased => format!("This was done with the key “{name}”; the reason was erased."),
        None => format!("This was done with the key “{name}”; no reason was given."),
    })
}
