//! What a store sells, as its API has it: what to request, and what the responses mean. Each product is written as a webhook has it,
//! with the time at which the store changed it, so that reading it and being sent it end alike.

#[cfg(test)]
mod tests;

use crate::Malformed;
use crate::store_api::ApiRequest;

/// How the catalogue of a store is read through its API. Does no I/O.
pub trait CatalogueApi: Sync {
    /// The request for a part; `cursor` is what the part before said.
    fn list(&self, store: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed>;

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<CataloguePart, Malformed>;
}

/// A part of a catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CataloguePart {
    /// As its platform would have posted them, as far as its API says it: the parser of webhooks reads them.
    pub webhooks: Vec<(String, Vec<u8>)>,
    /// Of the next part, if there is one.
    pub next: Option<String>,
}
