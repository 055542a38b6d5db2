//! Why a dispatch refuses a command.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DispatchRefusal {
    #[error("this message was not sent yet")]
    NotAttempted,
    #[error("this stream is of another message")]
    OtherMessage,
    #[error("the attempt before is not recorded: number {expected} comes next")]
    AttemptMissing { expected: u32 },
    #[error("the message is delivered already")]
    AlreadyDelivered,
    #[error("the message is a dead letter: it is sent again when it is redriven")]
    DeadLetter,
    #[error("the message was skipped, for good")]
    Skipped,
    #[error("the message is still tried: only a dead letter can be skipped for a later one")]
    StillRetrying,
}
