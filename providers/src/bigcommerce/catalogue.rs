//! The products and categories of a store at BigCommerce. Webhooks only name a product: what stands for one here holds the product as
//! well.
//!
//! <https://docs.bigcommerce.com/developer/api-reference/rest/admin/catalog/products>

use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalogue_api::{CatalogueApi, CataloguePart};
use crate::order_api::path_segment;
use crate::order_list_api::page_number;
use crate::scalar::Scalar;
use crate::store_api::ApiRequest;
use crate::{Malformed, body};

const PAGE: usize = 50;
/// Before the number of a page of categories, which follow the products.
const CATEGORIES: &str = "categories ";

pub(super) struct Catalogue;

#[derive(Deserialize)]
struct Body {
    data: Vec<Value>,
}

impl CatalogueApi for Catalogue {
    fn list(&self, store: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let store = path_segment(store.ok_or_else(|| Malformed::missing("store hash"))?, "store hash")?;
        let (of, page) = match cursor.and_then(|cursor| cursor.strip_prefix(CATEGORIES)) {
            Some(page) => ("categories", page_number(Some(page))?),
            None => ("products", page_number(cursor)?),
        };
        let include = if of == "products" { "&include=variants,images&sort=id" } else { "" };
        Ok(ApiRequest::get(format!("/stores/{store}/v3/catalog/{of}?limit={PAGE}&page={page}{include}")))
    }

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<CataloguePart, Malformed> {
        let Body { data } =
            serde_json::from_str(body::text(body)?).map_err(|_| Malformed::invalid("data", "is no list"))?;
        let of_categories = cursor.and_then(|cursor| cursor.strip_prefix(CATEGORIES));
        let following = page_number(of_categories.or(cursor))?.saturating_add(1);
        let next = match (data.len() >= PAGE, of_categories) {
            (true, None) => Some(following.to_string()),
            (true, Some(_)) => Some(format!("{CATEGORIES}{following}")),
            (false, None) => Some(format!("{CATEGORIES}1")),
            (false, Some(_)) => None,
        };
        let kind = if of_categories.is_some() { "category" } else { "product" };
        Ok(CataloguePart { webhooks: data.into_iter().map(|object| webhook(kind, object)).collect(), next })
    }
}

fn webhook(kind: &str, object: Value) -> (String, Vec<u8>) {
    let scope = format!("store/{kind}/updated");
    // Of categories the API does not say when they were changed.
    let text = object["date_modified"].as_str().unwrap_or_default();
    let changed_at = serde_json::to_string(text).ok();
    let changed_at = changed_at.and_then(|text| serde_json::from_str::<Scalar<'_>>(&text).ok()?.moment());
    let body = json!({
        "scope": scope,
        "created_at": changed_at.map(|at| at.timestamp()),
        "data": { "type": kind, "id": object["id"], kind: object },
    });
    (scope, body.to_string().into_bytes())
}
