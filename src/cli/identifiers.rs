//! Ids as people type and read them: the beginning of one is enough where no other begins so, and lists print no more of
//! one than that.

use std::collections::HashMap;

use anyhow::bail;
use event_log::identifiers::MIN_PREFIX_CHARS;
use serde::Deserialize;
use serde_json::{Value, json};
use strum::IntoStaticStr;
use uuid::Uuid;

use super::client::{Client, MAX_PAGE, understood};
use super::output::{self, clean};
use event_log::EventLog;

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    Account,
    ApiKey,
    Integration,
    /// Also understood by the store's id or number of the order.
    Delivery,
    Endpoint,
    Dispatch,
    CommerceEvent,
    DataRequest,
}

/// Ids that are named where one is ambiguous.
const MAX_CANDIDATES: i64 = 10;

const BEGINNING: &str = "query($kind: IdKind!, $text: String!) { idsBeginning(kind: $kind, text: $text) }";

const DELIVERIES: &str = "query($kind: IdKind!, $text: String!) {
  idsBeginning(kind: $kind, text: $text)
  deliveries(first: 20, filter: { order: $text }) { nodes { id duplicateOf { id } } } }";

const SHORT: &str = "query($kind: IdKind!, $ids: [ID!]!) { shortIds(kind: $kind, ids: $ids) { id short } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfOrder {
    id: String,
    duplicate_of: Option<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct Short {
    id: String,
    short: String,
}

impl Kind {
    /// In the words of the API.
    fn word(self) -> &'static str {
        self.into()
    }

    /// What it is called, and the command that lists it.
    fn called(self) -> (&'static str, &'static str) {
        match self {
            Self::Account => ("account", "cloud-bridge accounts list"),
            Self::ApiKey => ("API key", "cloud-bridge keys list"),
            Self::Integration => ("integration", "cloud-bridge integrations list"),
            Self::Delivery => ("delivery", "cloud-bridge deliveries list"),
            Self::Endpoint => ("endpoint", "cloud-bridge endpoints list"),
            Self::Dispatch => ("dispatch", "cloud-bridge dispatches list"),
            Self::CommerceEvent => ("commerce event", "cloud-bridge dispatches list"),
            Self::DataRequest => ("data request", "cloud-bridge data-requests"),
        }
    }

    /// What the field of a filter or an input is of.
    fn of_field(name: &str) -> Option<Self> {
        match name {
            "accountId" => Some(Self::Account),
            "apiKeyId" | "keyId" => Some(Self::ApiKey),
            "integrationId" | "integrationIds" => Some(Self::Integration),
            "endpointId" => Some(Self::Endpoint),
            "dispatchId" => Some(Self::Dispatch),
            "eventId" => Some(Self::CommerceEvent),
            "deliveryId" | "deliveryIds" => Some(Self::Delivery),
            "dataRequest" => Some(Self::DataRequest),
            _ => None,
        }
    }
}

/// The whole id that a beginning names; a delivery is also named by its order.
///
/// # Errors
/// Where nothing that the caller may see matches, and where several do.
pub(super) async fn whole(client: &Client, kind: Kind, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    if Uuid::parse_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    let ids = candidates(client, kind, text).await?;
    if kind == Kind::Delivery && ids.len() > 1 {
        return Err(super::deliveries::several(client, text, &ids).await?);
    }
    one_of(kind, text, ids)
}

/// The stream that is named: a delivery, an integration, an account, an endpoint or a data request.
pub(super) async fn whole_stream(client: &Client, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    if Uuid::parse_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    let mut found = vec![];
    for kind in [Kind::Delivery, Kind::Integration, Kind::Account, Kind::Endpoint, Kind::DataRequest] {
        found.extend(candidates(client, kind, text).await?);
    }
    // It may be a key's id, or a stream that has no view.
    if found.is_empty() { Ok(text.to_owned()) } else { one_of(Kind::Delivery, text, found) }
}

/// An order as the server understands it: its id or number, or the whole id of its delivery where the beginning of that is
/// given.
pub(super) async fn order_or_delivery(client: &Client, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    let found = client.ask(DELIVERIES, json!({ "kind": Kind::Delivery.word(), "text": text })).await?;
    let of_order: Vec<OfOrder> = understood(&found["deliveries"]["nodes"])?;
    let beginning: Vec<String> = understood(&found["idsBeginning"])?;
    if of_order.is_empty() && !beginning.is_empty() {
        return one_of(Kind::Delivery, text, beginning);
    }
    Ok(text.to_owned())
}

pub(super) async fn candidates(client: &Client, kind: Kind, text: &str) -> anyhow::Result<Vec<String>> {
    let query = if kind == Kind::Delivery { DELIVERIES } else { BEGINNING };
    let found = client.ask(query, json!({ "kind": kind.word(), "text": text })).await?;
    let mut ids: Vec<String> = understood(&found["idsBeginning"])?;
    if kind == Kind::Delivery {
        let of_order: Vec<OfOrder> = understood(&found["deliveries"]["nodes"])?;
        // What is done to a duplicate is done to the delivery that it repeats.
        ids.extend(of_order.into_iter().map(|found| found.duplicate_of.map_or(found.id, |original| original.id)));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn one_of(kind: Kind, text: &str, mut ids: Vec<String>) -> anyhow::Result<String> {
    match ids.len() {
        0 => bail!("{}", unknown(kind, text)),
        1 => Ok(ids.swap_remove(0)),
        _ => bail!("{} may mean several: give more of the id\n  {}", clean(text), ids.join("\n  ")),
    }
}

/// That there is nothing of the kind that begins so, and why that may be.
pub(super) fn unknown(kind: Kind, text: &str) -> String {
    let (called, list) = kind.called();
    let text_shown = clean(text);
    if kind == Kind::Delivery {
        return format!(
            "there is no delivery and no order {text_shown}: `{list}` shows them, and `cloud-bridge webhooks list --order \
             {text_shown}` whether its webhook cannot be used{}",
            too_short(text)
        );
    }
    format!("there is no {called} {text_shown}: `{list}` shows them{}", too_short(text))
}

/// Where a text would be the beginning of an id if it were longer: how long that has to be.
fn too_short(text: &str) -> String {
    let is_of_id = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if text.is_empty() || text.len() >= MIN_PREFIX_CHARS || !text.bytes().all(is_of_id) {
        return String::new();
    }
    format!(". Of an id, {MIN_PREFIX_CHARS} characters are needed")
}

/// Variables of a query with every id whole, wherever in them it stands.
pub(super) async fn completed(client: &Client, mut variables: Value) -> anyhow::Result<Value> {
    let mut places = vec![];
    find(&variables, String::new(), None, &mut places);
    for (place, kind) in places {
        let Some(id) = variables.pointer_mut(&place) else { continue };
        if let Value::String(text) = &*id {
            *id = Value::String(whole(client, kind, text).await?);
        }
    }
    Ok(variables)
}

/// Where ids stand, as JSON pointers.
fn find(value: &Value, place: String, kind: Option<Kind>, places: &mut Vec<(String, Kind)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                find(value, format!("{place}/{name}"), Kind::of_field(name), places);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                find(value, format!("{place}/{index}"), kind, places);
            }
        }
        Value::String(_) => places.extend(kind.map(|kind| (place, kind))),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How ids are printed: as short as they are understood, and whole where a program reads them.
#[derive(Debug, Default)]
pub(super) struct ShortIds(HashMap<String, String>);

impl ShortIds {
    pub(super) async fn of<'i>(
        client: &Client,
        kind: Kind,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> anyhow::Result<Self> {
        let ids: Vec<&str> = ids.into_iter().take(MAX_PAGE as usize).collect();
        if output::width().is_none() || ids.is_empty() {
            return Ok(Self::default());
        }
        let found = client.read(SHORT, json!({ "kind": kind.word(), "ids": ids }), "shortIds").await?;
        let found: Vec<Short> = found;
        Ok(Self(found.into_iter().map(|Short { id, short }| (id, short)).collect()))
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    pub(super) fn get<'s>(&'s self, id: &'s str) -> &'s str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

/// How the ids of one whole list are printed.
pub(super) fn short_among<'i>(id: &'i str, all: &[&str]) -> &'i str {
    if output::width().is_none() {
        return id;
    }
    event_log::identifiers::shortest_beside(id, all.iter().filter(|other| **other != id))
}

/// The whole id that a beginning names, among those of a list.
pub(super) fn whole_among(what: &str, text: &str, all: &[&str]) -> anyhow::Result<String> {
    let text = text.trim();
    if Uuid::parse_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    let matches = |id: &&&str| event_log::identifiers::is_prefix(text) && id.starts_with(&text.to_lowercase());
    let matching: Vec<&str> = all.iter().filter(matches).copied().collect();
    match matching.as_slice() {
        [] => bail!("there is no {what} {}{}", clean(text), too_short(text)),
        [only] => Ok((*only).to_owned()),
        several => bail!("{} may mean several: give more of the id\n  {}", clean(text), several.join("\n  ")),
    }
}

/// The whole id of a stream of the log that a beginning names. One that there is not is left as it is.
pub(super) async fn whole_in(log: &EventLog, aggregate_type: &str, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    if Uuid::parse_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    let found = log.streams_beginning(aggregate_type, text, MAX_CANDIDATES).await?;
    match found.as_slice() {
        [] => Ok(text.to_owned()),
        [only] => Ok(only.clone()),
        several => bail!("{} may mean several: give more of the id\n  {}", clean(text), several.join("\n  ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_found_wherever_it_stands() {
        let variables = json!({
            "first": 5,
            "input": {
                "accountId": "a", "orderId": "1042", "deliveryIds": ["d", "e"], "dryRun": true,
                "filter": { "integrationId": "i", "search": "deliveryId" }, "apiKeyId": null,
            },
        });
        let mut places = vec![];
        find(&variables, String::new(), None, &mut places);
        places.sort_by(|(one, _), (other, _)| one.cmp(other));
        let places: Vec<(&str, Kind)> = places.iter().map(|(place, kind)| (place.as_str(), *kind)).collect();
        assert_eq!(
            places,
            [
                ("/input/accountId", Kind::Account),
                ("/input/deliveryIds/0", Kind::Delivery),
                ("/input/deliveryIds/1", Kind::Delivery),
                ("/input/filter/integrationId", Kind::Integration),
            ]
        );
    }

    #[test]
    fn an_id_of_a_list_is_found_by_its_beginning() {
        let all = ["01a1fc56-1234-7abc", "01a1fc56-1239-7abc"];
        assert_eq!(whole_among("mapping", " 01A1FC56-1234 ", &all).unwrap(), all[0]);
        for (text, said) in
            [("01a1fc56", "several"), ("01a1fc57", "no mapping 01a1fc57"), ("01a1", "8 characters are needed")]
        {
            assert!(whole_among("mapping", text, &all).unwrap_err().to_string().contains(said), "{text}");
        }
    }
}
