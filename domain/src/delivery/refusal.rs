//! Why a delivery refuses a command.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryRefusal {
    #[error("there is no such delivery")]
    UnknownDelivery,
    #[error("a worker holds the delivery at the moment")]
    Running,
    #[error(
        "only a delivery that waits for its next try can be moved: one in the queue is taken up as soon as a worker and the account's pace allow"
    )]
    WaitsForNoMoment,
    #[error("the next try can be moved to a moment within the next {} days", super::schedule::WAITS_AT_MOST.num_days())]
    MomentOutOfReach,
    #[error("the delivery is not due")]
    NotDue,
    #[error("another attempt holds the delivery, or none")]
    LeaseLost,
    #[error("the delivery was already completed")]
    AlreadyCompleted,
    #[error("the asset is not part of this attempt")]
    NotPlanned,
    #[error("not every asset was shared yet")]
    ItemsOutstanding,
    #[error("an order that is {status} is never delivered")]
    NeverDelivered { status: String },
    #[error("nothing of the order is bought any more: everything was refunded or taken off")]
    NothingBought,
    #[error("the order names no username, and another try cannot help: retry with the customer's username")]
    UsernameNeeded,
    #[error("a username must have 1 to 200 characters")]
    InvalidUsername,
}
