//! What stock is counted of, by the names that a store has for it: an item of its inventory, a variant, a product. One report
//! has one of them, another has another; names that come together once are of one item.

use std::collections::BTreeSet;

use domain::resource::{Product, Stock};
use sqlx::FromRow;

use super::rows::Rows;
use super::stock::StockItem;
use crate::table::{Tables, table_row};
use storage::storable;

table_row!(StockName, "stock_names", key name; once; changing item_id);

/// A name that is not the id of its item.
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
        let known = Rows::<StockName>::read(tables, names, |row| &row.name).await?;
        let ids = names.iter().chain(known.now.values().map(|row| &row.item_id)).cloned().collect();
        Ok(Self { items: Rows::<StockItem>::read(tables, &ids, |row| &row.id).await?, names: known })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &StockItem> {
        self.items.now.values()
    }

    pub(super) fn known(&self, id: &str) -> Option<&StockItem> {
        self.items.now.get(id)
    }

    /// The item that has these names, which are of one from now on: the one that has one of them already. None without a name.
    pub(super) fn of(&mut self, names: &[String]) -> Option<&mut StockItem> {
        let known = names.iter().find_map(|name| self.id_of(name));
        let id = known.or_else(|| names.first().cloned())?;
        for name in names.iter().filter(|name| **name != id) {
            if self.id_of(name).is_none() {
                self.names.now.insert(name.clone(), StockName { name: name.clone(), item_id: id.clone() });
            }
        }
        Some(self.items.now.entry(id.clone()).or_insert_with(|| StockItem { id, ..StockItem::default() }))
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
        let id = self.id_of(name);
        let variant = id.as_ref().and_then(|id| self.known(id)?.variant_id.as_ref());
        let is_a_variant =
            variant.is_some_and(|known| product.variants.iter().any(|variant| variant.variant_id == *known));
        if is_a_variant && is_stated {
            self.names.now.insert(name.clone(), StockName { name: name.clone(), item_id: name.clone() });
        }
        let is_known = id.is_some() && !is_a_variant && product.variants.len() != 1;
        if is_stated || is_known { self.of(&names) } else { None }
    }

    fn id_of(&self, name: &String) -> Option<String> {
        let named = self.names.now.get(name).map(|row| row.item_id.clone());
        named.or_else(|| self.items.now.contains_key(name).then(|| name.clone()))
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>) -> sqlx::Result<()> {
        self.items.write(tables, |row| &row.id).await?;
        self.names.write(tables, |row| &row.name).await
    }
}
