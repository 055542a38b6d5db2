//! Sentences about what a store reports, and about orders that are read at their stores to be published.

use domain::ResolutionCode;
use domain::resource::ResourceEvent;

use super::{moment, of_report};

pub(super) fn of_resource(event: &ResourceEvent) -> String {
    match event {
        ResourceEvent::ResourceReported(report) => of_report(report),
        ResourceEvent::OrderAnnounced(announcement) => format!(
            "The store ({}) named order {} and said nothing of it: it is to be read at the store, and published then.",
            announcement.provider.name(),
            announcement.order_id
        ),
        ResourceEvent::OrderRead { call, .. } => format!("The order was read at its store, which {call}."),
        ResourceEvent::OrderReadFailed(failed) => {
            let what = match &failed.call {
                Some(call) => format!("the store {call}"),
                None => "no access to it is saved".to_owned(),
            };
            let next = match failed.retry_at {
                Some(at) => format!(" It is tried again at {}.", moment(at)),
                None if failed.code == ResolutionCode::StoreAccessMissing => {
                    " It is read once an access token that works is saved.".to_owned()
                }
                None => String::new(),
            };
            format!("The order could not be read at its store: {what}.{next}")
        }
        ResourceEvent::OrderReadRequested { fixed } => {
            let code = fixed.as_str();
            format!("What kept the order from being read at its store was fixed ({code}): it is read again.")
        }
        ResourceEvent::OrderReadMoved { until } => {
            format!("A clock that was ahead had set this too far off: the order is read at {}.", moment(*until))
        }
        ResourceEvent::OrderReadGivenUp { code, call } => format!(
            "The order could not be read at its store ({}; it {call}), and is not tried by itself any more: nothing is published of \
             what was announced. The next webhook about it has it read.",
            code.as_str()
        ),
    }
}
