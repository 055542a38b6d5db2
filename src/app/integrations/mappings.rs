//! Which asset is delivered for which product.

use domain::integration::IntegrationCommand;
use domain::{Asset, IntegrationId, ItemMapping, MappingId};
use event_log::ids;

use super::Integrations;
use crate::app::error::{Error, Refused};
use crate::app::limits::LimitReached;
use crate::app::viewer::Viewer;

/// Mappings that are added at once.
const MAX_AT_ONCE: usize = 100;

/// For this product, deliver that asset.
pub struct NewMapping {
    pub match_type: domain::MatchType,
    pub external_ref: String,
    pub resource_type: domain::ResourceType,
    /// The asset's id, or its public address at Cortex Cloud.
    pub resource_id: String,
}

impl From<NewMapping> for ItemMapping {
    fn from(new: NewMapping) -> Self {
        Self {
            id: MappingId(ids::fresh()),
            match_type: new.match_type,
            external_ref: new.external_ref.replace('\0', ""),
            asset: Asset::new(new.resource_type, &new.resource_id.replace('\0', "")),
        }
    }
}

/// What adding many mappings came to. The first that is refused ends it; those before stay.
pub struct AddedMappings {
    pub integration: IntegrationId,
    pub added: usize,
    /// Those that were there already.
    pub known: usize,
    /// The ids of both.
    pub ids: Vec<MappingId>,
    pub refused: Option<Refused>,
}

impl Integrations {
    /// Adds a mapping, and returns it as it is known: one that is there already is left as it is. Deliveries that waited for
    /// just this go on.
    pub async fn add_mapping(
        &self,
        viewer: &Viewer,
        id: &str,
        new: NewMapping,
    ) -> Result<(IntegrationId, Option<ItemMapping>), Error> {
        let (id, owner) = self.managed(viewer, id).await?;
        self.limits.room_for_mappings(&self.data.views, owner).await??;
        let mapping = ItemMapping::from(new);
        let add = IntegrationCommand::AddItemMapping { mapping: mapping.clone() };
        let committed = self.execute(viewer, (id, owner), add).await?;
        Ok((id, committed.aggregate.link().and_then(|link| link.mapping_like(&mapping)).cloned()))
    }

    /// Adds many mappings. Those that are there already are left as they are, so that it may be repeated.
    pub async fn add_mappings(&self, viewer: &Viewer, id: &str, new: Vec<NewMapping>) -> Result<AddedMappings, Error> {
        if new.len() > MAX_AT_ONCE {
            return Err(Refused::new("TOO_MANY", "100 mappings at most at once", Some("mappings")).into());
        }
        let (id, owner) = self.managed(viewer, id).await?;
        let room = self.limits.room_for_mappings(&self.data.views, owner).await??;
        let actor = viewer.actor(Some(&owner.to_string()));
        let mut done = AddedMappings { integration: id, added: 0, known: 0, ids: vec![], refused: None };
        let mut last = None;
        for mapping in new.into_iter().map(ItemMapping::from) {
            if done.added >= room {
                done.refused = Some(LimitReached::Mappings(self.limits.mappings).into());
                break;
            }
            let add = IntegrationCommand::AddItemMapping { mapping: mapping.clone() };
            let executed = self.data.log.execute::<domain::integration::Integration>(id, add, &actor).await;
            let committed = match executed.map_err(Error::from) {
                Ok(committed) => committed,
                Err(Error::Refused(refused)) => {
                    done.refused = Some(refused);
                    break;
                }
                Err(error) => return Err(error),
            };
            if committed.events.is_empty() {
                done.known += 1;
            } else {
                done.added += 1;
                last = committed.position.max(last);
            }
            let known = committed.aggregate.link().and_then(|link| link.mapping_like(&mapping));
            done.ids.extend(known.map(|mapping| mapping.id));
        }
        self.data.wait_for_views(last).await;
        Ok(done)
    }

    pub async fn remove_mapping(&self, viewer: &Viewer, id: &str, mapping_id: &str) -> Result<IntegrationId, Error> {
        let mapping_id = mapping_id.parse().map_err(|_| Refused::not_found("mappingId"))?;
        let of = self.managed(viewer, id).await?;
        self.execute(viewer, of, IntegrationCommand::RemoveItemMapping { mapping_id }).await?;
        Ok(of.0)
    }
}
