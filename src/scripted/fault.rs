//! Failures on demand: a list of what shall go wrong, used up in its order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::operation::On;
use super::{ControlError, Protocol};

const MAX_SCRIPTS: usize = 1_000;
const MAX_TIMES: u32 = 1_000_000;
const MAX_DELAY_MS: u64 = 60_000;

/// One entry of the list: the next `times` calls that `operation` covers meet `fault`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript<O, F> {
    pub operation: On<O>,
    pub fault: F,
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

pub(super) type Script<P> = FaultScript<<P as Protocol>::Operation, <P as Protocol>::Fault>;

pub(super) struct Faults<P: Protocol>(VecDeque<Script<P>>);

impl<P: Protocol> Default for Faults<P> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<P: Protocol> Faults<P> {
    pub(super) fn add(&mut self, script: Script<P>) -> Result<(), ControlError> {
        if self.0.len() >= MAX_SCRIPTS {
            return Err(ControlError::Full { limit: MAX_SCRIPTS });
        }
        if !(1..=MAX_TIMES).contains(&script.times) {
            return Err(ControlError::OutOfBounds("times is 1 to 1000000"));
        }
        if P::delay_ms(script.fault).is_some_and(|delay_ms| delay_ms > MAX_DELAY_MS) {
            return Err(ControlError::OutOfBounds("delayMs and lateMs are at most 60000"));
        }
        self.0.push_back(script);
        Ok(())
    }

    /// What this call meets: the first entry that covers it, used up by one.
    pub(super) fn next(&mut self, operation: P::Operation) -> Option<P::Fault> {
        let index = self.0.iter().position(|script| script.operation.covers(&operation))?;
        let script = &mut self.0[index];
        let fault = script.fault;
        script.times -= 1;
        if script.times == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }

    pub(super) fn pending(&self) -> Vec<Script<P>> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{CortexCloud, Fault, Operation};

    #[test]
    fn faults_are_used_up_in_their_order() {
        let mut faults = Faults::<CortexCloud>::default();
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
        let mut faults = Faults::<CortexCloud>::default();
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
