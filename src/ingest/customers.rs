//! Whom a body that is no order names, so that erasing a customer or an order reaches it: e-mail addresses wherever they
//! stand, ids of customers, telephone numbers, usernames in attributes, and ids and numbers of orders.

use std::collections::BTreeSet;

use domain::notice::NamedCustomers;
use providers::username::is_username_attribute;
use providers::{Parsed, StoreOrder};
use serde_json::{Map, Value};

/// Customers of one kind that are remembered of one body.
const MAX_NAMED: usize = 200;
/// Longest name that is remembered, in characters; as long as those of an order.
const MAX_NAME_CHARS: usize = 500;

/// Every customer whom a body names. `topic` says whether its own id is a customer's: it is not signed, which does no harm here.
pub(crate) fn named_in(topic: Option<&str>, body: &[u8]) -> NamedCustomers {
    let mut found = Found::default();
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let topic = topic.unwrap_or_default().to_ascii_lowercase();
            let own = |field: &str| value.get(field).and_then(text);
            if topic.starts_with("customer")
                && let Some(id) = own("id")
            {
                found.add(Kind::Id, id);
            }
            // An order that cannot be used is still about itself.
            if topic.starts_with("order") {
                for name in ["id", "name", "number", "order_number"].into_iter().filter_map(own) {
                    found.add(Kind::Order, name);
                }
            }
            found.find_in(&value);
        }
        // XML, or anything else that a store signed.
        Err(_) => found.addresses(&String::from_utf8_lossy(body)),
    }
    found.named()
}

/// Whom an order names that was read at its store: the customer, and whom else the response names.
pub(crate) fn named_by(order: &StoreOrder, body: &[u8]) -> NamedCustomers {
    let mut named = named_in(None, body);
    // Before the others, of which there may be as many as are remembered.
    let add = |list: &mut Vec<String>, value: Option<&String>| {
        if let Some(value) = value.filter(|value| !value.is_empty() && !list.contains(value)) {
            list.insert(0, value.clone());
        }
    };
    add(&mut named.emails, order.email.as_ref());
    add(&mut named.ids, order.customer_id.as_ref());
    add(&mut named.usernames, order.username.as_ref());
    add(&mut named.orders, order.order_number.as_ref());
    add(&mut named.orders, Some(&order.order_id));
    named
}

/// The order that a webhook is about of which nothing is delivered, as far as it can be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NamedOrder {
    pub(super) id: Option<String>,
    /// What people call it.
    pub(super) number: Option<String>,
}

impl NamedOrder {
    /// Nothing where it is about none.
    pub(super) fn in_parsed(parsed: &Parsed) -> Self {
        match parsed {
            Parsed::Order(order) => Self { id: Some(order.order_id.clone()), number: order.order_number.clone() },
            Parsed::ThinOrder(order) => Self { id: Some(order.order_id.clone()), number: None },
            Parsed::Notice(_) | Parsed::Unusable(_) => Self::default(),
        }
    }
}

/// Which order an unusable body of an order topic is about. Some senders wrap it: `{"order": {…}}`.
pub(super) fn order_in(topic: Option<&str>, body: &[u8]) -> NamedOrder {
    if !topic.is_some_and(|topic| topic.trim().to_ascii_lowercase().starts_with("order")) {
        return NamedOrder::default();
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return NamedOrder::default() };
    let order = value.get("order").filter(|order| order.is_object()).unwrap_or(&value);
    let field = |name: &str| {
        let named = order.get(name).and_then(text);
        named.filter(|named| !named.is_empty() && named.chars().count() <= MAX_NAME_CHARS)
    };
    NamedOrder { id: field("id"), number: ["name", "number", "order_number"].into_iter().find_map(field) }
}

#[derive(Clone, Copy)]
enum Kind {
    Email,
    Id,
    Username,
    Phone,
    Order,
}

#[derive(Default)]
struct Found {
    emails: BTreeSet<String>,
    ids: BTreeSet<String>,
    usernames: BTreeSet<String>,
    phones: BTreeSet<String>,
    orders: BTreeSet<String>,
}

impl Found {
    fn named(self) -> NamedCustomers {
        let list = |set: BTreeSet<String>| set.into_iter().collect();
        NamedCustomers {
            emails: list(self.emails),
            ids: list(self.ids),
            usernames: list(self.usernames),
            phones: list(self.phones),
            orders: list(self.orders),
        }
    }

    fn add(&mut self, kind: Kind, name: String) {
        let set = match kind {
            Kind::Email => &mut self.emails,
            Kind::Id => &mut self.ids,
            Kind::Username => &mut self.usernames,
            Kind::Phone => &mut self.phones,
            Kind::Order => &mut self.orders,
        };
        if set.len() < MAX_NAMED && !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS {
            set.insert(name);
        }
    }

    fn find_in(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                self.attribute(object);
                for (field, value) in object {
                    self.field(field, value);
                    self.find_in(value);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.find_in(value)),
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
        let (kind, name) = match field {
            "customer" => (Kind::Id, value.get("id").and_then(text)),
            "customer_id" | "customerId" => (Kind::Id, text(value)),
            "phone" => (Kind::Phone, text(value)),
            "order" => (Kind::Order, value.get("id").and_then(text)),
            "order_id" | "orderId" | "order_number" => (Kind::Order, text(value)),
            _ => return,
        };
        // WooCommerce's guests have the id 0.
        if let Some(name) = name.filter(|name| name != "0") {
            self.add(kind, name);
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
        let NamedCustomers { emails, ids, usernames, .. } = named_in(Some(topic), body.as_bytes());
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
        let unreadable = r##"{"id":5678901231075,"name":"#1075","line_items":null,"phone":"+15556251199"}"##;
        let found = named_in(Some("orders/paid"), unreadable.as_bytes());
        assert_eq!(found.orders, list(&["#1075", "5678901231075"]));
        assert_eq!(found.phones, list(&["+15556251199"]));
        let fulfilment = named_in(Some("fulfillments/create"), br#"{"id":1,"order_id":450789469,"order":{"id":2}}"#);
        assert_eq!(fulfilment.orders, list(&["2", "450789469"]));
        assert!(named_in(Some("products/update"), br#"{"id":7,"title":"Storm @ home"}"#).is_empty());
    }
}
