//! The stores: how one is connected, who may read it, and its orders.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::ControlError;
use super::apps::Installation;
use super::order::{Happened, NewOrder, Order, Return};
use super::platform::Platform;
use super::product::{NewProduct, Product};
use super::refusal::Refusal;

const MAX_STORES: usize = 100;
const MAX_ORDERS_OF_STORE: usize = 10_000;
const MAX_PRODUCTS_OF_STORE: usize = 10_000;
/// The number of the first product that is given none.
const FIRST_PRODUCT: u64 = 7_000;
/// In all stores together.
const MAX_LINES: usize = 250_000;
const MAX_ID_BYTES: usize = 100;
const MAX_SECRET_BYTES: usize = 1_000;
/// The id of the first order that is given none.
const FIRST_ORDER: u64 = 100;
/// Real ids have as many digits.
const FIRST_SHOPIFY_ORDER: u64 = 5_500_000_000_000;
const FIRST_SHOPIFY_NUMBER: usize = 1_001;

/// A store to connect. Not `Debug`: it holds a token and a secret.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    pub platform: Platform,
    /// The name of a shop at Shopify or of one of WooCommerce, BigCommerce's store hash, Square's merchant id.
    pub id: String,
    /// By which its API is read. At Shopify apps get tokens of their own.
    #[serde(default)]
    pub token: String,
    /// Where it reports what happens. It reports nothing by itself where this is left out.
    #[serde(default)]
    pub webhooks: Option<Subscription>,
}

/// Not `Debug`: it holds a secret.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    pub url: String,
    pub secret: String,
}

pub(super) struct ConnectedStore {
    pub(super) platform: Platform,
    pub(super) id: String,
    /// None once it was revoked.
    pub(super) token: Option<String>,
    pub(super) webhooks: Option<Subscription>,
    pub(super) orders: BTreeMap<String, Order>,
    /// By their numbers.
    pub(super) products: BTreeMap<u64, Product>,
    next_order: u64,
    /// By the ids of the apps.
    pub(super) installations: BTreeMap<String, Installation>,
    /// What it lets no app do.
    pub(super) without_scopes: BTreeSet<String>,
    /// How many seconds the tokens of apps are good for; for ever where this is left out.
    pub(super) token_seconds: Option<u32>,
    /// So many changes are not reported.
    pub(super) loses: u32,
    /// What is left of the bucket of its API, and when that was, in milliseconds since 1970. None for a full one.
    pub(super) bucket: Option<(f64, i64)>,
}

#[derive(Default)]
pub(super) struct Stores {
    by_id: BTreeMap<String, ConnectedStore>,
    lines: usize,
}

impl Stores {
    /// A known store keeps its orders.
    pub(super) fn connect(&mut self, store: Store) -> Result<(), ControlError> {
        let Store { platform, id, token, webhooks } = store;
        check_id(&id)?;
        // Where apps get tokens of their own, a store needs none.
        let token = if token.is_empty() || platform == Platform::Shopify {
            None
        } else {
            self.check_token(&id, &token)?;
            Some(token)
        };
        if let Some(Subscription { url, secret }) = &webhooks
            && (url.len() > MAX_SECRET_BYTES || secret.len() > MAX_SECRET_BYTES)
        {
            return Err(ControlError::OutOfBounds("an address and a secret have at most 1000 bytes"));
        }
        if let Some(known) = self.by_id.get_mut(&id) {
            if known.platform != platform {
                return Err(ControlError::OutOfBounds("a store of the other platform has this id"));
            }
            (known.token, known.webhooks) = (token, webhooks);
            return Ok(());
        }
        if self.by_id.len() >= MAX_STORES {
            return Err(ControlError::Full { limit: MAX_STORES });
        }
        let store = ConnectedStore {
            platform,
            id: id.clone(),
            token,
            webhooks,
            orders: BTreeMap::new(),
            products: BTreeMap::new(),
            next_order: FIRST_ORDER,
            installations: BTreeMap::new(),
            without_scopes: BTreeSet::new(),
            token_seconds: None,
            loses: 0,
            bucket: None,
        };
        self.by_id.insert(id, store);
        Ok(())
    }

    /// No token is a revoked one.
    pub(super) fn set_token(&mut self, store: &str, token: Option<&str>) -> Result<(), ControlError> {
        if let Some(token) = token {
            self.check_token(store, token)?;
        }
        self.find_mut(store)?.token = token.map(str::to_owned);
        Ok(())
    }

    /// Places an order and returns its id.
    pub(super) fn place(&mut self, store: &str, order: NewOrder, now: DateTime<Utc>) -> Result<String, ControlError> {
        let lines = self.lines + order.lines.len();
        if lines > MAX_LINES {
            return Err(ControlError::Full { limit: MAX_LINES });
        }
        let store = self.find_mut(store)?;
        if store.orders.len() >= MAX_ORDERS_OF_STORE {
            return Err(ControlError::Full { limit: MAX_ORDERS_OF_STORE });
        }
        let status = order.check(store.platform)?;
        let id = store.id_for(&order)?;
        let number = store.number_of(&id);
        store.orders.insert(id.clone(), order.placed((id.clone(), number), status, now));
        self.lines = lines;
        Ok(id)
    }

    /// Offers a product, or changes one, and returns its number.
    pub(super) fn offer(&mut self, store: &str, product: NewProduct, now: DateTime<Utc>) -> Result<u64, ControlError> {
        product.check()?;
        let store = self.find_mut(store)?;
        let next = store.products.keys().last().map_or(FIRST_PRODUCT, |last| last + 1);
        let id = product.id.unwrap_or(next);
        if store.products.len() >= MAX_PRODUCTS_OF_STORE && !store.products.contains_key(&id) {
            return Err(ControlError::Full { limit: MAX_PRODUCTS_OF_STORE });
        }
        let created_at = store.products.get(&id).map_or(now, |known| known.created_at);
        store.products.insert(id, Product { id, offered: product, created_at, updated_at: now });
        Ok(id)
    }

    /// Places an order that takes back what another one sold, as Square does, and returns its id.
    pub(super) fn place_return(
        &mut self,
        store: &str,
        taken_back: Return,
        now: DateTime<Utc>,
    ) -> Result<String, ControlError> {
        let selling = self.find(store)?;
        if selling.platform != Platform::Square {
            return Err(ControlError::OutOfBounds("what is returned is kept on its order there: refund it"));
        }
        let sale = selling.orders.get(&taken_back.order).ok_or(ControlError::Unknown("order"))?;
        sale.check_left(taken_back.line, taken_back.quantity)?;
        let order = NewOrder { status: Some("COMPLETED".to_owned()), ..NewOrder::default() };
        let id = self.place(store, order, now)?;
        let order = self.find_mut(store)?.orders.get_mut(&id).ok_or(ControlError::Unknown("order"))?;
        order.takes_back = Some(taken_back);
        Ok(id)
    }

    /// Has something happen to an order, which is a new version of it then.
    pub(super) fn change(
        &mut self,
        store: &str,
        order: &str,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Order, Platform) -> Result<Happened, ControlError>,
    ) -> Result<Happened, ControlError> {
        let store = self.find_mut(store)?;
        let order = store.orders.get_mut(order).ok_or(ControlError::Unknown("order"))?;
        let happened = change(order, store.platform)?;
        order.version += 1;
        order.updated_at = now;
        Ok(happened)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &ConnectedStore> {
        self.by_id.values()
    }

    pub(super) fn find(&self, id: &str) -> Result<&ConnectedStore, ControlError> {
        self.by_id.get(id).ok_or(ControlError::Unknown("store"))
    }

    /// The BigCommerce store with this hash, to who has its token or an app's.
    pub(super) fn bigcommerce(&self, hash: &str, token: &str, now: DateTime<Utc>) -> Result<&ConnectedStore, Refusal> {
        let store = self.by_id.get(hash).filter(|store| store.is_read_by(Platform::BigCommerce, token, now));
        store.ok_or(Refusal::Unauthorized)
    }

    /// The WooCommerce shop with this name, to who has its keys.
    pub(super) fn woocommerce(&self, shop: &str, keys: &str, now: DateTime<Utc>) -> Result<&ConnectedStore, Refusal> {
        let store = self.by_id.get(shop).filter(|store| store.is_read_by(Platform::WooCommerce, keys, now));
        store.ok_or(Refusal::Unauthorized)
    }

    /// The Square merchant whose token it is: nothing else in a request names the merchant.
    pub(super) fn square(&self, token: &str, now: DateTime<Utc>) -> Result<&ConnectedStore, Refusal> {
        self.all().find(|store| store.is_read_by(Platform::Square, token, now)).ok_or(Refusal::Unauthorized)
    }

    /// Lets an app into a store, in place of what it had there.
    pub(super) fn install(
        &mut self,
        (store, client_id): (&str, &str),
        scopes: BTreeSet<String>,
        now: DateTime<Utc>,
    ) -> Option<Installation> {
        let found = self.by_id.get_mut(store)?;
        let mut installation = Installation::new(scopes, found.tokens_end_at(now));
        if let Some(before) = found.installations.remove(client_id) {
            installation.subscriptions = before.subscriptions;
        }
        found.installations.insert(client_id.to_owned(), installation.clone());
        Some(installation)
    }

    /// The shop with this name.
    pub(super) fn shop(&self, id: &str) -> Option<&ConnectedStore> {
        self.by_id.get(id).filter(|store| store.platform == Platform::Shopify)
    }

    pub(super) fn shop_mut(&mut self, id: &str) -> Option<&mut ConnectedStore> {
        self.by_id.get_mut(id).filter(|store| store.platform == Platform::Shopify)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Result<&mut ConnectedStore, ControlError> {
        self.by_id.get_mut(id).ok_or(ControlError::Unknown("store"))
    }

    fn check_token(&self, store: &str, token: &str) -> Result<(), ControlError> {
        if !(1..=MAX_SECRET_BYTES).contains(&token.len()) {
            return Err(ControlError::OutOfBounds("a token has 1 to 1000 bytes"));
        }
        if self.all().any(|other| other.id != store && other.token.as_deref() == Some(token)) {
            return Err(ControlError::OutOfBounds("another store has this token"));
        }
        Ok(())
    }
}

impl ConnectedStore {
    pub(super) fn order(&self, id: &str) -> Result<&Order, Refusal> {
        self.orders.get(id).ok_or(Refusal::NotFound)
    }

    pub(super) fn all_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// Those that are not deleted.
    pub(super) fn present_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().filter(|order| !order.is_archived)
    }

    fn is_read_by(&self, platform: Platform, token: &str, now: DateTime<Utc>) -> bool {
        let is_of_app = || self.installations.values().any(|installation| installation.is_token(token, now));
        self.platform == platform && (self.token.as_deref() == Some(token) || is_of_app())
    }

    fn id_for(&mut self, order: &NewOrder) -> Result<String, ControlError> {
        if let Some(id) = &order.id {
            check_id(id)?;
            // As BigCommerce would write it: without leading zeros.
            let is_number = match self.platform {
                Platform::BigCommerce => id.parse::<u32>().is_ok_and(|number| number.to_string() == *id),
                Platform::Shopify | Platform::WooCommerce => {
                    id.parse::<u64>().is_ok_and(|number| number.to_string() == *id)
                }
                Platform::Square => true,
            };
            if !is_number {
                return Err(ControlError::OutOfBounds("the id of an order is a number at this platform"));
            }
            if self.orders.contains_key(id) {
                return Err(ControlError::OutOfBounds("the store has an order with this id"));
            }
            return Ok(id.clone());
        }
        loop {
            let number = self.next_order;
            self.next_order += 1;
            let id = match self.platform {
                Platform::Shopify => (FIRST_SHOPIFY_ORDER + number).to_string(),
                Platform::BigCommerce | Platform::WooCommerce => number.to_string(),
                Platform::Square => format!("SandboxOrder{number:015}"),
            };
            if !self.orders.contains_key(&id) {
                return Ok(id);
            }
        }
    }
}

impl ConnectedStore {
    /// When a token ends that is given now.
    pub(super) fn tokens_end_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        now.checked_add_signed(TimeDelta::seconds(self.token_seconds?.into()))
    }

    /// What people call an order: Shopify counts them from 1001 on, whatever their ids.
    fn number_of(&self, id: &str) -> String {
        match self.platform {
            Platform::Shopify => (FIRST_SHOPIFY_NUMBER + self.orders.len()).to_string(),
            Platform::BigCommerce | Platform::Square | Platform::WooCommerce => id.to_owned(),
        }
    }
}

fn check_id(id: &str) -> Result<(), ControlError> {
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_plain || !(1..=MAX_ID_BYTES).contains(&id.len()) {
        return Err(ControlError::OutOfBounds("an id has 1 to 100 letters, digits, - and _"));
    }
    Ok(())
}
