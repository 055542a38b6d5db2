//! Writing out what is known of a customer, for the customer: some at a time, each part recorded before it is returned.

use domain::operator_action::OperatorActionEvent;
use domain::{AccountId, NoticeId};
use event_log::Position;
use projections::delivery_log::DeliveryRow;
use projections::delivery_log::personal::{self, Subject};
use projections::notices::KeptNotice;
use serde_json::Value;

use super::data_requests::{self, DataRequest};
use super::{Erasure, Held, Named, by_account, extent, notices, personal_data};
use crate::app::error::{Error, Refused};
use crate::app::log_and_views::LogAndViews;
use crate::app::operator_actions;
use crate::app::viewer::Viewer;

/// Deliveries that are written out at a time, and other webhooks.
const MAX_AT_ONCE: i64 = 10;
/// Raw bodies of a part, in bytes, after which no more is added to it.
const MAX_BYTES_AT_ONCE: usize = 2 * 1_024 * 1_024;

/// Whose data is written out: a customer who is named, or whom a store's question is about.
pub struct ExportRequest {
    pub customer: Option<String>,
    /// The id of the store's question.
    pub data_request: Option<String>,
    /// None for the caller's own account, or for all where the caller sees all.
    pub account_id: Option<String>,
    /// Where the part before ended; the start for the first.
    pub after: Position,
}

/// A part of what is known of a customer.
pub struct Exported {
    /// Deliveries of the customer, in all parts together.
    pub matched: i64,
    /// Whom the store's question is about, as the store knows them.
    pub email: Option<String>,
    pub customer_id: Option<String>,
    pub deliveries: Vec<Value>,
    pub other_webhooks: Vec<Value>,
    /// Where the next part begins, if there is one.
    pub end: Option<Position>,
}

impl Erasure {
    pub async fn export_personal_data(&self, viewer: &Viewer, request: ExportRequest) -> Result<Exported, Error> {
        viewer.require_reason()?;
        let after = request.after;
        let (subject, question) = match (request.customer, request.data_request) {
            (Some(customer), None) => {
                let account_id = viewer.scope_within(request.account_id)?;
                (Named::either(Some(customer), None)?.subject(self, account_id).await?, None)
            }
            (None, Some(id)) => {
                let (id, question) = self.question(viewer, &id).await?;
                (data_requests::subject_of(self, &question.received, &question.customer).await?, Some((id, question)))
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(Refused::new("INVALID_INPUT", "give either customer or dataRequest", None).into());
            }
        };
        let extent = extent(self, &subject).await?;
        let (question_id, question) = question.unzip();
        let Part { rows, others, end } = Part::of(&self.data, &subject, after).await?;
        let Written { rows, others, deliveries, other_webhooks, end } =
            Written::of(&self.data, rows, others, end).await?;
        if rows.is_empty() && others.is_empty() && after.is_start() && question.is_none() {
            return Err(Refused::new("NOT_FOUND", "nothing is known of this customer", Some("customer")).into());
        }
        // Before anything is shown: what cannot be recorded is not shown.
        self.record_export(viewer, (&rows, &others), question_id, question.as_ref()).await?;
        Ok(Exported {
            matched: extent.deliveries,
            email: question.as_ref().and_then(|question| question.customer.email.clone()),
            customer_id: question.and_then(|question| question.customer.customer_id),
            deliveries,
            other_webhooks,
            end,
        })
    }

    /// A store's question that the caller may answer.
    async fn question(&self, viewer: &Viewer, id: &str) -> Result<(NoticeId, DataRequest), Error> {
        let not_found = || Refused::not_found("dataRequest");
        let id: NoticeId = id.parse().map_err(|_| not_found())?;
        let found = data_requests::find(self, &id.to_string()).await?;
        let seen = found.filter(|found| viewer.sees(&found.received.account_id.to_string()));
        Ok((id, seen.ok_or_else(not_found)?))
    }

    async fn record_export(
        &self,
        viewer: &Viewer,
        (rows, others): (&[DeliveryRow], &[KeptNotice]),
        question_id: Option<NoticeId>,
        question: Option<&DataRequest>,
    ) -> Result<(), Error> {
        let mut parts = by_account(rows, others);
        if let Some(question) = question {
            // That nothing is known is an answer, too.
            parts.entry(question.received.account_id.to_string()).or_default();
        }
        let mut last = None;
        for (account_id, Held { deliveries, other_webhooks, published_events }) in parts {
            let Ok(account) = account_id.parse::<AccountId>() else { continue };
            let exported = OperatorActionEvent::PersonalDataExported {
                account_id: account,
                deliveries,
                other_webhooks,
                published_events,
                data_request: question_id,
            };
            let actor = viewer.actor(Some(&account_id));
            let (_, position) = operator_actions::begin(&self.data.log, exported, &actor).await?;
            last = position.max(last);
        }
        self.data.wait_for_views(last).await;
        Ok(())
    }
}

/// Some of what names a customer, in the order of the log.
struct Part {
    rows: Vec<DeliveryRow>,
    others: Vec<KeptNotice>,
    /// Where the next part begins, if there is one.
    end: Option<Position>,
}

impl Part {
    async fn of(data: &LogAndViews, subject: &Subject, after: Position) -> Result<Self, Error> {
        let mut rows = personal::deliveries(&data.views, subject, after, MAX_AT_ONCE).await?;
        let naming = notices::naming_customer(subject);
        let mut others = projections::notices::page(&data.views, &naming, after, MAX_AT_ONCE).await?;
        let is_full = |many: usize| i64::try_from(many).is_ok_and(|many| many >= MAX_AT_ONCE);
        let ends = [
            rows.last().filter(|_| is_full(rows.len())).map(|row| row.listed_at),
            others.last().filter(|_| is_full(others.len())).map(|row| row.listed_at),
        ];
        let end = ends.into_iter().flatten().min();
        if let Some(end) = end {
            rows.retain(|row| row.listed_at <= end);
            others.retain(|row| row.listed_at <= end);
        }
        Ok(Self { rows, others, end })
    }
}

/// As much of a part as is written out at a time, with its raw bodies.
#[derive(Default)]
struct Written {
    rows: Vec<DeliveryRow>,
    others: Vec<KeptNotice>,
    deliveries: Vec<Value>,
    other_webhooks: Vec<Value>,
    end: Option<Position>,
}

/// Some of what a part has.
enum Piece {
    Delivery(Box<DeliveryRow>),
    Other(KeptNotice),
}

impl Written {
    /// In the order of the log, until the bodies together are large: then the next part begins there.
    async fn of(
        data: &LogAndViews,
        rows: Vec<DeliveryRow>,
        others: Vec<KeptNotice>,
        end: Option<Position>,
    ) -> Result<Self, Error> {
        let rows = rows.into_iter().map(|row| (row.listed_at, Piece::Delivery(Box::new(row))));
        let others = others.into_iter().map(|row| (row.listed_at, Piece::Other(row)));
        let mut pieces: Vec<_> = rows.chain(others).collect();
        pieces.sort_by_key(|(listed_at, _)| *listed_at);
        let (mut written, mut bytes, mut last) = (Self { end, ..Self::default() }, 0, None);
        for (listed_at, piece) in pieces {
            if bytes >= MAX_BYTES_AT_ONCE {
                written.end = last;
                break;
            }
            last = Some(listed_at);
            match piece {
                Piece::Delivery(row) => {
                    let (value, size) = personal_data::of_delivery(&data.log, &row).await?;
                    bytes += size;
                    written.deliveries.push(value);
                    written.rows.push(*row);
                }
                Piece::Other(row) => {
                    if let Some((value, size)) = personal_data::of_notice(&data.log, &row).await? {
                        bytes += size;
                        written.other_webhooks.push(value);
                    }
                    written.others.push(row);
                }
            }
        }
        Ok(written)
    }
}
