//! Many item mappings at once, as they come from a file.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::integration::IntegrationCommand;
use domain::{Asset, ItemMapping, MappingId};

use super::integrations::{managed, shown};
use crate::api::graphql::ApiError;
use crate::api::graphql::error::{UserError, refused};
use crate::api::graphql::integration::Integration;
use crate::api::graphql::query::asked;
use crate::api::graphql::words::{MatchType, ResourceType};
use crate::app::limits::LimitReached;
use event_log::ids;

/// Mappings that are added at once.
const MAX_AT_ONCE: usize = 100;

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

impl From<NewItemMapping> for ItemMapping {
    fn from(new: NewItemMapping) -> Self {
        Self {
            id: MappingId(ids::fresh()),
            match_type: new.match_type.into(),
            external_ref: new.external_ref.replace('\0', ""),
            asset: Asset::new(new.resource_type.into(), &new.resource_id.replace('\0', "")),
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
        let (service, viewer) = asked(context)?;
        let mut payload = ImportItemMappingsPayload::default();
        if input.mappings.len() > MAX_AT_ONCE {
            payload.user_errors.push(UserError::new("TOO_MANY", "100 mappings at most at once", Some("mappings")));
            return Ok(payload);
        }
        let Some((id, owner)) = managed(service, viewer, &input.integration_id).await? else {
            payload.user_errors.push(UserError::not_found("integrationId"));
            return Ok(payload);
        };
        let actor = viewer.actor(Some(&owner.to_string()));
        let room = match service.limits.room_for_mappings(service, owner).await? {
            Ok(room) => room,
            Err(reached) => {
                payload.user_errors.push(reached.into());
                return Ok(payload);
            }
        };
        let mut last = None;
        for mapping in input.mappings.into_iter().map(ItemMapping::from) {
            if usize::try_from(payload.added).unwrap_or(0) >= room {
                payload.user_errors.push(LimitReached::Mappings(service.limits.mappings).into());
                break;
            }
            let add = IntegrationCommand::AddItemMapping { mapping: mapping.clone() };
            let committed =
                match service.log.execute::<domain::integration::Integration>(&id.to_string(), add, &actor).await {
                    Ok(committed) => committed,
                    Err(error) => {
                        payload.user_errors.push(refused(error)?);
                        break;
                    }
                };
            if committed.events.is_empty() {
                payload.known += 1;
            } else {
                payload.added += 1;
                last = committed.position.max(last);
            }
            let known = committed.aggregate.link().and_then(|link| link.mapping_like(&mapping));
            payload.mapping_ids.extend(known.map(|mapping| ID(mapping.id.to_string())));
        }
        service.wait_for_views(last).await;
        payload.integration = shown(context, id).await?;
        Ok(payload)
    }
}
