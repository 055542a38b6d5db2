//! Where a delivery stands and what comes next, in sentences.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::cli::moments::distance;
use crate::cli::output::moment;

/// Where the delivery stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::deliveries) struct Standing {
    pub(in crate::cli::deliveries) id: String,
    /// As GraphQL spells it.
    pub(in crate::cli::deliveries) status: String,
    pub(in crate::cli::deliveries) resolution_code: Option<String>,
    pub(in crate::cli::deliveries) resolution: Option<String>,
    pub(in crate::cli::deliveries) waits_until: Option<DateTime<Utc>>,
    pub(in crate::cli::deliveries) credits_charged: i64,
    /// Something was bought that no mapping was found for.
    #[serde(default)]
    pub(in crate::cli::deliveries) unmapped: bool,
    /// A change that could not be read at the store.
    #[serde(default)]
    pub(in crate::cli::deliveries) unread_change: Option<Unread>,
    pub(in crate::cli::deliveries) integration: StandingOf,
    #[serde(default)]
    pub(in crate::cli::deliveries) items: Vec<StandingItem>,
    /// What was known of the customer is erased, and no username was given since.
    #[serde(default)]
    pub(in crate::cli::deliveries) is_erased: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli::deliveries) struct Unread {
    pub(in crate::cli::deliveries) resolution: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli::deliveries) struct StandingItem {
    /// As GraphQL spells it.
    pub(in crate::cli::deliveries) state: String,
}

impl Standing {
    /// Items that are ordered, and that no attempt has planned.
    fn pending(&self) -> usize {
        self.items.iter().filter(|item| item.state == "PENDING").count()
    }
}

/// The integration that a delivery is of.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(in crate::cli::deliveries) struct StandingOf {
    pub(in crate::cli::deliveries) active: bool,
}

/// Where it stands and what comes next, or what the merchant should do.
pub(in crate::cli::deliveries) fn standing(
    delivery: &Standing,
    duplicate_of: Option<&str>,
    now: DateTime<Utc>,
) -> String {
    let (id, status) = (&delivery.id, delivery.status.to_lowercase());
    let spent = match delivery.credits_charged {
        0 => String::new(),
        1 => " It has cost 1 credit.".to_owned(),
        credits => format!(" It has cost {credits} credits."),
    };
    if let Some(original) = duplicate_of {
        return format!("It repeats delivery {original}, whose story this is: nothing is delivered twice.");
    }
    let code = delivery.resolution_code.as_deref().map(str::to_lowercase).map(|code| format!(" ({code})"));
    let code = code.unwrap_or_default();
    let advice = delivery.resolution.as_deref().map(|advice| format!(" {advice}")).unwrap_or_default();
    let next = match status.as_str() {
        "queued" | "retry_scheduled" if !delivery.integration.active => {
            format!(
                "It waits{code}, and its integration is deactivated: it is not delivered until that is activated \
                 (`cloud-bridge integrations activate`)."
            )
        }
        "queued" => {
            let pace = delivery.waits_until.map(|at| format!(", at {} UTC", moment(at))).unwrap_or_default();
            format!("It is queued: a worker takes it as soon as one is free and the account's pace allows{pace}.")
        }
        "running" => {
            let end = delivery.waits_until.map(|at| format!(", at {} UTC", moment(at))).unwrap_or_default();
            format!("A worker is at it. Should the worker die, another goes on once the lease has run out{end}.")
        }
        "retry_scheduled" => {
            let due = match delivery.waits_until {
                Some(due) if due > now => format!("at {} UTC, in {}", moment(due), distance(due - now)),
                Some(_) => "now".to_owned(),
                None => "soon".to_owned(),
            };
            format!(
                "It waits{code} and is tried again by itself {due}. `cloud-bridge deliveries retry {id}` tries it now, \
                 `cloud-bridge deliveries move {id} --to TIME` at another moment."
            )
        }
        "action_required" => {
            let is_nameless = delivery.resolution_code.as_deref() == Some("MISSING_USERNAME");
            let erased =
                if is_nameless && delivery.is_erased { " What was known of the customer is erased." } else { "" };
            format!("It waits for the merchant{code}.{erased}{advice}")
        }
        "completed" if delivery.pending() > 0 => {
            let items =
                if delivery.pending() == 1 { "1 item".to_owned() } else { format!("{} items", delivery.pending()) };
            let (why, how) = if delivery.is_erased {
                (
                    "after the customer was erased",
                    format!("`cloud-bridge deliveries retry {id} --username NAME` delivers it"),
                )
            } else {
                (
                    "since",
                    format!(
                        "it is delivered once the store reports a status that is delivered, or with `cloud-bridge deliveries \
                         retry {id}`"
                    ),
                )
            };
            format!("It is complete, but for {items} ordered {why}: {how}.")
        }
        "completed" if delivery.unmapped => {
            "It is complete, but for products without a mapping: `cloud-bridge mappings add … \
                                             --deliver-past` delivers them."
                .to_owned()
        }
        "completed" if delivery.unread_change.is_some() => "It is complete.".to_owned(),
        "completed" => "It is complete: nothing more happens.".to_owned(),
        "failed_permanent" => {
            // A retry of an order whose status is never delivered is refused.
            let is_filtered = delivery.resolution_code.as_deref() == Some("ORDER_STATUS_FILTERED");
            let again = format!(" `cloud-bridge deliveries retry {id}` puts it back in the queue.");
            format!("It failed{code}.{advice}{}", if is_filtered { "" } else { &again })
        }
        "cancelled" => "It is cancelled: nothing more happens by itself.".to_owned(),
        "duplicate" => "It is a duplicate: nothing is delivered twice.".to_owned(),
        other => format!("Its status is {other}{code}.{advice}"),
    };
    let unread = delivery.unread_change.as_ref().map(|unread| format!(" {}", unread.resolution)).unwrap_or_default();
    format!("{next}{spent}{unread}")
}
