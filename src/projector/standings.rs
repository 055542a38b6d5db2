//! Where each view stands, as this node knows it.

use std::collections::HashMap;

use event_log::Position;
use event_log::recorded::Cursor;
use projections::View;

/// Where a view stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The last event that is in it.
    At(Cursor),
    /// Its tables are of another version, which moves them along or rebuilds them.
    OfOtherVersion(Cursor),
    /// Of another log, or of this one before it lost its end. It is rebuilt, and not read until then.
    OfOtherLog,
}

impl Default for Standing {
    fn default() -> Self {
        Self::At(Cursor::START)
    }
}

/// Where every view stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standings(HashMap<View, Standing>);

impl Standings {
    /// The position of the last event of this log that is in a view.
    pub fn position(&self, view: View) -> Position {
        match self.0.get(&view) {
            Some(Standing::At(cursor) | Standing::OfOtherVersion(cursor)) => cursor.position,
            Some(Standing::OfOtherLog) | None => Position::START,
        }
    }

    /// True where that is news.
    pub(super) fn set(&mut self, view: View, standing: Standing) -> bool {
        self.0.insert(view, standing.clone()).is_none_or(|known| known != standing)
    }

    /// A view stands here since it was switched; true where that is news. Never back: the follower may have moved it on
    /// since, waits for the next event now, and would not come back for one that it has applied.
    pub(super) fn set_switched(&mut self, view: View, cursor: &Cursor) -> bool {
        let is_further = matches!(self.0.get(&view), Some(Standing::At(known)) if known.position > cursor.position);
        !is_further && self.set(view, Standing::At(cursor.clone()))
    }

    pub(super) fn of_other_log(&self) -> Vec<View> {
        self.which(|standing| *standing == Standing::OfOtherLog)
    }

    /// The views that this node may not move along.
    pub(super) fn resting(&self) -> Vec<View> {
        self.which(|standing| !matches!(standing, Standing::At(_)))
    }

    pub(super) fn all_move(&self) -> bool {
        self.resting().is_empty()
    }

    fn which(&self, is_meant: impl Fn(&Standing) -> bool) -> Vec<View> {
        View::ALL.into_iter().filter(|view| self.0.get(view).is_some_and(&is_meant)).collect()
    }

    /// The views that are furthest behind, where they stand, and where the next ones stand, if not all stand there.
    pub(super) fn furthest_behind(&self) -> Option<(Cursor, Vec<View>, Option<Position>)> {
        let moving = self.0.values().filter_map(|standing| match standing {
            Standing::At(cursor) => Some(cursor),
            Standing::OfOtherVersion(_) | Standing::OfOtherLog => None,
        });
        let first = moving.clone().min_by_key(|cursor| cursor.position)?.clone();
        let next = moving.map(|cursor| cursor.position).filter(|position| *position > first.position).min();
        let views = self.which(|standing| *standing == Standing::At(first.clone()));
        Some((first, views, next))
    }
}

#[cfg(test)]
mod tests {
    use projections::{accounts, notices};

    use super::*;

    fn at(position: i64) -> Standing {
        Standing::At(Cursor { position: Position(position), hash: position.to_be_bytes().to_vec() })
    }

    #[test]
    fn a_switch_that_is_known_late_sets_no_view_back() {
        let mut standings = Standings::default();
        standings.set(accounts::VIEW, at(7));
        let Standing::At(earlier) = at(5) else { unreachable!("at(…) is At") };
        assert!(!standings.set_switched(accounts::VIEW, &earlier));
        assert_eq!(standings.position(accounts::VIEW), Position(7));
        standings.set(accounts::VIEW, Standing::OfOtherLog);
        assert!(standings.set_switched(accounts::VIEW, &earlier));
        assert_eq!(standings.position(accounts::VIEW), Position(5));
    }

    #[test]
    fn those_that_are_furthest_behind_go_first_and_meet_the_others() {
        let mut standings = Standings::default();
        assert_eq!(standings.furthest_behind(), None);
        for view in View::ALL {
            assert!(standings.set(view, at(7)));
        }
        let (from, views, until) = standings.furthest_behind().unwrap();
        assert_eq!((from.position, views, until), (Position(7), View::ALL.to_vec(), None));
        assert!(standings.set(accounts::VIEW, at(3)) && !standings.set(accounts::VIEW, at(3)));
        standings.set(notices::VIEW, Standing::OfOtherLog);
        let (from, views, until) = standings.furthest_behind().unwrap();
        assert_eq!((from.position, views, until), (Position(3), vec![accounts::VIEW], Some(Position(7))));
        assert_eq!(
            (standings.of_other_log(), standings.position(notices::VIEW)),
            (vec![notices::VIEW], Position::START)
        );
    }
}
