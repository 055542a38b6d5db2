//! Waking what waited for a fix: deliveries whose cause was fixed go back to the queue.
//!
//! An attempt that began before a fix and failed after it would wait for ever. So `ActionRequired` says on which events of
//! account and integration it was decided, and what came after those is read for a fix when a delivery begins to wait.

mod meanwhile;
mod reads;
mod waking;

use std::collections::BTreeMap;

use domain::account::AccountEvent;
use domain::delivery::DeliveryEvent;
use domain::integration::IntegrationEvent;
use domain::ledger::{Ledger, LedgerEvent};
use domain::resource::ResourceEvent;
use domain::{AccountId, Credits, ItemMapping, ResolutionCode};
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};

use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, Unfinished, handles};
use crate::app::log_and_views::LogAndViews;
use waking::Waiting;

/// Puts deliveries back in the queue that waited for a mapping, an activation, a login, access to a store or credits, and has
/// orders read whose stores could not be accessed.
pub(super) struct Fixes {
    data: LogAndViews,
    /// Accounts to which attempts gave credits back, and where.
    returned: BTreeMap<AccountId, Position>,
    /// Accounts whose deliveries lacked credits, and where the last one began to wait.
    short_of_credits: BTreeMap<AccountId, Position>,
    /// The position at which this began to follow: what waits of other accounts began to wait before.
    began_at: Position,
}

impl ProcessManager for Fixes {
    const NAME: &'static str = "fixes";

    handles! { |fixes, event| {
        ("integration", "integration_activated") AnyEvent::Integration(IntegrationEvent::IntegrationActivated {}) => {
            fixes.wake_of_integration(event, &[ResolutionCode::IntegrationInactive], None).await
        },
        ("integration", "store_access_saved") AnyEvent::Integration(IntegrationEvent::StoreAccessSaved { .. }) => {
            fixes.wake_of_integration(event, &[ResolutionCode::StoreAccessMissing], None).await?;
            fixes.wake_reads(event, ResolutionCode::StoreAccessMissing).await
        },
        // An order that waits for a missing asset waits for the right mapping, not for the end of the wrong one.
        ("integration", "item_mapping_added") AnyEvent::Integration(IntegrationEvent::ItemMappingAdded { mapping }) => {
            let codes = [ResolutionCode::NoItemMapping, ResolutionCode::AssetNotFound];
            fixes.wake_of_integration(event, &codes, Some(mapping)).await
        },
        ("account", "cortex_credentials_saved") AnyEvent::Account(AccountEvent::CortexCredentialsSaved { .. }) => {
            fixes.wake_of_account(event, ResolutionCode::MissingCredentials).await
        },
        ("ledger", "credits_granted") AnyEvent::Ledger(LedgerEvent::CreditsGranted { .. }) => {
            fixes.wake_of_account(event, ResolutionCode::CreditsExhausted).await
        },
        ("ledger", "reservation_settled") AnyEvent::Ledger(LedgerEvent::ReservationSettled { returned, .. }) => {
            if let Some(account_id) = event.account_id.filter(|_| *returned > Credits::ZERO) {
                fixes.returned.insert(account_id, event.position);
            }
            Ok(())
        },
        ("delivery", "action_required") AnyEvent::Delivery(DeliveryEvent::ActionRequired { code, decided_on, .. }) => {
            fixes.wake_if_fixed_meanwhile(event, *code, *decided_on).await
        },
        ("delivery", "order_fetch_failed") AnyEvent::Delivery(DeliveryEvent::OrderFetchFailed { code, decided_on, .. }) => {
            match code.zip(*decided_on) {
                Some((code, decided_on)) => fixes.wake_if_fixed_meanwhile(event, code, Some(decided_on)).await,
                None => Ok(()),
            }
        },
        ("resource", "order_read_failed") AnyEvent::Resource(ResourceEvent::OrderReadFailed(failed)) => {
            fixes.wake_read_if_fixed_meanwhile(event, failed).await
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        let data = needs.data.clone();
        Some(Self { data, returned: BTreeMap::new(), short_of_credits: BTreeMap::new(), began_at: Position::START })
    }

    async fn begin(&mut self, position: Position) -> Result<(), Failure> {
        (self.returned, self.short_of_credits) = (BTreeMap::new(), BTreeMap::new());
        self.began_at = position;
        Ok(())
    }

    /// Credits that attempts gave back let as many deliveries go on as they are enough for.
    async fn after_batch(&mut self) -> Result<(), Unfinished> {
        while let Some((account_id, position)) = self.returned.first_key_value() {
            let (account_id, position) = (*account_id, *position);
            let woken = self.wake_for_returned_credits(account_id, position).await;
            woken.map_err(|failure| Unfinished { position, failure })?;
            self.returned.remove(&account_id);
        }
        Ok(())
    }

    fn forget(&mut self, position: Position) {
        self.returned.retain(|_, returned_at| *returned_at != position);
    }
}

impl Fixes {
    async fn wake_of_integration(
        &self,
        event: &Recorded,
        codes: &[ResolutionCode],
        mapping: Option<&ItemMapping>,
    ) -> Result<(), Failure> {
        let Some(account_id) = event.account_id else { return Ok(()) };
        for code in codes {
            let of_account = Waiting::all(*code, account_id, event.position);
            let waiting = Waiting { integration_id: event.integration_id, ..of_account };
            self.wake(waiting, event.position, mapping).await?;
        }
        Ok(())
    }

    async fn wake_of_account(&self, event: &Recorded, code: ResolutionCode) -> Result<(), Failure> {
        let Some(account_id) = event.account_id else { return Ok(()) };
        self.wake(Waiting::all(code, account_id, event.position), event.position, None).await
    }

    async fn wake_for_returned_credits(&self, account_id: AccountId, position: Position) -> Result<(), Failure> {
        let ledger: Ledger = self.data.log.load(account_id).await?.aggregate;
        let enough_for = ledger.available().0 / Credits::OF_A_SHARE.0;
        if enough_for == 0 {
            return Ok(());
        }
        // Those that began to wait later are checked when they do.
        let began_by = self.short_of_credits.get(&account_id).copied().unwrap_or(self.began_at);
        let all = Waiting::all(ResolutionCode::CreditsExhausted, account_id, began_by);
        self.wake(Waiting { at_most: enough_for, ..all }, position, None).await
    }
}
