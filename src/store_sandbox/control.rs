//! What a test or a person may have happen at the stores while the sandbox runs.

use chrono::{DateTime, Utc};

use super::apps::App;
use super::order::{Happened, NewOrder, Order, Return};
use super::platform::Platform;
use super::product::NewProduct;
use super::report::StateReport;
use super::sending::Receiver;
use super::sending::Sending;
use super::store::{Store, Stores, Subscription};
use super::webhook::{self, Webhook};
use super::{ControlError, SentWebhook, StoreSandbox, World};

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

    /// Offers a product, or changes the one with its number, which it returns. The store reports nothing of it.
    pub fn offer_product(&self, store: &str, product: NewProduct) -> Result<u64, ControlError> {
        let now = self.clock().now();
        self.change(|world| world.stores.offer(store, product, now))
    }

    /// `status` is a word of the platform: "Completed" at BigCommerce, "COMPLETED" at Square.
    pub fn set_status(&self, store: &str, order: &str, status: &str) -> Result<Webhook, ControlError> {
        self.change_order(store, order, |order, platform| order.set_status(platform, status))
    }

    pub fn cancel(&self, store: &str, order: &str) -> Result<Webhook, ControlError> {
        let now = self.clock().now();
        self.change_order(store, order, |order, platform| order.cancel(platform, now))
    }

    /// An order that was placed unpaid is paid.
    pub fn pay(&self, store: &str, order: &str) -> Result<Webhook, ControlError> {
        self.change_order(store, order, |order, platform| Ok(order.pay(platform)))
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
            let reports = webhook::about(store, order, happened, now);
            let webhook = reports.first().cloned().ok_or(ControlError::Unknown("webhook"))?;
            Ok((webhook, begin_sending(world, &store.id.clone(), &reports)))
        })?;
        self.send(sending);
        Ok(webhook)
    }

    fn send(&self, sending: Vec<Sending>) {
        for sending in sending {
            tokio::spawn(sending.run(self.clone()));
        }
    }

    /// The next changes of this store are not reported.
    pub fn lose_webhooks(&self, store: &str, changes: u32) -> Result<(), ControlError> {
        self.change(|world| world.stores.find_mut(store).map(|store| store.loses = changes))
    }

    /// Apps are let in from now on without these scopes, whatever they ask for.
    pub fn withhold_scopes(&self, store: &str, scopes: Vec<String>) -> Result<(), ControlError> {
        self.change(|world| {
            world.stores.find_mut(store).map(|store| store.without_scopes = scopes.into_iter().collect())
        })
    }

    /// The tokens that apps get from now on end after so many seconds.
    pub fn end_tokens_after(&self, store: &str, seconds: u32) -> Result<(), ControlError> {
        self.change(|world| world.stores.find_mut(store).map(|store| store.token_seconds = Some(seconds)))
    }

    pub fn register_app(&self, app: App) -> Result<(), ControlError> {
        self.change(|world| world.apps.register(app))
    }

    /// An app is removed from a shop: its token is void at once, and the last that it is sent says so.
    pub fn uninstall(&self, store: &str, client_id: &str) -> Result<(), ControlError> {
        let now = self.clock().now();
        let sending = self.change(|world| {
            let report = webhook::uninstalled(world.stores.find(store)?, now);
            let sending = begin_sending(world, store, &[report]);
            let removed = world.stores.find_mut(store)?.installations.remove(client_id);
            removed.map(|_| sending).ok_or(ControlError::Unknown("app"))
        })?;
        self.send(sending);
        Ok(())
    }

    /// The webhooks that apps have asked a store for: their topics and addresses.
    pub fn subscriptions(&self, store: &str) -> Vec<(String, String)> {
        let world = self.world();
        let installations = world.stores.find(store).map(|store| store.installations.clone()).unwrap_or_default();
        let all = installations.into_values().flat_map(|installation| installation.subscriptions.into_values());
        all.map(|subscription| (subscription.topic, subscription.address)).collect()
    }

    /// The store stops sending the webhooks of a topic, as platforms do after failures.
    pub fn stop_subscriptions(&self, store: &str, topic: &str) -> Result<(), ControlError> {
        self.change(|world| {
            for installation in world.stores.find_mut(store)?.installations.values_mut() {
                for known in installation.subscriptions.values_mut().filter(|known| known.topic == topic) {
                    known.is_enabled = false;
                }
            }
            Ok(())
        })
    }

    /// Somebody deletes the webhooks of a topic, or of all, and says nothing.
    pub fn drop_subscriptions(&self, store: &str, topic: Option<&str>) -> Result<(), ControlError> {
        self.change(|world| {
            for installation in world.stores.find_mut(store)?.installations.values_mut() {
                installation.subscriptions.retain(|_, known| topic.is_some_and(|topic| known.topic != topic));
            }
            Ok(())
        })
    }
}

/// To all that asked for them: the address that the store was given, and those of apps that asked for the topic.
fn begin_sending(world: &mut World, store: &str, reports: &[Webhook]) -> Vec<Sending> {
    let Ok(found) = world.stores.find(store) else { return vec![] };
    let (platform, is_lossy) = (found.platform, found.loses > 0);
    let mut wanted: Vec<(Webhook, Receiver)> = vec![];
    for report in reports {
        wanted
            .extend(found.webhooks.clone().map(|subscription| (report.clone(), Receiver { subscription, hook: None })));
        for (client_id, installation) in &found.installations {
            for (number, known) in &installation.subscriptions {
                // Of an API account only its store knows the secret: it was given with where it reports by itself.
                let secret = known.secret.as_deref().or(world.apps.secret(client_id));
                let Some(secret) = secret.filter(|_| known.is_enabled && known.topic == report.topic) else { continue };
                let subscription = Subscription { url: known.address.clone(), secret: secret.to_owned() };
                let hook = Some((client_id.clone(), *number));
                wanted.push((report.clone(), Receiver { subscription, hook }));
            }
        }
    }
    if is_lossy {
        // As stores do now and then: nothing is sent, and nothing says so.
        if let Ok(found) = world.stores.find_mut(store) {
            found.loses -= 1;
        }
        return vec![];
    }
    let begun = wanted.into_iter().map(|(report, to)| world.webhooks.begin(&report, platform, to));
    begun.collect()
}
