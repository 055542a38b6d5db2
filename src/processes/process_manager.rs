//! What a process manager is: the kinds of events that it follows, and what it does about each.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::Position;
use event_log::recorded::Recorded;

use super::Dependencies;
use super::failure::Failure;

/// A kind of stream and a type of event.
pub(super) type Kind = (&'static str, &'static str);

/// One concern. It reads the kinds of events that it follows, in order, and responds to them
/// with commands. All of them are idempotent: an event may come again after a crash, and from another node.
pub(super) trait ProcessManager: Sized + Send + 'static {
    /// Also the name of its checkpoint.
    const NAME: &'static str;
    /// What it follows. `KINDS` and `handle` come from one list: see [`handles`].
    const KINDS: &'static [Kind];
    /// How long it rests before it reads on, where nothing of what it does is waited for.
    const REST: Duration = Duration::ZERO;

    /// None where this node is not to run it.
    fn new(needs: &Dependencies) -> Option<Self>;

    /// What it knows is of no use any more: it goes on from here, after a start, from where another node was, or from the
    /// first event of another log.
    fn begin(&mut self, _position: Position) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }

    /// Handles an event.
    fn handle(&mut self, event: &Recorded) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Handles the events of a batch together. What fails is left, and tried again with the next call.
    fn after_batch(&mut self) -> impl Future<Output = Result<(), Unfinished>> + Send {
        std::future::ready(Ok(()))
    }

    /// The event at this position was parked: what is left of it is not tried again with the next batch.
    fn forget(&mut self, _position: Position) {}

    /// When it has something to do whatever happens, if it ever has. `head` is the position of the newest event.
    fn due_at(&self, _head: Position) -> Option<DateTime<Utc>> {
        None
    }

    /// Does what is due. What fails is due again a moment later.
    fn do_what_is_due(&mut self) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }

    /// Whether there is an arm for this event.
    #[cfg(test)]
    fn follows(event: &event_log::recorded::AnyEvent) -> bool;
}

/// What was left of a batch, and after which event.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) position: Position,
    pub(super) failure: Failure,
}

/// Writes `KINDS` and `handle` of a process manager: each arm names a kind of event as it is stored, beside the pattern of
/// it, so that nothing is handled which is not followed, and nothing followed which is not handled. A test holds the name
/// and the pattern of every arm together.
macro_rules! handles {
    (|$manager:ident, $event:ident| { $(($stream:literal, $kind:literal) $of:pat => $does:expr,)+ }) => {
        const KINDS: &'static [$crate::processes::process_manager::Kind] = &[$(($stream, $kind)),+];

        #[allow(clippy::wildcard_enum_match_arm, reason = "nothing else is read: a process manager names what it follows")]
        async fn handle(&mut self, $event: &event_log::recorded::Recorded) -> Result<(), $crate::processes::failure::Failure> {
            let $manager = self;
            match &$event.event {
                $($of => $does,)+
                _ => Ok(()),
            }
        }

        #[cfg(test)]
        #[allow(unused_variables, reason = "what a pattern binds is for its arm")]
        fn follows(event: &event_log::recorded::AnyEvent) -> bool {
            $(matches!(event, $of))||+
        }
    };
}
pub(super) use handles;
