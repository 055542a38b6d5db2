//! The plot: which store reports what, when, and what the merchants do about it.

use std::time::Duration;

use providers::{Happened, Product, Purchase, Sample};

use super::board::Board;
use super::connected_shop::{self, Found};
use super::merchant::Cast;
use super::orders::{CLEAN, DRIVE, EDGE, LEAD, STRAP};
use super::scenario::{self, Scenario};
use super::store::Store;
use super::world::World;
use crate::sandbox::{Fault, FaultScript, HoldPoint, On, Operation, Stage};
use crate::store_sandbox::{self, NewLine, NewOrder};

/// How often Cortex Cloud fails. After the second time the next try is five seconds away: long enough to be seen.
const HICCUPS: u32 = 2;
/// A breath between two orders, so that a person can follow.
const BREATH: Duration = Duration::from_millis(40);

/// Runs until every order has reached everything that is expected of it.
pub(super) async fn run(world: &World, cast: &Cast, board: &Board) -> anyhow::Result<Found> {
    let story = Story { world, cast, board };
    let connected = connected_shop::connect(world, &cast.storm).await?;
    connected_shop::lose_a_webhook(world)?;
    story.cortex_fails().await?;
    story.orders_without_trouble().await?;
    story.orders_that_are_read_at_the_store().await?;
    story.orders_that_wait_for_the_merchant().await?;
    story.orders_of_other_merchants().await?;
    // Only one order may meet the failures of following: the others that follow come after it.
    world.sandbox.wait_for(Operation::Follow, Stage::Answered, HICCUPS.into()).await?;
    story.orders_that_follow().await?;
    story.merchants_fix_things().await?;
    story.an_order_is_watched().await?;
    let found = connected_shop::find_it(&cast.storm, &connected).await?;
    board.sent(&scenario::MISSED, &found.delivery_id);
    for scenario in scenario::ALL {
        board.until(scenario, scenario.steps.len()).await;
    }
    cast.subscribers_have_all().await?;
    Ok(found)
}

struct Story<'w> {
    world: &'w World,
    cast: &'w Cast,
    board: &'w Board,
}

fn bought(username: &'static str, products: &'static [Product]) -> Purchase<'static> {
    Purchase { username: Some(username), products, status: "paid", happened: Happened::Paid }
}

/// By a customer who gave no username.
fn bought_anonymously(status: &'static str) -> Purchase<'static> {
    Purchase { username: None, status, ..bought("", &[LEAD]) }
}

impl Story<'_> {
    async fn report(
        &self,
        store: &Store,
        scenario: &'static Scenario,
        purchase: Purchase<'_>,
    ) -> anyhow::Result<String> {
        let delivery_id = store.report(scenario.order, purchase, None).await?;
        self.board.sent(scenario, &delivery_id);
        tokio::time::sleep(BREATH).await;
        Ok(delivery_id)
    }

    async fn cortex_fails(&self) -> anyhow::Result<()> {
        let fault = FaultScript { operation: On::Only(Operation::Follow), fault: Fault::Error500, times: HICCUPS };
        self.world.sandbox.script(fault)?;
        self.report(&self.cast.generic, &scenario::HICCUP, bought("cortex_user_42", &[LEAD])).await?;
        Ok(())
    }

    async fn orders_without_trouble(&self) -> anyhow::Result<()> {
        let shopify = &self.cast.shopify;
        shopify.forge("#1000", bought("mutual_max", &[LEAD])).await?;
        self.report(shopify, &scenario::SEVERAL, bought("mutual_max", &[LEAD, DRIVE, STRAP])).await?;
        let created = Purchase { happened: Happened::Created, ..bought("mutual_max", &[LEAD]) };
        let first = self.report(shopify, &scenario::REPEATED, created).await?;
        shopify.report(scenario::REPEATED.order, bought("mutual_max", &[LEAD]), None).await?;
        self.board.sent_again(&scenario::REPEATED_AGAIN, &first);
        Ok(())
    }

    async fn orders_that_are_read_at_the_store(&self) -> anyhow::Result<()> {
        let Cast { bigcommerce, square, .. } = self.cast;
        let stores = &self.world.stores;
        let operation = store_sandbox::On::Only(store_sandbox::Operation::SquareOrder);
        // A second time, or the order would be read again before the table has shown it waiting.
        let fault = store_sandbox::FaultScript { operation, fault: store_sandbox::Fault::Error500, times: HICCUPS };
        stores.script(fault)?;
        for (store, scenario) in [(bigcommerce, &scenario::READ), (square, &scenario::READ_LATER)] {
            let order = NewOrder {
                id: Some(scenario.order.to_owned()),
                ..NewOrder::of("mutual_max", NewLine::titled(DRIVE.title))
            };
            let webhook = stores.place_order(store.provider.as_str(), order)?;
            let sample = Sample { topic: None, body: webhook.body.into_bytes() };
            let delivery_id = store.send(scenario.order, sample, None).await?;
            self.board.sent(scenario, &delivery_id);
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }

    async fn orders_that_wait_for_the_merchant(&self) -> anyhow::Result<()> {
        let Cast { storm, shopify, woocommerce, generic, .. } = self.cast;
        self.report(shopify, &scenario::NO_USERNAME, bought_anonymously("paid")).await?;
        self.report(shopify, &scenario::MISSPELT, bought("mutual_maxx", &[LEAD])).await?;
        self.report(shopify, &scenario::UNMAPPED, bought("mutual_max", &[STRAP])).await?;
        let processing = Purchase { status: "processing", ..bought("mutual_max", &[EDGE]) };
        self.report(woocommerce, &scenario::MAPPED_LATER, processing).await?;
        let pending = Purchase { status: "pending", ..bought("mutual_max", &[LEAD]) };
        self.report(woocommerce, &scenario::UNPAID, pending).await?;
        self.report(woocommerce, &scenario::PAID_LATER, pending).await?;
        self.report(woocommerce, &scenario::CANCELLED, bought_anonymously("processing")).await?;
        let old_key = storm.deactivated_key(self.world).await?;
        let delivery_id =
            generic.report(scenario::OLD_KEY.order, bought("mutual_max", &[LEAD]), Some(&old_key)).await?;
        self.board.sent(&scenario::OLD_KEY, &delivery_id);
        Ok(())
    }

    async fn orders_of_other_merchants(&self) -> anyhow::Result<()> {
        let Cast { thrifty_store, newcomer_store, .. } = self.cast;
        self.report(newcomer_store, &scenario::NO_LOGIN, bought("mutual_max", &[LEAD])).await?;
        self.report(thrifty_store, &scenario::NO_CREDITS, bought("mutual_max", &[EDGE])).await?;
        // The one attempt of this minute must be the first order's.
        self.board.until(&scenario::NO_CREDITS, 1).await;
        self.report(thrifty_store, &scenario::PACED, bought("mutual_max", &[EDGE])).await?;
        Ok(())
    }

    async fn orders_that_follow(&self) -> anyhow::Result<()> {
        self.report(&self.cast.shopify, &scenario::FOLLOWS, bought("follows_at_once", &[LEAD])).await?;
        self.report(&self.cast.generic, &scenario::NEVER_FOLLOWS, bought("never_follows", &[LEAD])).await?;
        Ok(())
    }

    async fn merchants_fix_things(&self) -> anyhow::Result<()> {
        let Cast { storm, shopify: _, woocommerce, newcomer, .. } = self.cast;
        let misspelt = self.board.until(&scenario::MISSPELT, 1).await;
        storm.retry(&misspelt, "mutual_max").await?;
        self.board.until(&scenario::MAPPED_LATER, 1).await;
        storm.map(woocommerce, "SKU", EDGE.sku, "CAPTURE", "6f1d1c1e-0a51-4c2e-9f0b-2f4f7c6c1a02").await?;
        self.board.until(&scenario::PAID_LATER, 1).await;
        let completed = Purchase { status: "completed", ..bought("mutual_max", &[LEAD]) };
        self.report(woocommerce, &scenario::PAID_LATER, completed).await?;
        self.board.until(&scenario::CANCELLED, 1).await;
        self.report(woocommerce, &scenario::CANCELLED, bought_anonymously("cancelled")).await?;
        self.board.until(&scenario::NO_LOGIN, 1).await;
        newcomer.save_login(self.world).await
    }

    /// Cortex Cloud holds the share back until a person has seen the delivery run. Nothing else shares meanwhile.
    async fn an_order_is_watched(&self) -> anyhow::Result<()> {
        let shares = [
            &scenario::FOLLOWS,
            &scenario::MISSPELT,
            &scenario::MAPPED_LATER,
            &scenario::PAID_LATER,
            &scenario::NO_LOGIN,
        ];
        for scenario in shares {
            self.board.until(scenario, scenario.steps.len()).await;
        }
        let sandbox = &self.world.sandbox;
        sandbox.hold(Operation::Share, HoldPoint::BeforeEffect);
        self.report(&self.cast.generic, &scenario::AT_WORK, bought("mutual_max", &[CLEAN])).await?;
        self.board.until(&scenario::AT_WORK, 1).await;
        sandbox.release(Operation::Share);
        Ok(())
    }
}
