//! What a store platform is, to everything that treats platforms differently.

use chrono::{DateTime, Utc};
use domain::commerce::{CommerceEventType, Currency};
use domain::integration::Provider;
use http::HeaderMap;

use crate::body::{self, is_xml};
use crate::privacy::PrivacyRequest;
use crate::report::{CatalogChange, MAX_REPORTS, StoreReport};
use crate::sample::{Example, Purchase, Sample};
use crate::{Malformed, OrderApi, Parsed, SignatureRefusal, StoreApi, StoreCustomer, StoreOrder};

/// A webhook as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The address that the store was given for its webhooks, to the letter: never the one in the request, which a proxy may
    /// have changed. A platform may sign it with the body.
    pub address: &'a str,
    pub headers: &'a HeaderMap,
    /// The bytes as they came.
    pub body: &'a [u8],
    /// When it was received, for platforms that sign the time of sending.
    pub at: DateTime<Utc>,
}

/// A webhook that is to be signed as its store would.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Where it is sent, as the store was given it.
    pub address: &'a str,
    pub body: &'a [u8],
    /// When it is sent.
    pub at: DateTime<Utc>,
}

/// How a merchant hands over the secret of a platform that signs with one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnSecret {
    /// Asks for it at the terminal.
    pub prompt: &'static str,
    /// Says where the store shows it.
    pub instructions: &'static str,
}

/// A store platform. An implementation is a file of this crate, and [`of`](crate::of) is the list of them.
pub trait Platform: Sync {
    /// Its stored name. What decisions of the domain read of a platform hangs on it.
    fn provider(&self) -> Provider;

    /// Its name as people read it.
    fn name(&self) -> &'static str {
        self.provider().name()
    }

    /// The headers that are recorded with a webhook, in lower case: how it was sent, and as what. None that gives access,
    /// such as a signature, and none about a person.
    fn recorded_headers(&self) -> &'static [&'static str];

    /// What the store says that happened. Few platforms sign it: it may make less of a body, never more.
    fn topic(&self, received: &Received<'_>) -> Option<String>;

    /// The store's own id of this webhook.
    fn webhook_id(&self, received: &Received<'_>) -> Option<String>;

    /// The store's own id of this webhook where its headers have one that is signed: a webhook with this id is the same one.
    fn signed_id(&self, _received: &Received<'_>) -> Option<String> {
        None
    }

    /// Whether the headers carry a signature of this platform at all, right or wrong.
    fn is_signed(&self, headers: &HeaderMap) -> bool;

    /// Which store sent the webhook, in the platform's own words, where it says so. Few platforms sign it.
    fn store(&self, _received: &Received<'_>) -> Option<String> {
        None
    }

    /// Whether the store only tries the address, without a signature.
    fn is_ping(&self, _received: &Received<'_>) -> bool {
        false
    }

    /// Whether the headers say that the law asks for this webhook, which is then taken of an inactive integration too.
    fn is_legal_request(&self, _headers: &HeaderMap) -> bool {
        false
    }

    /// Whether one of `secrets` signed the webhook, compared in constant time over the bytes as they were received. An empty
    /// secret verifies nothing, since anyone can sign with it.
    fn verify(&self, received: &Received<'_>, secrets: &[&str]) -> Result<(), SignatureRefusal>;

    /// The headers, name and value, by which a store of this kind signs a webhook; the signature first. The names are spelt
    /// as the platform's documents spell them.
    fn sign(&self, outgoing: &Outgoing<'_>, secret: &str) -> Vec<(&'static str, String)>;

    /// What verified JSON means, which is not nested too deeply. `topic` has no white space around it.
    fn read(&self, topic: Option<&str>, json: &str) -> Result<Parsed, Malformed>;

    /// What verified JSON says of resources of the store, in the words of commerce events. `topic` has no white space around
    /// it. Empty where it says nothing that there is a word for. `currency` is that of the store's prices, for bodies that state
    /// a price and no currency; without it such a price is left out.
    fn reports(
        &self,
        topic: Option<&str>,
        json: &str,
        currency: Option<Currency>,
    ) -> Result<Vec<StoreReport>, Malformed>;

    /// What verified JSON says of the catalogue in all, where it says that something changed and not what.
    fn catalog_change(&self, _json: &str) -> Option<CatalogChange> {
        None
    }

    /// The customer whom verified JSON is about, where it is about a customer or a checkout and no order of theirs.
    fn customer(&self, _topic: Option<&str>, _json: &str) -> Option<StoreCustomer> {
        None
    }

    /// Whether a body that cannot be used is refused. A developer can mend what is malformed, and learns it best from a
    /// refusal. A store cannot: it would never send the order again, or stop sending at all, so everything that it signs is
    /// taken.
    fn refuses_malformed(&self) -> bool {
        false
    }

    /// Whether a refused signature is responded to with 200 all the same: the platform stops sending to all stores of a
    /// domain of which too many calls fail, so that one store with a wrong secret would silence the others.
    fn accepts_refused(&self) -> bool {
        false
    }

    /// How the platform's API is called, where there is one.
    fn store_api(&self) -> Option<&'static dyn StoreApi> {
        None
    }

    /// Whether the store signs the address that it posts to, with the body.
    fn signs_address(&self) -> bool {
        false
    }

    /// Who a recorded legal request is about, if it is one.
    fn privacy_request(&self, _body: &[u8]) -> Option<PrivacyRequest> {
        None
    }

    /// The statuses that the platform itself gives to orders, in the order in which one gets them. None where each sender has
    /// its own.
    fn order_statuses(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// How the merchant hands over the secret, where the platform signs with one of its own. Elsewhere one is made for the
    /// merchant to enter into the store.
    fn own_secret(&self) -> Option<&'static OwnSecret> {
        None
    }

    /// What the merchant does where the store sends something else than JSON.
    fn json_advice(&self) -> &'static str {
        "have the store send the order as JSON; a plugin may have changed what it sends"
    }

    /// What the merchant does where the store sends orders without their lines.
    fn whole_orders_advice(&self) -> &'static str {
        "let the store send whole orders"
    }

    /// A webhook about a purchase, as a store of this kind would send it.
    fn sample(&self, order: &str, purchase: &Purchase<'_>) -> Sample;

    /// The webhooks, one after the other, by which a store of this kind would say what is published as an event of this type.
    /// None where its webhooks say no such thing, or only name what has to be read at the store.
    fn examples(&self, of: CommerceEventType, example: &Example) -> Option<Vec<Sample>>;
}

impl dyn Platform + '_ {
    /// How an order is read that a webhook only names, where the platform's webhooks do no more.
    pub fn order_api(&self) -> Option<&'static dyn OrderApi> {
        self.store_api()?.orders()
    }

    /// What a body means whose signature was verified. A field that is read and comes twice in one object makes the body
    /// malformed: which of the two is right cannot be known.
    pub fn interpret(&self, topic: Option<&str>, body: &[u8]) -> Result<Parsed, Malformed> {
        let topic = topic.map(str::trim).filter(|topic| !topic.is_empty());
        let parsed = body::text(body).and_then(|json| self.read(topic, json));
        if self.refuses_malformed() {
            return parsed;
        }
        Ok(parsed.unwrap_or_else(|malformed| Parsed::Unusable(if is_xml(body) { Malformed::Xml } else { malformed })))
    }

    /// What a verified body says of resources of the store; of each once, as it says last. What cannot be read says nothing.
    pub fn reports_in(&self, topic: Option<&str>, body: &[u8]) -> Vec<StoreReport> {
        self.reports_priced_in(topic, body, None)
    }

    /// The same of a store whose currency is known: Shopify and WooCommerce state what a product costs, and not in what.
    pub fn reports_priced_in(&self, topic: Option<&str>, body: &[u8], currency: Option<Currency>) -> Vec<StoreReport> {
        self.read_reports(topic, body, currency).unwrap_or_default()
    }

    /// The same for who refuses what cannot be read.
    pub fn read_reports(
        &self,
        topic: Option<&str>,
        body: &[u8],
        currency: Option<Currency>,
    ) -> Result<Vec<StoreReport>, Malformed> {
        let topic = topic.map(str::trim).filter(|topic| !topic.is_empty());
        let reports = body::text(body)
            .and_then(|json| self.reports(topic, json, currency))
            .map_err(|malformed| if is_xml(body) { Malformed::Xml } else { malformed })?;
        let mut last: Vec<StoreReport> = vec![];
        for report in reports.into_iter().take(MAX_REPORTS) {
            let is_of_same = |known: &StoreReport| {
                known.resource_id == report.resource_id && known.content.kind() == report.content.kind()
            };
            match last.iter_mut().find(|known| is_of_same(known)) {
                Some(known) => *known = report,
                None => last.push(report),
            }
        }
        Ok(last)
    }

    /// What a verified body says of the catalogue in all.
    pub fn catalog_change_in(&self, body: &[u8]) -> Option<CatalogChange> {
        self.catalog_change(body::text(body).ok()?)
    }

    /// Whom a verified body is about: who ordered, or the customer itself.
    pub fn customer_in(&self, topic: Option<&str>, body: &[u8]) -> Option<StoreCustomer> {
        let topic = topic.map(str::trim).filter(|topic| !topic.is_empty());
        if let Ok(Parsed::Order(order)) = self.interpret(topic, body) {
            let StoreOrder { customer_id, email, customer_name, username, .. } = order;
            return Some(StoreCustomer { id: customer_id, email, name: customer_name, username });
        }
        self.customer(topic, body::text(body).ok()?)
    }

    /// Why a body cannot be used, for the merchant: with what can be done about it in the store.
    pub fn explain(&self, malformed: &Malformed) -> String {
        if malformed.is_no_json() {
            format!("{malformed}: {}", self.json_advice())
        } else if malformed.lacks_lines() {
            format!("{malformed}: {}", self.whole_orders_advice())
        } else {
            malformed.to_string()
        }
    }

    /// Those of a filter's statuses that the platform itself gives to no order: misspelt ones, or a plugin's.
    pub fn unknown_order_statuses(&self, statuses: &[String]) -> Vec<String> {
        let Some(known) = self.order_statuses() else { return vec![] };
        let is_unknown = |status: &&String| !known.iter().any(|known| known.eq_ignore_ascii_case(status.trim()));
        statuses.iter().filter(is_unknown).cloned().collect()
    }

    /// The statuses of orders that are delivered where the merchant chose none, in the order in which an order gets them.
    /// Empty means every status.
    pub fn default_order_statuses(&self) -> Vec<&'static str> {
        let mut statuses = self.provider().default_order_statuses().to_vec();
        let known = self.order_statuses().unwrap_or_default();
        statuses.sort_by_key(|status| known.iter().position(|known| known == status));
        statuses
    }
}
