//! Moments that a clock which was ahead has set, and moments that a person moves.

use chrono::TimeDelta;

use super::fixtures::*;
use crate::ResolutionCode;
use crate::delivery::DeliveryEvent::HandedBack;
use crate::delivery::{DeliveryCommand, DeliveryEvent, DeliveryRefusal, MoveCause, schedule};

fn pull_back(seconds: i64) -> DeliveryCommand {
    DeliveryCommand::PullBack { now: after(seconds) }
}

fn moved(seconds: i64, cause: MoveCause) -> DeliveryEvent {
    DeliveryEvent::WaitMoved { until: after(seconds), cause }
}

fn waits(code: ResolutionCode, until: i64) -> DeliveryEvent {
    DeliveryEvent::RetryScheduled { code, due_at: after(until), call: None }
}

const DAY: i64 = 24 * 60 * 60;

#[test]
fn a_lease_that_ends_later_than_it_may_last_is_cut_to_its_length() {
    // It began at noon and lasts a minute; now it is a day before.
    let cut = moved(60 - DAY, MoveCause::ClockWasAhead);
    given(running()).when(pull_back(-DAY)).then_expect_events(vec![cut.clone()]);
    given(running()).when(pull_back(-4)).then_expect_events(vec![]);
    given(running_and([cut]))
        .when(start_at(after(60 - DAY), facts()))
        .then_expect_events(vec![started_at(2, 120 - DAY)]);
}

#[test]
fn a_retry_further_off_than_its_own_delay_comes_after_that_delay() {
    let first_failure = running_and([waits(ResolutionCode::TemporaryFailure, DAY)]);
    let delay = schedule::longest_failure(1);
    assert_eq!(delay, TimeDelta::milliseconds(1_100));
    let events = vec![DeliveryEvent::WaitMoved { until: noon() + delay, cause: MoveCause::ClockWasAhead }];
    given(first_failure).when(pull_back(0)).then_expect_events(events);
    // The third look comes after half an hour: what is not further off stays.
    let third = [60, 360, 2_160].into_iter().flat_map(|until| [waits(ResolutionCode::NdspWaiting, until), started(2)]);
    let mut third: Vec<_> = running_and(third);
    third.pop();
    given(third.clone()).when(pull_back(2_160 - 1_900)).then_expect_events(vec![]);
    let half_an_hour = moved(1_980, MoveCause::ClockWasAhead);
    given(third).when(pull_back(0)).then_expect_events(vec![half_an_hour]);
}

#[test]
fn what_waits_for_no_moment_is_not_pulled_back() {
    given(running_and([HandedBack {}])).when(pull_back(-DAY)).then_expect_events(vec![]);
    given(running_and([action_required(ResolutionCode::NoItemMapping)]))
        .when(pull_back(-DAY))
        .then_expect_events(vec![]);
}

#[test]
fn a_person_moves_the_next_try_and_nothing_else() {
    let waiting = || running_and([waits(ResolutionCode::NdspWaiting, 60)]);
    let to = |seconds| DeliveryCommand::MoveWait { until: after(seconds), now: noon() };
    given(waiting()).when(to(DAY)).then_expect_events(vec![moved(DAY, MoveCause::Operator)]);
    given(waiting()).when(to(60)).then_expect_events(vec![]);
    given(waiting()).when(to(-1)).then_expect_error(DeliveryRefusal::MomentOutOfReach);
    given(waiting()).when(to(31 * DAY)).then_expect_error(DeliveryRefusal::MomentOutOfReach);
    given(running()).when(to(DAY)).then_expect_error(DeliveryRefusal::Running);
    given(running_and([HandedBack {}])).when(to(DAY)).then_expect_error(DeliveryRefusal::WaitsForNoMoment);
    let moved_earlier = running_and([waits(ResolutionCode::NdspWaiting, DAY), moved(30, MoveCause::Operator)]);
    given(moved_earlier).when(start_at(after(30), facts())).then_expect_events(vec![started_at(2, 90)]);
}
