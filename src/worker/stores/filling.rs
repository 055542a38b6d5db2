//! Reading what a store sells, part by part: each product goes into its own stream as a report with the store's own time, so that
//! webhooks and reading, in any order, end alike. What is known already is not recorded again.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::resource::{Content, Resource};
use domain::store::{CatalogueRead, Filling, Step, Store};
use domain::{ReportSource, ResourceId};
use providers::CatalogueApi;

use super::StoreWork;
use super::ended::Ended;
use crate::app::Error;
use crate::app::stores::Visit;
use crate::ingest::IngestRefusal;
use crate::ports::stores::{CallFailure, Target, api_of};

/// How long parts are read at a time: then it is said how far it has come, and other work at the store has its turn.
const READ_FOR: Duration = Duration::from_secs(10);
/// How long it may take with all its calls: less than the lease of a store lasts.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Products of a store that are read: a store that lists the same for ever is not followed.
const MAX_PRODUCTS: u32 = 200_000;

struct Reading<'a> {
    work: &'a StoreWork,
    visit: Visit<'a>,
    api: &'static dyn CatalogueApi,
    target: Target<'a>,
    began: Instant,
    began_at: DateTime<Utc>,
}

/// Goes on reading the catalogue of a store, under a lease of it. Whatever comes of it is recorded.
pub(super) async fn fill(work: &StoreWork, visit: Visit<'_>) -> Result<(), Error> {
    let store = work.data.log.load::<Store>(visit.id).await?.aggregate;
    let api = api_of(visit.link.provider).and_then(providers::StoreApi::catalogue);
    let (Some(api), Some(target), Some(filling)) = (api, visit.target(), store.filling()) else {
        return work.stores.record(&visit, visit.pause(work.data.now())).await;
    };
    let (began, began_at) = (Instant::now(), work.data.now());
    let reading = Reading { work, visit: visit.clone(), api, target, began, began_at };
    let early = match tokio::time::timeout(TIMEOUT, reading.run(filling)).await {
        Ok(Ok(read)) => {
            if read.next.is_none() {
                tracing::info!(integration = %visit.id, "the catalogue of a store was read");
            }
            return work.stores.record(&visit, Step::Read(read)).await;
        }
        Ok(Err(early)) => early,
        Err(_) => Ended::too_long(),
    };
    let Some((reason, retry_after)) = early.reason(work, &visit).await? else { return Ok(()) };
    work.stores.record(&visit, Step::NotRead { reason, now: work.data.now(), retry_after }).await
}

impl Reading<'_> {
    async fn run(&self, filling: &Filling) -> Result<CatalogueRead, Ended> {
        let (mut read, mut cursor) = (self.nothing(), filling.cursor.clone());
        loop {
            let request = self.api.list(self.target.store(), cursor.as_deref())?;
            let body = match self.work.client.call(&self.target, &request).await {
                Ok(body) => body,
                // What was read counts, and the rest is tried again.
                Err(failure @ CallFailure::Unavailable { .. }) if read.products > 0 => {
                    tracing::info!(integration = %self.visit.id, %failure, "the catalogue of a store is gone on with later");
                    break;
                }
                Err(failure) => return Err(failure.into()),
            };
            let part = self.api.listed(&body, cursor.as_deref())?;
            for webhook in part.webhooks {
                self.take_over(webhook, &mut read).await?;
            }
            if part.next.is_some() && part.next == cursor {
                return Err(Ended::Because("the list of its products has no end".to_owned()));
            }
            cursor = part.next;
            let is_enough = filling.products.saturating_add(read.products) > MAX_PRODUCTS;
            if cursor.is_none() || is_enough {
                cursor = None;
                break;
            }
            if self.began.elapsed() >= READ_FOR {
                break;
            }
        }
        Ok(CatalogueRead { next: cursor, at: self.work.data.now(), ..read })
    }

    fn nothing(&self) -> CatalogueRead {
        let (began_at, at) = (self.began_at, self.began_at);
        CatalogueRead { products: 0, collections: 0, news: 0, next: None, began_at, at }
    }

    async fn take_over(&self, (topic, body): (String, Vec<u8>), read: &mut CatalogueRead) -> Result<(), Ended> {
        let Visit { id, link, worker: _, origin } = &self.visit;
        let reports = providers::of(link.provider).reports_priced_in(Some(&topic), &body, link.currency);
        let mut is_news = false;
        for report in &reports {
            match report.content {
                Content::Product(_) => read.products = read.products.saturating_add(1),
                Content::Collection(_) => read.collections = read.collections.saturating_add(1),
                Content::Order(_) | Content::Stock(_) | Content::Customer {} | Content::Checkout(_) => {}
            }
            let resource_id = ResourceId::of(*id, report.content.kind(), &report.resource_id);
            let known = self.work.data.log.recent::<Resource>(resource_id).await;
            let known = known.map_err(|error| Ended::Failed(error.into()))?;
            is_news |= match report.changed_at {
                Some(changed_at) => !known.aggregate.has_come(changed_at),
                // Without a date it is not known whether it changed.
                None => !known.aggregate.is_known(),
            };
        }
        if !is_news {
            return Ok(());
        }
        let of = (*id, (*link).clone());
        let came_by = (ReportSource::Filling, origin.clone());
        match self.work.ingest.record_read(of, (topic, body), came_by).await {
            Ok(_) => {
                read.news = read.news.saturating_add(1);
                Ok(())
            }
            Err(IngestRefusal::Malformed(malformed)) => {
                tracing::warn!(integration = %id, %malformed, "a product cannot be taken over from its store");
                Ok(())
            }
            Err(refusal) if refusal.own_fault().is_some() => Err(Ended::Failed(Error::Unavailable)),
            Err(refusal) => Err(Ended::Because(refusal.message())),
        }
    }
}
