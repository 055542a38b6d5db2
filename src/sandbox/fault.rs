//! Failures on demand: a list of what shall go wrong, used up in its order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::control::ControlError;
use super::operation::{On, Operation};

const MAX_SCRIPTS: usize = 1_000;
const MAX_TIMES: u32 = 1_000_000;
const MAX_DELAY_MS: u64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Returns 500 and does nothing.
    #[serde(rename = "error_500")]
    Error500,
    /// Returns 429 with `Retry-After: 1` and does nothing.
    RateLimit,
    /// Closes the connection without an answer and does nothing.
    DropConnection,
    /// Does nothing and does not answer until the caller gives up, or a minute has passed.
    Timeout,
    /// Waits in real time, then does and responds as usual.
    #[serde(rename = "delayMs")]
    DelayMs(u64),
    /// Returns 500, and does the thing later all the same, in real time.
    #[serde(rename = "lateMs")]
    LateMs(u64),
    /// Does the thing, then returns 500.
    #[serde(rename = "after_effect_500")]
    AfterEffect500,
    /// Returns something that is not in the protocol and does nothing.
    Nonsense,
    /// Refuses, well-formed, with a code that the protocol does not have, and does nothing.
    UnknownRefusal,
}

/// One entry of the list: the next `times` calls that `operation` covers meet `fault`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    pub operation: On,
    pub fault: Fault,
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Default)]
pub(super) struct Faults(VecDeque<FaultScript>);

impl Faults {
    pub(super) fn add(&mut self, script: FaultScript) -> Result<(), ControlError> {
        if self.0.len() >= MAX_SCRIPTS {
            return Err(ControlError::Full { limit: MAX_SCRIPTS });
        }
        if !(1..=MAX_TIMES).contains(&script.times) {
            return Err(ControlError::OutOfBounds("times is 1 to 1000000"));
        }
        if matches!(script.fault, Fault::DelayMs(ms) | Fault::LateMs(ms) if ms > MAX_DELAY_MS) {
            return Err(ControlError::OutOfBounds("delayMs and lateMs are at most 60000"));
        }
        self.0.push_back(script);
        Ok(())
    }

    /// What this call meets: the first entry that covers it, used up by one.
    pub(super) fn next(&mut self, operation: Operation) -> Option<Fault> {
        let index = self.0.iter().position(|script| script.operation.covers(operation))?;
        let script = &mut self.0[index];
        let fault = script.fault;
        script.times -= 1;
        if script.times == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }

    pub(super) fn pending(&self) -> Vec<FaultScript> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_up_in_their_order() {
        let mut faults = Faults::default();
        for (operation, fault, times) in [
            (On::Only(Operation::Share), Fault::Error500, 2),
            (On::Any, Fault::RateLimit, 1),
            (On::Only(Operation::Share), Fault::DelayMs(5), 1),
        ] {
            faults.add(FaultScript { operation, fault, times }).unwrap();
        }
        assert_eq!(faults.next(Operation::Share), Some(Fault::Error500));
        assert_eq!(faults.next(Operation::Login), Some(Fault::RateLimit));
        assert_eq!(faults.next(Operation::Login), None);
        assert_eq!(faults.next(Operation::Share), Some(Fault::Error500));
        assert_eq!(faults.next(Operation::Share), Some(Fault::DelayMs(5)));
        assert_eq!(faults.next(Operation::Share), None);
    }

    #[test]
    fn a_script_is_bounded() {
        let mut faults = Faults::default();
        for (fault, times) in [(Fault::Timeout, 0), (Fault::Timeout, 1_000_001), (Fault::DelayMs(60_001), 1)] {
            let refused = faults.add(FaultScript { operation: On::Any, fault, times }).unwrap_err();
            assert!(matches!(refused, ControlError::OutOfBounds(_)), "{refused:?}");
        }
        let script = FaultScript { operation: On::Any, fault: Fault::Timeout, times: 1 };
        for _ in 0..MAX_SCRIPTS {
            faults.add(script).unwrap();
        }
        assert_eq!(faults.add(script), Err(ControlError::Full { limit: MAX_SCRIPTS }));
    }
}
