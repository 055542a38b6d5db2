//! The items and categories of a seller at Square. Its webhooks say that the catalogue changed, and not what: what stands for one here
//! holds the object.
//!
//! <https://developer.squareup.com/reference/square/catalog-api/list-catalog>

use domain::resource::{Collection, Content, Happened, Product, Variant};
use serde::Deserialize;
use serde_json::{Value, json};

use super::money::BodyMoney;
use crate::catalogue_api::{CatalogueApi, CataloguePart};
use crate::order_api::path_segment;
use crate::scalar::Scalar;
use crate::shape::{List, Object};
use crate::store_api::ApiRequest;
use crate::{Malformed, StoreReport, body};

/// No type of Square's own.
pub(super) const READ: &str = "catalog.object.read";

pub(super) struct Catalogue;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    cursor: Option<String>,
}

impl CatalogueApi for Catalogue {
    fn list(&self, _: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let cursor = cursor.map(|cursor| path_segment(cursor, "cursor")).transpose()?;
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        Ok(ApiRequest::get(format!("/v2/catalog/list?types=ITEM,CATEGORY{cursor}")))
    }

    fn listed(&self, body: &[u8], _: Option<&str>) -> Result<CataloguePart, Malformed> {
        let Body { objects, cursor } =
            serde_json::from_str(body::text(body)?).map_err(|_| Malformed::invalid("objects", "are no list"))?;
        let webhook = |object: Value| {
            let body = json!({
                "type": READ,
                "created_at": object["updated_at"],
                "data": { "type": "catalog", "id": object["id"], "object": { "catalog_object": object } },
            });
            (READ.to_owned(), body.to_string().into_bytes())
        };
        Ok(CataloguePart {
            webhooks: objects.into_iter().map(webhook).collect(),
            next: cursor.filter(|next| !next.is_empty()),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct CatalogObject<'a> {
    #[serde(rename = "type")]
    kind: Scalar<'a>,
    id: Scalar<'a>,
    updated_at: Scalar<'a>,
    version: Scalar<'a>,
    item_data: Object<Item<'a>>,
    category_data: Object<Named<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Named<'a> {
    name: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Item<'a> {
    name: Scalar<'a>,
    is_archived: Scalar<'a>,
    categories: List<Object<Id<'a>>>,
    variations: List<Object<Variation<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Id<'a> {
    id: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Variation<'a> {
    id: Scalar<'a>,
    item_variation_data: Object<VariationData<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct VariationData<'a> {
    name: Scalar<'a>,
    sku: Scalar<'a>,
    price_money: Object<BodyMoney<'a>>,
}

impl CatalogObject<'_> {
    pub(super) fn report(self) -> Option<StoreReport> {
        let (id, changed_at, version) = (self.id.text()?, self.updated_at.moment(), self.version.count());
        let content = match self.kind.text()?.as_str() {
            "ITEM" => Content::Product(self.item_data.object()?.read()),
            "CATEGORY" => Content::Collection(Collection { title: self.category_data.object()?.name.text() }),
            _ => return None,
        };
        Some(StoreReport { changed_at, version, ..StoreReport::new(id, Happened::Updated, content) })
    }
}

impl Item<'_> {
    fn read(self) -> Product {
        let variant = |variation: Object<Variation<'_>>| {
            let variation = variation.object()?;
            let data = variation.item_variation_data.object().unwrap_or_default();
            Some(Variant {
                variant_id: variation.id.text()?,
                sku: data.sku.text(),
                title: data.name.text(),
                price: data.price_money.object().and_then(BodyMoney::read),
                ..Variant::default()
            })
        };
        let status = if self.is_archived.bool() == Some(true) { "archived" } else { "active" };
        Product {
            title: self.name.text(),
            status: Some(status.to_owned()),
            collections: self.categories.first().into_iter().filter_map(|one| one.object()?.id.text()).collect(),
            variants: self.variations.first().into_iter().filter_map(variant).collect(),
            ..Product::default()
        }
    }
}
