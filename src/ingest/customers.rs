//! Whom a body that is no order names, so that erasing a customer reaches it: e-mail addresses wherever they stand, ids of
//! customers, and usernames in attributes.

use std::collections::BTreeSet;

use domain::notice::NamedCustomers;
use serde_json::{Map, Value};

use super::parse::username::is_username_attribute;

/// Customers of one kind that are remembered of one body.
const MAX_NAMED: usize = 200;
/// Longest name that is remembered, in characters; as long as those of an order.
const MAX_NAME_CHARS: usize = 500;

/// Everybody whom a body names. `topic` tells whether its own id is a customer's: it is not signed, which does no harm here.
pub(super) fn named_in(topic: Option<&str>, body: &[u8]) -> NamedCustomers {
    let mut found = Found::default();
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let is_customer = topic.is_some_and(|topic| {
                let topic = topic.to_ascii_lowercase();
                topic.starts_with("customer")
            });
            if is_customer && let Some(id) = value.get("id").and_then(text) {
                found.add(Kind::Id, id);
            }
            found.look_in(&value);
        }
        // XML, or anything else that a store signed.
        Err(_) => found.addresses(&String::from_utf8_lossy(body)),
    }
    found.named()
}

#[derive(Clone, Copy)]
enum Kind {
    Email,
    Id,
    Username,
}

#[derive(Default)]
struct Found {
    emails: BTreeSet<String>,
    ids: BTreeSet<String>,
    usernames: BTreeSet<String>,
}

impl Found {
    fn named(self) -> NamedCustomers {
        let list = |set: BTreeSet<String>| set.into_iter().collect();
        NamedCustomers { emails: list(self.emails), ids: list(self.ids), usernames: list(self.usernames) }
    }

    fn add(&mut self, kind: Kind, name: String) {
        let set = match kind {
            Kind::Email => &mut self.emails,
            Kind::Id => &mut self.ids,
            Kind::Username => &mut self.usernames,
        };
        if set.len() < MAX_NAMED && !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS {
            set.insert(name);
        }
    }

    fn look_in(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                self.attribute(object);
                for (field, value) in object {
                    self.field(field, value);
                    self.look_in(value);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.look_in(value)),
            Value::String(text) => self.addresses(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn field(&mut self, field: &str, value: &Value) {
        if is_username_attribute(field)
            && let Some(name) = text(value)
        {
            self.add(Kind::Username, name);
        }
        let id = match field {
            "customer" => value.get("id").and_then(text),
            "customer_id" | "customerId" => text(value),
            _ => None,
        };
        // WooCommerce's guests have the id 0.
        if let Some(id) = id.filter(|id| id != "0") {
            self.add(Kind::Id, id);
        }
    }

    /// `{"name": "ndsp_username", "value": "max"}`, and the same with `key`.
    fn attribute(&mut self, object: &Map<String, Value>) {
        let name = object.get("name").or_else(|| object.get("key")).and_then(Value::as_str);
        if name.is_some_and(is_username_attribute)
            && let Some(username) = object.get("value").and_then(text)
        {
            self.add(Kind::Username, username);
        }
    }

    /// E-mail addresses anywhere in a text.
    fn addresses(&mut self, text: &str) {
        if !text.contains('@') {
            return;
        }
        let ends = |c: char| c.is_whitespace() || c.is_control() || "<>()[]{}\"'`,;:|\\/=&".contains(c);
        for word in text.split(ends).map(|word| word.trim_matches('.')) {
            let is_address = word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
            if is_address {
                self.add(Kind::Email, word.to_owned());
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(topic: &str, body: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
        let NamedCustomers { emails, ids, usernames } = named_in(Some(topic), body.as_bytes());
        (emails, ids, usernames)
    }

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn customers_are_found_wherever_a_body_names_them() {
        let customer = r#"{"id":706405506930370084,"email":"bob@biller.com","note":"also: bob.b@example.co.uk."}"#;
        assert_eq!(
            named("customers/create", customer),
            (list(&["bob.b@example.co.uk", "bob@biller.com"]), list(&["706405506930370084"]), vec![])
        );
        let checkout = r#"{"id":981820079255243537,"email":"bob@biller.com","customer":{"id":603851970716743426},
            "note_attributes":[{"name":"ndsp_username","value":"bob_b"}],"line_items":[{"id":1}]}"#;
        assert_eq!(
            named("checkouts/create", checkout),
            (list(&["bob@biller.com"]), list(&["603851970716743426"]), list(&["bob_b"]))
        );
        let refund = r#"{"order_id":1,"customer_id":0,"billing":{"email":"Bob@Biller.com"}}"#;
        assert_eq!(named("refund.created", refund), (list(&["Bob@Biller.com"]), vec![], vec![]));
        let xml = "<order><email>bob@biller.com</email><note>user@host</note></order>";
        assert_eq!(named("orders/paid", xml), (list(&["bob@biller.com"]), vec![], vec![]));
        assert!(named_in(Some("products/update"), br#"{"id":7,"title":"Storm @ home"}"#).is_empty());
    }
}
