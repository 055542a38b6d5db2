//! What a test or a person may have happen at the stores while the sandbox runs.

use chrono::{DateTime, Utc};

use super::order::{Happened, NewOrder, Order, Return};
use super::platform::Platform;
use super::report::StateReport;
use super::store::{Store, Stores};
use super::webhook::{self, Webhook};
use super::{ControlError, SentWebhook, StoreSandbox};

impl StoreSandbox {
    /// A known store keeps its orders, and gets the token and the subscription that are given now.
    pub fn connect(&self, store: Store) -> Result<(), ControlError> {
        self.change(|world| world.stores.connect(store))
    }

    /// From now on the store cannot be read, until it gets another token.
    pub fn revoke_token(&self, store: &str) -> Result<(), ControlError> {
        self.change(|world| world.stores.set_token(store, None))
    }

    /// The token before is valid no more.
    pub fn replace_token(&self, store: &str, token: &str) -> Result<(), ControlError> {
        self.change(|world| world.stores.set_token(store, Some(token)))
    }

    /// Returns what the store reports, as all that follow do: the order's id is in it. Where the store has a subscription, it is
    /// sent there too, by a task of the runtime in which this is called.
    pub fn place_order(&self, store: &str, order: NewOrder) -> Result<Webhook, ControlError> {
        self.have_happen(store, |stores, now| {
            let id = stores.place(store, order, now)?;
            Ok((id, Happened::Created))
        })
    }

    /// `status` is a word of the platform: "Completed" at BigCommerce, "COMPLETED" at Square.
    pub fn set_status(&self, store: &str, order: &str, status: &str) -> Result<Webhook, ControlError> {
        self.change_order(store, order, |order, platform| order.set_status(platform, status))
    }

    pub fn cancel(&self, store: &str, order: &str) -> Result<Webhook, ControlError> {
        self.change_order(store, order, |order, platform| order.set_status(platform, platform.cancelled()))
    }

    /// An order that was placed unpaid is paid.
    pub fn pay(&self, store: &str, order: &str) -> Result<Webhook, ControlError> {
        self.change_order(store, order, |order, _| Ok(order.pay()))
    }

    /// Lines count from 0.
    pub fn refund(&self, store: &str, order: &str, line: usize, quantity: u32) -> Result<Webhook, ControlError> {
        self.change_order(store, order, |order, platform| order.refund(platform, line, quantity))
    }

    /// Square only: so many of a line come back in an order of their own, which this reports. The order that sold them stays as
    /// it is.
    pub fn take_back(&self, store: &str, order: &str, line: usize, quantity: u32) -> Result<Webhook, ControlError> {
        let taken_back = Return { order: order.to_owned(), line, quantity };
        self.have_happen(store, |stores, now| Ok((stores.place_return(store, taken_back, now)?, Happened::Created)))
    }

    /// The merchant corrects what the customer typed, in the field in which it is.
    pub fn set_username(&self, store: &str, order: &str, username: Option<&str>) -> Result<Webhook, ControlError> {
        self.change_order(store, order, |order, _| order.set_username(username))
    }

    /// What BigCommerce calls deleting an order, which can still be read. Square does neither.
    pub fn archive(&self, store: &str, order: &str) -> Result<Webhook, ControlError> {
        self.change_order(store, order, Order::archive)
    }

    /// Waits until every webhook that was to be sent is delivered or given up, at most 30 seconds.
    pub async fn webhooks_settled(&self) -> Result<(), ControlError> {
        self.wait_until(|state| state.world.webhooks.are_settled()).await
    }

    /// The last thousand, the oldest first.
    pub fn webhooks(&self) -> Vec<SentWebhook> {
        self.world().webhooks.sent()
    }

    pub fn report(&self) -> StateReport {
        StateReport::of(self)
    }

    fn change_order(
        &self,
        store: &str,
        order: &str,
        change: impl FnOnce(&mut Order, Platform) -> Result<Happened, ControlError>,
    ) -> Result<Webhook, ControlError> {
        self.have_happen(store, |stores, now| Ok((order.to_owned(), stores.change(store, order, now, change)?)))
    }

    fn have_happen(
        &self,
        store: &str,
        happen: impl FnOnce(&mut Stores, DateTime<Utc>) -> Result<(String, Happened), ControlError>,
    ) -> Result<Webhook, ControlError> {
        let now = self.clock().now();
        let (webhook, sending) = self.change(|world| {
            world.webhooks.check_room()?;
            let (id, happened) = happen(&mut world.stores, now)?;
            let store = world.stores.find(store)?;
            let order = store.orders.get(&id).ok_or(ControlError::Unknown("order"))?;
            let webhook = webhook::about(store, order, happened, now);
            let subscription = store.webhooks.clone();
            let sending = subscription.map(|subscription| world.webhooks.begin(&webhook, store.platform, subscription));
            Ok((webhook, sending))
        })?;
        if let Some(sending) = sending {
            tokio::spawn(sending.run(self.clone()));
        }
        Ok(webhook)
    }
}
