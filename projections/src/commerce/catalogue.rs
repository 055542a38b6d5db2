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
use super::stock::{Count, StockAlert, StockItem, StockLevel, StockLocations, item_id};
use crate::table::Tables;
use event_log::recorded::{AnyEvent, Recorded};
use storage::storable;

/// Rows that a batch of events touches, as they are and as they were.
#[derive(Default)]
pub(super) struct Catalogue {
    products: Rows<ProductRow>,
    items: Rows<StockItem>,
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
                            items.extend(product_item_id(report));
                            items.extend(
                                product.variants.iter().filter_map(|variant| variant_item_id(&integration_id, variant)),
                            );
                        }
                        Content::Stock(stock) => {
                            items.extend(stock_item_id(&integration_id, stock));
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
        let items = Rows::<StockItem>::read(tables, &items, |row| &row.id).await?;
        for item in items.now.values() {
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
        let ran_out = if is_silent { vec![] } else { self.state_stock(report, &mut product, alert) };
        let id = product_row_id(report);
        let row = self.products.now.entry(id.clone()).or_insert_with(|| ProductRow {
            id,
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
            let item = product_item_id(report).and_then(|id| self.items.now.get(&id));
            row.stock = row.stock.or(item.and_then(|item| item.available));
            return Changed::default();
        }
        if !product.left_out.is_empty() {
            let left_out: BTreeSet<&String> = product.left_out.iter().collect();
            let known = row.product().variants.into_iter();
            product.variants.extend(known.filter(|variant| left_out.contains(&variant.variant_id)));
        }
        row.stock = product.stock;
        row.content = json_of(&product);
        let items = &self.items.now;
        let ran_out = ran_out.into_iter().filter_map(|id| {
            let of_product = items.get(&id)?.of_product(row.available(), alert);
            Some((id, of_product))
        });
        Changed { stock: None, ran_out: ran_out.collect() }
    }

    /// Takes what a product's report states of stock, and writes into it what is known of what it says nothing of, or of what a
    /// later report says. Returns what ran out.
    fn state_stock(&mut self, report: &Report, product: &mut Product, alert: Option<i64>) -> Vec<String> {
        let integration_id = report.integration_id.to_string();
        let (mut ran_out, mut is_elsewhere) = (vec![], false);
        let mut state = |item: &mut StockItem, stock: Option<i64>, uncounted: bool| {
            item.product_id = Some(storable(&report.resource_id));
            // What it says nothing of did not run out with it either.
            let is_no_news = item.available.is_none() || stock.is_none();
            if stock.is_some() || uncounted {
                is_elsewhere |= item.state(Count { available: stock, at: report.changed_at });
            }
            if item.runs_out(alert, is_no_news) {
                ran_out.push(item.id.clone());
            }
            item.available
        };
        let whole = product_item_id(report).filter(|id| product.stock.is_some() || self.items.now.contains_key(id));
        if let Some(id) = whole {
            let item = self.items.now.entry(id.clone()).or_insert_with(|| StockItem::new(id));
            // The stock of its only variant is that of the whole.
            let of_only = match &product.variants[..] {
                [only] => only.stock,
                _ => None,
            };
            product.stock = state(item, product.stock.or(of_only), product.uncounted);
        }
        if let ([only], Some(stock)) = (&mut product.variants[..], product.stock) {
            only.stock = Some(stock);
        } else {
            for variant in &mut product.variants {
                let Some(id) = variant_item_id(&integration_id, variant) else { continue };
                let item = self.items.now.entry(id.clone()).or_insert_with(|| StockItem::new(id));
                item.variant_id = Some(storable(&variant.variant_id));
                item.sku = variant.sku.as_deref().map(storable);
                variant.stock = state(item, variant.stock, variant.uncounted);
            }
        }
        if let Some(locations) = self.locations.now.get_mut(&integration_id).filter(|_| is_elsewhere) {
            locations.are_several = 1;
        }
        ran_out
    }

    fn report_level(&mut self, recorded: &Recorded, report: &Report, stock: &Stock, alert: Option<i64>) -> Changed {
        let integration_id = report.integration_id.to_string();
        let Some(id) = stock_item_id(&integration_id, stock) else { return Changed::default() };
        let known = self.levels.now.get(&level_id(report)).and_then(|level| level.available);
        // A change by so many says how many there are where that was known.
        let adjusted = known.zip(stock.adjusted_by).map(|(known, by)| known.saturating_add(by));
        let level = StockLevel { id: level_id(report), available: stock.available.or(adjusted) };
        let is_only = self.is_only_location(integration_id, stock, &level);
        let item = self.items.now.entry(id.clone()).or_insert_with(|| StockItem::new(id.clone()));
        let named = |ours: &mut Option<String>, theirs: &Option<String>| {
            if let Some(theirs) = theirs {
                *ours = Some(storable(theirs));
            }
        };
        named(&mut item.product_id, &stock.product_id);
        named(&mut item.variant_id, &stock.variant_id);
        let is_first = item.available.is_none();
        let count = Count { available: level.available, at: report.changed_at };
        if stock.location_id.is_some() {
            item.report_level(known, count, is_only);
        } else if level.available.is_some() || stock.adjusted_by.is_none() {
            item.state(count);
        }
        self.levels.now.insert(level.id.clone(), level);
        let runs_out = item.runs_out(alert, is_first);
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
        let ran_out = if runs_out && !is_gone { vec![(id, of_product.clone())] } else { vec![] };
        Changed { stock: Some(of_product), ran_out }
    }

    /// Whether all there is lies at the location of this level: no other one of the store reported stock so far.
    fn is_only_location(&mut self, integration_id: String, stock: &Stock, level: &StockLevel) -> bool {
        let Some(location) = stock.location_id.as_deref().map(storable) else { return false };
        if level.available.is_none() {
            let is_only = |known: &StockLocations| known.are_several == 0 && known.first == location;
            return self.locations.now.get(&integration_id).is_some_and(is_only);
        }
        let new = || StockLocations { integration_id: integration_id.clone(), first: location.clone(), are_several: 0 };
        self.locations.now.entry(integration_id.clone()).or_insert_with(new).note(&location)
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>) -> sqlx::Result<()> {
        let Self { products, items, levels, locations, alerts } = self;
        products.write(tables, |row| &row.id).await?;
        items.write(tables, |row| &row.id).await?;
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

/// Of a product whose stock is counted as a whole.
fn product_item_id(report: &Report) -> Option<String> {
    let id = item_id(&report.integration_id.to_string(), None, None, Some(&report.resource_id));
    id.as_deref().map(storable)
}

fn level_id(report: &Report) -> String {
    format!("{} {}", report.integration_id, storable(&report.resource_id))
}

fn variant_item_id(integration_id: &str, variant: &domain::resource::Variant) -> Option<String> {
    let id = item_id(integration_id, variant.inventory_item_id.as_deref(), Some(&variant.variant_id), None);
    id.as_deref().map(storable)
}

fn stock_item_id(integration_id: &str, stock: &Stock) -> Option<String> {
    let Stock { inventory_item_id, product_id, variant_id, .. } = stock;
    let id = item_id(integration_id, inventory_item_id.as_deref(), variant_id.as_deref(), product_id.as_deref());
    id.as_deref().map(storable)
}

fn json_of(product: &Product) -> String {
    serde_json::to_string(product).expect("a product is plain data")
}
