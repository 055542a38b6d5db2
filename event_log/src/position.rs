//! Where an event lies: among all events of the log, and in its own stream. Two types, so that neither is passed for the
//! other, or for a limit, a count or a time.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use storage::Argument;

macro_rules! ordinal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// Before the first event.
            pub const START: Self = Self(0);
            /// Of the first event.
            pub const FIRST: Self = Self(1);
            /// After every event.
            pub const MAX: Self = Self(i64::MAX);

            pub fn is_start(self) -> bool {
                self == Self::START
            }

            /// Of the event after this one.
            #[must_use]
            pub fn next(self) -> Self {
                self.plus(1)
            }

            /// Of the event before this one.
            #[must_use]
            pub fn previous(self) -> Self {
                self.minus(1)
            }

            /// Of the event so many after this one.
            #[must_use]
            pub fn plus(self, events: i64) -> Self {
                Self(self.0.saturating_add(events))
            }

            /// Of the event so many before this one.
            #[must_use]
            pub fn minus(self, events: i64) -> Self {
                Self(self.0.saturating_sub(events))
            }

            /// How many events lie after `other`, up to this one. Negative where this one lies before it.
            pub fn events_since(self, other: Self) -> i64 {
                self.0.saturating_sub(other.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<$name> for Argument {
            fn from(ordinal: $name) -> Self {
                ordinal.0.into()
            }
        }
    };
}

ordinal!(
    /// An event's place among all events: 1, 2, 3, … without a gap.
    Position
);
ordinal!(
    /// An event's place in its stream: 1, 2, 3, … without a gap.
    Sequence
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_its_number() {
        assert_eq!("7".parse(), Ok(Position(7)));
        assert_eq!(format!("{:>3}", Sequence(7)), "  7");
        assert_eq!(serde_json::to_string(&[Position(7)]).unwrap(), "[7]");
        assert_eq!(serde_json::from_str::<Sequence>("7").unwrap(), Sequence(7));
    }

    #[test]
    fn positions_count_from_the_start() {
        assert_eq!((Position::START.next(), Position::FIRST.previous()), (Position::FIRST, Position::START));
        assert_eq!(Position(9).events_since(Position(7)), 2);
        assert_eq!(Position::MAX.next(), Position::MAX);
    }
}
