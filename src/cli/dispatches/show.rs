//! `cloud-bridge dispatches show`: the story of one event on its way to one endpoint.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{Event, skipped};
use event_log::clock::Clock;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, clean, moment, word};

/// Show a dispatch: each attempt, when it was, where it went, what was responded, and what comes next
///
/// What the endpoint responded is shown to the account's own keys: it may repeat what is known of a person.
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    /// Its id or the beginning of it, as `dispatches list` shows it
    #[arg(value_name = "DISPATCH_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

const SHOW: &str = "query($id: ID!) { dispatch(id: $id) {
  id status skipCause dueAt attemptCount commerceEvent { id type objectKind objectId recordedAt }
  endpoint { id url status account { id name } }
  redrives { at cause by } waitsFor { id status dueAt commerceEvent { type } }
  attempts { number isProbe at outcome retryAt status durationMs address reason response responseIsBase64 responseIsErased } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dispatch {
    id: String,
    status: String,
    skip_cause: Option<String>,
    due_at: Option<DateTime<Utc>>,
    commerce_event: Event,
    endpoint: Option<Endpoint>,
    attempts: Vec<Attempt>,
    redrives: Vec<Redrive>,
    waits_for: Option<Before>,
}

#[derive(Deserialize)]
struct Redrive {
    at: DateTime<Utc>,
    cause: String,
    by: String,
}

/// What is sent first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Before {
    id: String,
    status: String,
    due_at: Option<DateTime<Utc>>,
    commerce_event: EventType,
}

#[derive(Deserialize)]
struct EventType {
    r#type: String,
}

#[derive(Deserialize)]
struct Endpoint {
    id: String,
    url: String,
    status: String,
    account: Account,
}

#[derive(Deserialize)]
struct Account {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attempt {
    number: u32,
    is_probe: bool,
    at: DateTime<Utc>,
    outcome: String,
    retry_at: Option<DateTime<Utc>>,
    status: Option<u16>,
    duration_ms: u32,
    address: Option<String>,
    reason: Option<String>,
    response: Option<String>,
    response_is_base64: bool,
    response_is_erased: bool,
}

impl Show {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Dispatch, &self.id).await?;
        let found = client.ask(SHOW, json!({ "id": id })).await?["dispatch"].take();
        if found.is_null() {
            bail!("{}", identifiers::unknown(Kind::Dispatch, &self.id));
        }
        if json {
            return Ok(output::print_json(&found)?);
        }
        let dispatch: Dispatch = understood(&found)?;
        dispatch.print()
    }
}

impl Dispatch {
    fn print(&self) -> anyhow::Result<()> {
        let Event { id, r#type, object_kind, object_id, recorded_at } = &self.commerce_event;
        output::say(&format!(
            "{} about {} {}: {}\nDispatch {} of the event {}",
            clean(r#type),
            clean(object_kind),
            clean(object_id),
            clean(&word(&self.status)),
            clean(&self.id),
            clean(id),
        ))?;
        if let Some(Endpoint { id, url, account, .. }) = &self.endpoint {
            output::say(&format!("To {} of {} (endpoint {})", clean(url), clean(&account.name), clean(id)))?;
        }
        output::print(format_args!("\n{}\n  The event was recorded.", moment(*recorded_at)))?;
        let mut redrives = self.redrives.iter().peekable();
        for attempt in &self.attempts {
            while let Some(redrive) = redrives.next_if(|redrive| redrive.at <= attempt.at) {
                redrive.print()?;
            }
            let sentence = output::fitted(&clean(&attempt.sentence()), 2);
            output::print(format_args!("{}\n  {sentence}", moment(attempt.at)))?;
            for line in attempt.response() {
                output::print(format_args!("  | {}", output::fitted(&line, 4)))?;
            }
        }
        for redrive in redrives {
            redrive.print()?;
        }
        Ok(output::print(format_args!("\nNow\n  {}", output::fitted(&clean(&self.next(Clock::default().now())), 2)))?)
    }

    /// What comes next.
    fn next(&self, now: DateTime<Utc>) -> String {
        let due = self.due_at.filter(|at| *at > now);
        let due = due.map_or_else(|| "now".to_owned(), |at| format!("from {} UTC on", moment(at)));
        match self.status.as_str() {
            "DELIVERED" => "The endpoint took it: nothing more happens.".to_owned(),
            "DEAD_LETTER" => format!(
                "Its attempts are used up: it is not sent again by itself. Once the endpoint works, `cloud-bridge dispatches redrive \
                 {}` sends it again.",
                self.id
            ),
            "SKIPPED" => {
                let cause = self.skip_cause.as_deref().map_or("it is not wanted any more", skipped);
                format!("It is not sent: {cause}.")
            }
            "RETRYING" => format!("It is sent again {due}.{}", self.held_back()),
            _ => format!("It is sent {due}.{}", self.held_back()),
        }
    }

    /// Why it is not sent although its time has come.
    fn held_back(&self) -> String {
        let Some(endpoint) = &self.endpoint else { return String::new() };
        held_back_by(&endpoint.id, &endpoint.status)
            .map(|why| format!(" But {why}"))
            .or_else(|| self.waits_for.as_ref().map(Before::sentence))
            .unwrap_or_default()
    }
}

/// Why an endpoint with this status is sent nothing, or little, and what to do about it.
pub(super) fn held_back_by(endpoint_id: &str, status: &str) -> Option<String> {
    let resume = format!("`cloud-bridge endpoints resume {endpoint_id}` sends what waits.");
    match status {
        "PAUSED" => Some(format!("its endpoint is paused: {resume}")),
        "DISABLED" => Some(format!("its endpoint is disabled: {resume}")),
        "DEGRADED" => Some(format!(
            "its endpoint is degraded: one event is tried every five minutes, and all of them once that succeeds. Once your \
             receiver is mended, `cloud-bridge endpoints resume {endpoint_id}` sends them at once."
        )),
        _ => None,
    }
}

impl Before {
    fn sentence(&self) -> String {
        let Self { id, commerce_event: EventType { r#type }, .. } = self;
        let when = match (self.status.as_str(), self.due_at) {
            ("RETRYING", Some(at)) => format!("which failed and is tried again at {} UTC", moment(at)),
            _ => "which is not through yet".to_owned(),
        };
        format!(
            " But its endpoint keeps order: {type} about the same object comes first, {when} (dispatch {id}).",
            r#type = r#type
        )
    }
}

impl Redrive {
    fn sentence(&self) -> String {
        match self.cause.as_str() {
            "RESUMED" => "Its endpoint was resumed: it is sent again.".to_owned(),
            "RECOVERED" => "Its endpoint responded again: it is sent at once.".to_owned(),
            _ => format!("It was asked to be sent again, by {}.", self.by),
        }
    }

    fn print(&self) -> std::io::Result<()> {
        output::print(format_args!("{}\n  {}", moment(self.at), output::fitted(&clean(&self.sentence()), 2)))
    }
}

impl Attempt {
    fn sentence(&self) -> String {
        let to = self.address.as_ref().map(|address| format!(" to {address}")).unwrap_or_default();
        let status = self.status.map_or_else(|| "without a response".to_owned(), |status| format!("with {status}"));
        let Self { number, duration_ms, .. } = self;
        let probe = if self.is_probe { ", a probe before its time," } else { "" };
        let why = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        match (self.outcome.as_str(), self.retry_at) {
            ("DELIVERED", _) => format!("Attempt {number}{probe}{to} was taken {status} after {duration_ms} ms."),
            ("FAILED", Some(at)) => format!(
                "Attempt {number}{probe}{to} failed {status} after {duration_ms} ms{why}. The next one is due at {} UTC.",
                moment(at)
            ),
            _ => format!("Attempt {number}{to} failed {status} after {duration_ms} ms{why}. It was the last."),
        }
    }

    /// What the endpoint responded, as lines to print.
    fn response(&self) -> Vec<String> {
        if self.response_is_erased {
            return vec!["(what was responded was erased)".to_owned()];
        }
        match &self.response {
            Some(base64) if self.response_is_base64 => vec![format!("(in base64) {}", clean(base64))],
            Some(text) => text.lines().map(clean).collect(),
            None => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(outcome: &str, status: Option<u16>) -> Attempt {
        Attempt {
            number: 2,
            is_probe: false,
            at: "2026-03-14T12:00:00Z".parse().unwrap(),
            outcome: outcome.to_owned(),
            retry_at: (outcome == "FAILED").then(|| "2026-03-14T12:00:05Z".parse().unwrap()),
            status,
            duration_ms: 12,
            address: Some("192.0.2.1:443".to_owned()),
            reason: (outcome != "DELIVERED").then(|| "answered 500".to_owned()),
            response: Some("so\u{1b}[2J\nit is".to_owned()),
            response_is_base64: false,
            response_is_erased: false,
        }
    }

    #[test]
    fn an_attempt_is_shown_with_its_address_its_status_its_reason_and_what_follows() {
        for (outcome, status, sentence) in [
            ("DELIVERED", Some(204), "Attempt 2 to 192.0.2.1:443 was taken with 204 after 12 ms."),
            (
                "FAILED",
                Some(500),
                "Attempt 2 to 192.0.2.1:443 failed with 500 after 12 ms: answered 500. The next one is due at 2026-03-14 12:00:05 UTC.",
            ),
            (
                "DEAD_LETTERED",
                None,
                "Attempt 2 to 192.0.2.1:443 failed without a response after 12 ms: answered 500. It was the last.",
            ),
        ] {
            assert_eq!(attempt(outcome, status).sentence(), sentence);
        }
        let probe = Attempt { is_probe: true, ..attempt("DELIVERED", Some(204)) };
        assert_eq!(
            probe.sentence(),
            "Attempt 2, a probe before its time, to 192.0.2.1:443 was taken with 204 after 12 ms."
        );
    }

    #[test]
    fn a_response_is_printed_line_by_line_and_cannot_command_the_terminal() {
        assert_eq!(attempt("FAILED", Some(500)).response(), ["so[2J", "it is"]);
        let erased = Attempt { response: None, response_is_erased: true, ..attempt("FAILED", None) };
        assert_eq!(erased.response(), ["(what was responded was erased)"]);
        assert!(Attempt { response: None, ..attempt("FAILED", None) }.response().is_empty());
    }
}
