//! Many item mappings at once, as they come from a file.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::integrations::shown;
use super::refusable;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::count;
use crate::api::graphql::error::{UserError, payload_of};
use crate::api::graphql::integration::Integration;
use crate::api::graphql::viewer::app_and_viewer;
use crate::api::graphql::words::{MatchType, ResourceType};
use crate::app::integrations::NewMapping;

#[derive(InputObject)]
struct ImportItemMappingsInput {
    integration_id: ID,
    /// 100 at most.
    mappings: Vec<NewItemMapping>,
}

/// For this product, deliver that asset.
#[derive(InputObject)]
struct NewItemMapping {
    match_type: MatchType,
    external_ref: String,
    resource_type: ResourceType,
    /// The asset's id, or its public address at Cortex Cloud.
    resource_id: String,
}

impl From<NewItemMapping> for NewMapping {
    fn from(new: NewItemMapping) -> Self {
        Self {
            match_type: new.match_type.into(),
            external_ref: new.external_ref,
            resource_type: new.resource_type.into(),
            resource_id: new.resource_id,
        }
    }
}

/// What an import did. The first mapping that is refused ends it; those before stay.
#[derive(SimpleObject, Default)]
pub(in crate::api::graphql) struct ImportItemMappingsPayload {
    integration: Option<Integration>,
    /// How many were added.
    added: i32,
    /// How many were there already.
    known: i32,
    /// The ids of both.
    mapping_ids: Vec<ID>,
    user_errors: Vec<UserError>,
}

refusable!(ImportItemMappingsPayload);

#[derive(Default)]
pub(super) struct Mappings;

#[Object]
impl Mappings {
    /// Adds many mappings. Those that are there already are left as they are, so that an import may be repeated.
    #[graphql(complexity = "100 + child_complexity")]
    async fn import_item_mappings(
        &self,
        context: &Context<'_>,
        input: ImportItemMappingsInput,
    ) -> Result<ImportItemMappingsPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let new = input.mappings.into_iter().map(NewMapping::from).collect();
        let added = app.integrations.add_mappings(viewer, &input.integration_id, new).await;
        let integration = shown(context, added.as_ref().ok().map(|added| added.integration)).await?;
        payload_of(added, |added| ImportItemMappingsPayload {
            integration,
            added: count(added.added),
            known: count(added.known),
            mapping_ids: added.ids.into_iter().map(|id| ID(id.to_string())).collect(),
            user_errors: added.refused.into_iter().map(UserError::from).collect(),
        })
    }
}
