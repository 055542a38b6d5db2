//! What stock is counted of, by the names that a store has for it: an item of its inventory, a variant, a product. One report
//! has one of them, another has another; names that come together once are of one item. Those that were reported apart until
//! then had a number each: the latest counts.

use std::collections::BTreeSet;

use domain::resource::{Product, Stock};
use sqlx::FromRow;

use super::rows::Rows;
use super::stock::StockItem;
use crate::table::{Tables, table_row};
use storage::storable;

table_row!(StockName, "stock_names", key name; once; changing item_id);

/// From a name to its item, over those whose numbers were not the latest when they came together.
const MAX_STEPS: usize = 4;

/// A name that is not the id of its item, or not any more.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct StockName {
    pub name: String,
    pub item_id: String,
}

/// The items that a batch of events touches.
#[derive(Default)]
pub(super) struct StockItems {
    items: Rows<StockItem>,
    names: Rows<StockName>,
}

/// The names of one item of an integration, the most exact first.
pub(super) fn names(
    integration_id: &str,
    inventory_item: Option<&str>,
    variant: Option<&str>,
    product: Option<&str>,
) -> Vec<String> {
    let named = [("item", inventory_item), ("variant", variant), ("product", product)];
    let name = |(kind, id): (&str, Option<&str>)| Some(storable(&format!("{integration_id} {kind} {}", id?)));
    named.into_iter().filter_map(name).collect()
}

/// Those by which a report of stock names it. It is of a whole product where it names no more than that.
pub(super) fn names_of_stock(integration_id: &str, stock: &Stock) -> Vec<String> {
    let Stock { inventory_item_id, variant_id, product_id, .. } = stock;
    let product = product_id.as_deref().filter(|_| inventory_item_id.is_none() && variant_id.is_none());
    names(integration_id, inventory_item_id.as_deref(), variant_id.as_deref(), product)
}

/// Those of a product and of all its variants.
pub(super) fn names_of_product(integration_id: &str, product_id: &str, product: &Product) -> Vec<String> {
    let variants = product.variants.iter().flat_map(|variant| {
        names(integration_id, variant.inventory_item_id.as_deref(), Some(&variant.variant_id), None)
    });
    let left_out = product.left_out.iter().flat_map(|variant| names(integration_id, None, Some(variant), None));
    variants.chain(left_out).chain(names(integration_id, None, None, Some(product_id))).collect()
}

impl StockItems {
    /// `names` are all that the batch has.
    pub(super) async fn read(tables: &mut Tables<'_>, names: &BTreeSet<String>) -> sqlx::Result<Self> {
        let mut known = Rows::<StockName>::read(tables, names, |row| &row.name).await?;
        let mut all = names.clone();
        for _ in 0..MAX_STEPS {
            let further: BTreeSet<String> =
                known.now.values().map(|row| &row.item_id).filter(|id| !all.contains(*id)).cloned().collect();
            if further.is_empty() {
                break;
            }
            known.extend(Rows::<StockName>::read(tables, &further, |row| &row.name).await?);
            all.extend(further);
        }
        Ok(Self { items: Rows::<StockItem>::read(tables, &all, |row| &row.id).await?, names: known })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &StockItem> {
        self.items.now.values()
    }

    pub(super) fn known(&self, id: &str) -> Option<&StockItem> {
        self.items.now.get(id)
    }

    /// The item that has these names, which are of one from now on: the one that was reported last. None without a name.
    pub(super) fn of(&mut self, names: &[String]) -> Option<&mut StockItem> {
        let ids: Vec<String> = names.iter().map(|name| self.id_of(name)).collect();
        let known: Vec<StockItem> = ids.iter().filter_map(|id| self.items.now.get(id)).cloned().collect();
        // Of equals the first: its name is the most exact.
        let latest = known.iter().rev().max_by(|one, other| one.compare_age(other)).map(|item| item.id.clone());
        let id = latest.or_else(|| ids.first().cloned())?;
        for other in ids.iter().chain(names).filter(|other| **other != id) {
            self.call(other, &id);
        }
        let item = self.items.now.entry(id.clone()).or_insert_with(|| StockItem { id, ..StockItem::default() });
        for other in known {
            item.is_also(other);
        }
        Some(item)
    }

    /// The item with one of these names, where it is known.
    pub(super) fn known_by(&mut self, names: &[String]) -> Option<&mut StockItem> {
        let id = names.iter().map(|name| self.id_of(name)).find(|id| self.items.now.contains_key(id))?;
        self.items.now.get_mut(&id)
    }

    fn call(&mut self, name: &str, item_id: &str) {
        self.names.now.insert(name.to_owned(), StockName { name: name.to_owned(), item_id: item_id.to_owned() });
    }

    /// The item that a product is counted by as a whole, which is none of its variants'. None where it is not counted so.
    pub(super) fn of_whole(
        &mut self,
        integration_id: &str,
        product_id: &str,
        product: &Product,
    ) -> Option<&mut StockItem> {
        let is_stated = product.stock.is_some() || product.uncounted;
        let names = names(integration_id, None, None, Some(product_id));
        let name = names.first()?;
        let known = self.items.now.get(&self.id_of(name));
        let variant = known.and_then(|known| known.variant_id.as_ref());
        let is_a_variant =
            variant.is_some_and(|known| product.variants.iter().any(|variant| variant.variant_id == *known));
        let is_known = known.is_some() && !is_a_variant;
        let is_only = product.variants.len() == 1;
        if is_a_variant && (is_stated || !is_only) {
            // It was its only variant.
            self.call(name, name);
        }
        if is_stated || (is_known && !is_only) { self.of(&names) } else { None }
    }

    /// The id of the item with this name, which the first report of it has.
    fn id_of(&self, name: &str) -> String {
        let mut id = name;
        for _ in 0..MAX_STEPS {
            match self.names.now.get(id) {
                Some(row) if row.item_id != id => id = &row.item_id,
                Some(_) | None => break,
            }
        }
        id.to_owned()
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>) -> sqlx::Result<()> {
        self.items.write(tables, |row| &row.id).await?;
        self.names.write(tables, |row| &row.name).await
    }
}
