//! The fold of products and of stock.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use commerce::reported::OfProduct;
use domain::account::AccountEvent;
use domain::resource::{Content, Happened, Product, Report, Stock};

use super::current_report;
use super::products::{self, ProductRow};
use super::rows::Rows;
use super::stock::{Count, StockAlert, StockItem, StockLevel, StockLocations};
use super::stock_items::{StockItems, names, names_of_product, names_of_stock};
use crate::table::Tables;
use event_log::recorded::{AnyEvent, Recorded};
use storage::storable;

/// Rows that a batch of events touches, as they are and as they were.
#[derive(Default)]
pub(super) struct Catalogue {
    products: Rows<ProductRow>,
    items: StockItems,
    levels: Rows<StockLevel>,
    locations: Rows<StockLocations>,
    alerts: Rows<StockAlert>,
}

/// What an event changed of the stock.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Of what the event itself is about.
    pub(super) stock: Option<OfProduct>,
    /// What ran out with it: by what each is known, and of what product it is.
    pub(super) ran_out: Vec<(String, OfProduct)>,
}

impl Catalogue {
    pub(super) async fn read(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<Self> {
        let (mut products, mut items, mut levels, mut stores, mut accounts) =
            <(BTreeSet<_>, BTreeSet<_>, BTreeSet<_>, BTreeSet<_>, BTreeSet<_>)>::default();
        for recorded in events {
            match current_report(recorded) {
                Some(report) => {
                    if matches!(report.content, Content::Product(_) | Content::Stock(_)) {
                        accounts.insert(report.account_id.to_string());
                    }
                    let integration_id = report.integration_id.to_string();
                    match &report.content {
                        Content::Product(product) => {
                            products.insert(product_row_id(report));
                            stores.insert(integration_id.clone());
                            items.extend(names_of_product(&integration_id, &report.resource_id, product));
                        }
                        Content::Stock(stock) => {
                            items.extend(names_of_stock(&integration_id, stock));
                            let product_id = stock.product_id.as_deref().map(storable);
                            products.extend(product_id.map(|id| products::id_of(&integration_id, &id)));
                            levels.insert(level_id(report));
                            stores.insert(integration_id);
                        }
                        Content::Order(_) | Content::Collection(_) | Content::Customer {} | Content::Checkout(_) => {}
                    }
                }
                None if matches!(&recorded.event, AnyEvent::Account(AccountEvent::StockAlertSet { .. })) => {
                    accounts.insert(recorded.aggregate_id.clone());
                }
                None => {}
            }
        }
        let items = StockItems::read(tables, &items).await?;
        for item in items.all() {
            products.extend(item.product_row_id());
        }
        Ok(Self {
            products: Rows::<ProductRow>::read(tables, &products, |row| &row.id).await?,
            items,
            levels: Rows::<StockLevel>::read(tables, &levels, |row| &row.id).await?,
            locations: Rows::<StockLocations>::read(tables, &stores, |row| &row.integration_id).await?,
            alerts: Rows::<StockAlert>::read(tables, &accounts, |row| &row.account_id).await?,
        })
    }

    pub(super) fn apply(&mut self, recorded: &Recorded) -> Changed {
        if let AnyEvent::Account(AccountEvent::StockAlertSet { threshold }) = &recorded.event {
            let account_id = recorded.aggregate_id.clone();
            let threshold = threshold.map(i64::from);
            self.alerts.now.insert(account_id.clone(), StockAlert { account_id, threshold });
            return Changed::default();
        }
        let Some(report) = current_report(recorded) else { return Changed::default() };
        let alert = self.alerts.now.get(&report.account_id.to_string()).and_then(|alert| alert.threshold);
        match &report.content {
            Content::Product(product) => self.report_product(recorded, report, product, alert),
            Content::Stock(stock) => self.report_level(recorded, report, stock, alert),
            Content::Order(_) | Content::Collection(_) | Content::Customer {} | Content::Checkout(_) => {
                Changed::default()
            }
        }
    }

    fn report_product(
        &mut self,
        recorded: &Recorded,
        report: &Report,
        product: &Product,
        alert: Option<i64>,
    ) -> Changed {
        let is_silent = product.thin || report.happened == Happened::Deleted;
        let mut product = product.clone();
        let stated = if is_silent { vec![] } else { self.state_stock(recorded, report, &mut product, alert) };
        let id = product_row_id(report);
        let row = self.products.now.entry(id.clone()).or_insert_with(|| ProductRow {
            id: id.clone(),
            account_id: report.account_id.to_string(),
            integration_id: report.integration_id.to_string(),
            provider: report.provider.as_str().to_owned(),
            product_id: storable(&report.resource_id),
            listed_at: recorded.position,
            content: "{}".to_owned(),
            stock: None,
            changed_at: None,
            updated_at: 0,
            updated_by: recorded.position,
            deleted_at: None,
        });
        row.changed_at = row.changed_at.max(report.changed_at.map(|at| at.timestamp_micros()));
        row.note(recorded);
        row.deleted_at = (report.happened == Happened::Deleted).then(|| recorded.recorded_at_us());
        if is_silent {
            // It names the product and says no more of it: what is known stays.
            let whole = names(&row.integration_id, None, None, Some(&report.resource_id));
            row.stock = row.stock.or_else(|| self.items.known(whole.first()?)?.available);
            return Changed::default();
        }
        if !product.left_out.is_empty() {
            let left_out: BTreeSet<&String> = product.left_out.iter().collect();
            let known = row.product().variants.into_iter();
            product.variants.extend(known.filter(|variant| left_out.contains(&variant.variant_id)));
        }
        row.stock = product.stock;
        row.content = json_of(&product);
        let mut ran_out = vec![];
        for (item_id, runs_out) in stated {
            let Some(item) = self.items.known(&item_id) else { continue };
            let row = item.product_row_id().and_then(|id| self.products.now.get_mut(&id));
            // A variation that is reported by itself is one of its product's, too.
            if let Some(of_another) = row.filter(|row| row.id != id)
                && of_another.set_stock(item)
            {
                of_another.note(recorded);
            }
            if runs_out {
                let row = item.product_row_id().and_then(|id| self.products.now.get(&id));
                let of_product = item.of_product(row.and_then(ProductRow::available), alert);
                ran_out.push((item_id, of_product));
            }
        }
        Changed { stock: None, ran_out }
    }

    /// Takes what a product's report states of stock, and writes into it what is known of what it says nothing of, or of what a
    /// later report says. Returns of which items, and whether each ran out with it.
    fn state_stock(
        &mut self,
        recorded: &Recorded,
        report: &Report,
        product: &mut Product,
        alert: Option<i64>,
    ) -> Vec<(String, bool)> {
        let (integration_id, product_id) = (report.integration_id.to_string(), &report.resource_id);
        let (mut stated, mut is_elsewhere) = (vec![], false);
        let mut state = |item: &mut StockItem, stock: Option<i64>, uncounted: bool| {
            // What it says nothing of did not run out with it either.
            let is_no_news = item.available.is_none() || stock.is_none();
            if stock.is_some() || uncounted {
                is_elsewhere |= item.state(Count { available: stock, at: report.changed_at });
            } else {
                item.is_stated = 0;
            }
            item.reported_by = recorded.position;
            stated.push((item.id.clone(), item.runs_out(alert, is_no_news)));
            item.available
        };
        let mut is_whole = false;
        if let Some(item) = self.items.of_whole(&integration_id, product_id, product) {
            is_whole = true;
            (item.variant_id, item.inventory_item_id, item.sku) = (None, None, None);
            item.product_id = Some(storable(product_id));
            product.stock = state(item, product.stock, product.uncounted);
        }
        // The only variant of a product is the product, where that is not counted as a whole.
        let only = Some(product_id.as_str()).filter(|_| product.variants.len() == 1 && !is_whole);
        for variant in &mut product.variants {
            let names = names(&integration_id, variant.inventory_item_id.as_deref(), Some(&variant.variant_id), only);
            let Some(item) = self.items.of(&names) else { continue };
            // A variation of WooCommerce is a product by itself, and stays one of the product that names it.
            if variant.variant_id != *product_id || item.product_id.is_none() {
                item.product_id = Some(storable(product_id));
            }
            item.variant_id = Some(storable(&variant.variant_id));
            set_named(&mut item.inventory_item_id, variant.inventory_item_id.as_deref());
            item.sku = variant.sku.as_deref().map(storable).or_else(|| item.sku.take());
            variant.stock = state(item, variant.stock, variant.uncounted);
        }
        for variant in &product.left_out {
            // What locations report of it counts.
            if let Some(item) = self.items.known_by(&names(&integration_id, None, Some(variant), None)) {
                item.is_stated = 0;
            }
        }
        if let Some(locations) = self.locations.now.get_mut(&integration_id).filter(|_| is_elsewhere) {
            locations.are_several = 1;
        }
        stated
    }

    fn report_level(&mut self, recorded: &Recorded, report: &Report, stock: &Stock, alert: Option<i64>) -> Changed {
        let integration_id = report.integration_id.to_string();
        let known = self.levels.now.get(&level_id(report)).and_then(|level| level.available);
        // A change by so many says how many there are where that was known.
        let available = match stock.change() {
            Some(by) => known.map(|known| known.saturating_add(by)),
            None => stock.available,
        };
        let is_only = self.is_only_location(&integration_id, stock, available);
        let Some(item) = self.items.of(&names_of_stock(&integration_id, stock)) else { return Changed::default() };
        set_named(&mut item.product_id, stock.product_id.as_deref());
        set_named(&mut item.variant_id, stock.variant_id.as_deref());
        set_named(&mut item.inventory_item_id, stock.inventory_item_id.as_deref());
        item.reported_by = recorded.position;
        let is_first = item.available.is_none();
        let count = Count { available, at: report.changed_at };
        match (&stock.location_id, stock.change()) {
            (None, None) => item.report_all(count),
            (None, Some(by)) => item.adjust(by, report.changed_at),
            (Some(_), None) => item.report_level(known, count, is_only),
            (Some(_), Some(by)) if known.is_some() => item.adjust_level(by, report.changed_at, is_only),
            (Some(_), Some(_)) => {}
        }
        let runs_out = item.runs_out(alert, is_first);
        if stock.location_id.is_some() {
            let level = StockLevel { id: level_id(report), available };
            self.levels.now.insert(level.id.clone(), level);
        }
        let row = item.product_row_id().and_then(|id| self.products.now.get_mut(&id));
        let (mut is_gone, mut product_available) = (false, None);
        if let Some(row) = row {
            if row.set_stock(item) {
                row.note(recorded);
            }
            is_gone = row.deleted_at.is_some() || (runs_out && !row.may_have(item));
            product_available = row.available();
        }
        let of_product = item.of_product(product_available, alert);
        let ran_out = if runs_out && !is_gone { vec![(item.id.clone(), of_product.clone())] } else { vec![] };
        Changed { stock: Some(of_product), ran_out }
    }

    /// Whether all there is lies at the location of a report: no other one of the store reported stock so far.
    fn is_only_location(&mut self, integration_id: &str, stock: &Stock, available: Option<i64>) -> bool {
        let Some(location) = stock.location_id.as_deref().map(storable) else { return false };
        if available.is_none() {
            let is_only = |known: &StockLocations| known.are_several == 0 && known.first == location;
            return self.locations.now.get(integration_id).is_some_and(is_only);
        }
        let integration_id = integration_id.to_owned();
        let new = || StockLocations { integration_id: integration_id.clone(), first: location.clone(), are_several: 0 };
        self.locations.now.entry(integration_id.clone()).or_insert_with(new).note(&location)
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>) -> sqlx::Result<()> {
        let Self { products, items, levels, locations, alerts } = self;
        products.write(tables, |row| &row.id).await?;
        items.write(tables).await?;
        levels.write(tables, |row| &row.id).await?;
        locations.write(tables, |row| &row.integration_id).await?;
        alerts.write(tables, |row| &row.account_id).await
    }
}

impl StockItem {
    /// Of the product that it is an item of, where that is known. Both begin with the integration.
    fn product_row_id(&self) -> Option<String> {
        let (integration_id, _) = self.id.split_once(' ')?;
        Some(products::id_of(integration_id, self.product_id.as_deref()?))
    }
}

impl ProductRow {
    /// Notes by what it changed last.
    fn note(&mut self, recorded: &Recorded) {
        self.updated_at = recorded.recorded_at_us();
        self.updated_by = recorded.position;
    }

    /// Whether the variant that an item is was not taken out of the product. Of one that its store only names, no variants are known.
    fn may_have(&self, item: &StockItem) -> bool {
        let product = self.product();
        let is_known = |variant_id: &String| {
            let is_listed = product.variants.iter().any(|variant| variant.variant_id == *variant_id);
            is_listed || product.left_out.contains(variant_id)
        };
        product.variants.is_empty() || item.variant_id.as_ref().is_none_or(is_known)
    }

    /// Writes the stock of an item into the variant that it is. Returns whether that changed anything.
    fn set_stock(&mut self, item: &StockItem) -> bool {
        let mut product = self.product();
        let before = (self.stock, product.variants.clone());
        let is_only = product.variants.len() == 1;
        let is_of_item = |variant_id: &str| match &item.variant_id {
            Some(of_item) => of_item == variant_id,
            None => is_only,
        };
        if item.is_of_whole_product() {
            self.stock = item.available;
        }
        for variant in product.variants.iter_mut().filter(|variant| is_of_item(&variant.variant_id)) {
            variant.stock = item.available;
        }
        self.content = json_of(&product);
        before != (self.stock, product.variants)
    }
}

fn product_row_id(report: &Report) -> String {
    products::id_of(&report.integration_id.to_string(), &storable(&report.resource_id))
}

fn set_named(known: &mut Option<String>, named: Option<&str>) {
    if let Some(named) = named {
        *known = Some(storable(named));
    }
}

fn level_id(report: &Report) -> String {
    format!("{} {}", report.integration_id, storable(&report.resource_id))
}

fn json_of(product: &Product) -> String {
    serde_json::to_string(product).expect("a product is plain data")
}
