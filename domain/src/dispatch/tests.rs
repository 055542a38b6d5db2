//! The rules of a dispatch, as given, when, then.

mod fixtures;
mod laws;
mod stored;

use chrono::TimeDelta;
use cqrs_es::Aggregate as _;
use uuid::Uuid;

use self::fixtures::*;
use super::{
    AttemptOutcome, Dispatch, DispatchCommand, DispatchEvent, DispatchRefusal, DispatchStatus, Message, NewAttempt,
    RedriveCause, ResponseBody, SkipCause,
};
use crate::endpoint::{EndpointCommand, MessageFailure, RetryPolicy};
use crate::event::EventSourced as _;
use crate::schedule::FAILURE_DELAYS;
use crate::{EndpointId, Private};

#[test]
fn a_probe_that_fails_leaves_the_schedule_where_it_was() {
    let probe = |attempt| NewAttempt { probe: true, ..fails(attempt) };
    let probed = |event| with(event, |attempted| attempted.probe = true);
    let mut history = all_failed(7);
    let waits_until = fold(history.clone()).next_attempt_at();
    for attempt in 8..30 {
        let events = fold(history.clone()).decide(record(probe(attempt))).unwrap();
        history.extend(events);
    }
    let probed_often = fold(history);
    assert_eq!((probed_often.next_attempt_at(), probed_often.failures()), (waits_until, 7));
    given(all_failed(7))
        .when(record(NewAttempt { probe: true, ..succeeds(8) }))
        .then_expect_events(vec![probed(delivered(8))]);
    given([]).when(record(probe(1))).then_expect_events(vec![failed(1, 1)]);
}

#[test]
fn what_is_sent_early_since_its_endpoint_responds_again_keeps_its_schedule_where_it_fails() {
    let at = noon() + TimeDelta::minutes(5);
    let recovered = DispatchEvent::Redriven { cause: RedriveCause::Recovered, retry_at: at };
    let waits_until = fold(all_failed(7)).next_attempt_at().unwrap();
    let before = fold([all_failed(7), vec![recovered.clone()]].concat());
    assert_eq!(before.next_attempt_at(), Some(at));
    let events = before.decide(record(NewAttempt { now: at, ..fails(8) })).unwrap();
    let after = fold([all_failed(7), vec![recovered], events].concat());
    assert_eq!((after.next_attempt_at(), after.failures(), after.next_attempt()), (Some(waits_until), 7, 9));
    assert_eq!(after.consequence(&before), None, "it says nothing of the endpoint");
    let last = after.decide(record(NewAttempt { now: waits_until, ..fails(9) })).unwrap();
    let [DispatchEvent::Attempted(last)] = &last[..] else { panic!("it is an attempt") };
    assert_eq!((last.outcome, last.probe), (AttemptOutcome::DeadLettered, false));
}

#[test]
fn what_its_receiver_put_off_is_not_sent_sooner_when_the_endpoint_responds_again() {
    let hour = TimeDelta::hours(1);
    let events = Dispatch::default().decide(record(NewAttempt { retry_after: Some(hour), ..fails(1) })).unwrap();
    let put_off = fold(events.clone());
    assert_eq!((put_off.next_attempt_at(), put_off.not_before()), (Some(noon() + hour), Some(noon() + hour)));
    let redrive = |cause| DispatchCommand::Redrive { cause, retry_at: noon() };
    given(events.clone()).when(redrive(RedriveCause::Recovered)).then_expect_events(vec![]);
    let wanted = DispatchEvent::Redriven { cause: RedriveCause::Operator, retry_at: noon() };
    given(events).when(redrive(RedriveCause::Operator)).then_expect_events(vec![wanted]);
}

#[test]
fn a_message_that_is_delivered_at_once_is_one_event() {
    given([]).when(record(succeeds(1))).then_expect_events(vec![delivered(1)]);
    let dispatch = fold([delivered(1)]);
    assert_eq!((dispatch.status(), dispatch.next_attempt_at()), (DispatchStatus::Delivered, None));
    let message = message();
    assert_eq!(dispatch.owner("").account_id, Some(message.account_id));
    assert_eq!(dispatch.owner("").integration_id, message.integration_id);
}

#[test]
fn a_failed_attempt_is_made_again_when_the_schedule_says() {
    given([]).when(record(fails(1))).then_expect_events(vec![failed(1, 1)]);
    given([failed(1, 1)]).when(record(fails(2))).then_expect_events(vec![failed(2, 5)]);
    given([failed(1, 1), failed(2, 5)]).when(record(succeeds(3))).then_expect_events(vec![delivered(3)]);
    let dispatch = fold([failed(1, 1)]);
    assert_eq!(dispatch.status(), DispatchStatus::Retrying);
    assert_eq!(dispatch.next_attempt_at(), Some(noon() + TimeDelta::seconds(1)));
    assert_eq!((dispatch.failures(), dispatch.next_attempt()), (1, 2));
    assert_eq!(fold([failed(1, 1), delivered(2)]).failures(), 0);
}

#[test]
fn the_eighth_failure_makes_a_dead_letter() {
    let seven = all_failed(7);
    assert_eq!(fold(seven.clone()).next_attempt_at(), Some(noon() + FAILURE_DELAYS[6]));
    given(seven.clone()).when(record(fails(8))).then_expect_events(vec![dead_lettered(8)]);
    let dead = fold([seven, vec![dead_lettered(8)]].concat());
    assert_eq!((dead.status(), dead.next_attempt_at()), (DispatchStatus::DeadLetter, None));
}

#[test]
fn cloud_elements_is_sent_ten_times_by_the_time_of_the_first_failure() {
    let of = |attempt, seconds| NewAttempt {
        policy: RetryPolicy::CloudElements,
        now: noon() + TimeDelta::seconds(seconds),
        ..fails(attempt)
    };
    let mut dispatch = Dispatch::default();
    let mut seconds = 0;
    for attempt in 1..=10 {
        let [DispatchEvent::Attempted(attempted)] = &dispatch.decide(record(of(attempt, seconds))).unwrap()[..] else {
            panic!("it is an attempt")
        };
        dispatch.apply(DispatchEvent::Attempted(attempted.clone()));
        seconds = match attempted.outcome {
            AttemptOutcome::Failed { retry_at } => (retry_at - noon()).num_seconds(),
            AttemptOutcome::DeadLettered => break,
            AttemptOutcome::Delivered => panic!("it failed"),
        };
        assert_eq!(seconds, 4_i64.pow(attempt));
    }
    assert_eq!((dispatch.failures(), dispatch.status()), (10, DispatchStatus::DeadLetter));
}

#[test]
fn what_is_no_2xx_or_broke_off_has_failed() {
    let outcome = |status: Option<u16>, reason: Option<&str>| {
        let attempt = NewAttempt { status, reason: reason.map(str::to_owned), ..succeeds(1) };
        fold(Dispatch::default().decide(record(attempt)).unwrap()).status()
    };
    for status in [200, 201, 204, 299] {
        assert_eq!(outcome(Some(status), None), DispatchStatus::Delivered);
    }
    for status in [100, 199, 300, 304, 404, 410, 500] {
        assert_eq!(outcome(Some(status), None), DispatchStatus::Retrying);
    }
    assert_eq!(outcome(None, None), DispatchStatus::Retrying);
    assert_eq!(outcome(Some(200), Some("the connection was lost")), DispatchStatus::Retrying);
}

#[test]
fn of_two_nodes_that_make_the_same_attempt_the_second_records_nothing() {
    for (history, attempt) in [
        (vec![failed(1, 1)], succeeds(1)),
        (vec![delivered(1)], fails(1)),
        (vec![failed(1, 1), delivered(2)], fails(2)),
        (vec![failed(1, 1), failed(2, 5)], succeeds(1)),
    ] {
        given(history).when(record(attempt)).then_expect_events(vec![]);
    }
    for (history, attempt, expected) in [(vec![], 2, 1), (vec![failed(1, 1)], 3, 2), (vec![], 0, 1)] {
        given(history).when(record(fails(attempt))).then_expect_error(DispatchRefusal::AttemptMissing { expected });
    }
    let other = Message { event_id: Uuid::from_u128(99), ..message() };
    let other = NewAttempt { message: other, ..fails(2) };
    given([failed(1, 1)]).when(record(other)).then_expect_error(DispatchRefusal::OtherMessage);
}

#[test]
fn what_is_over_takes_no_further_attempt() {
    given([delivered(1)]).when(record(succeeds(2))).then_expect_error(DispatchRefusal::AlreadyDelivered);
    let dead = [all_failed(7), vec![dead_lettered(8)]].concat();
    given(dead).when(record(succeeds(9))).then_expect_error(DispatchRefusal::DeadLetter);
    let skipped = DispatchEvent::Skipped { cause: SkipCause::EndpointDeleted };
    given([failed(1, 1), skipped]).when(record(succeeds(2))).then_expect_error(DispatchRefusal::Skipped);
}

#[test]
fn a_redriven_message_has_the_whole_schedule_before_it() {
    let redrive = |cause| DispatchCommand::Redrive { cause, retry_at: noon() };
    let redriven = |cause| DispatchEvent::Redriven { cause, retry_at: noon() };
    let dead = [all_failed(7), vec![dead_lettered(8)]].concat();
    for cause in [RedriveCause::Operator, RedriveCause::Resumed] {
        given(dead.clone()).when(redrive(cause)).then_expect_events(vec![redriven(cause)]);
        given([failed(1, 1)]).when(redrive(cause)).then_expect_events(vec![redriven(cause)]);
        given([failed(1, 1), redriven(cause)]).when(redrive(cause)).then_expect_events(vec![]);
        given([delivered(1)]).when(redrive(cause)).then_expect_error(DispatchRefusal::AlreadyDelivered);
        given([]).when(redrive(cause)).then_expect_error(DispatchRefusal::NotAttempted);
    }
    let again = [dead, vec![redriven(RedriveCause::Operator)]].concat();
    assert_eq!(fold(again.clone()).next_attempt_at(), Some(noon()));
    given(again).when(record(fails(9))).then_expect_events(vec![failed(9, 1)]);
}

#[test]
fn what_waits_is_tried_at_once_when_its_endpoint_has_recovered_and_its_schedule_goes_on() {
    let recovered = |retry_at| DispatchCommand::Redrive { cause: RedriveCause::Recovered, retry_at };
    let redriven = DispatchEvent::Redriven { cause: RedriveCause::Recovered, retry_at: noon() };
    given(all_failed(7)).when(recovered(noon())).then_expect_events(vec![redriven.clone()]);
    let again = [all_failed(7), vec![redriven]].concat();
    assert_eq!((fold(again.clone()).next_attempt_at(), fold(again.clone()).failures()), (Some(noon()), 7));
    given(again.clone()).when(recovered(noon())).then_expect_events(vec![]);
    let kept = with(failed(8, FAILURE_DELAYS[6].num_seconds()), |attempted| attempted.probe = true);
    given(again).when(record(fails(8))).then_expect_events(vec![kept]);
    given([failed(1, 1)]).when(recovered(noon() + TimeDelta::days(1))).then_expect_events(vec![]);
    let dead = [all_failed(7), vec![dead_lettered(8)]].concat();
    given(dead).when(recovered(noon())).then_expect_error(DispatchRefusal::DeadLetter);
    given([delivered(1)]).when(recovered(noon())).then_expect_error(DispatchRefusal::AlreadyDelivered);
}

#[test]
fn a_dead_letter_is_skipped_for_a_later_one_and_anything_open_with_its_endpoint() {
    let skip = |cause| DispatchCommand::Skip { cause };
    let skipped = |cause| DispatchEvent::Skipped { cause };
    let (superseded, deleted) = (SkipCause::Superseded, SkipCause::EndpointDeleted);
    let dead = [all_failed(7), vec![dead_lettered(8)]].concat();
    given(dead.clone()).when(skip(superseded)).then_expect_events(vec![skipped(superseded)]);
    given(dead).when(skip(deleted)).then_expect_events(vec![skipped(deleted)]);
    given([failed(1, 1)]).when(skip(superseded)).then_expect_error(DispatchRefusal::StillRetrying);
    given([failed(1, 1)]).when(skip(deleted)).then_expect_events(vec![skipped(deleted)]);
    given([failed(1, 1), skipped(deleted)]).when(skip(superseded)).then_expect_events(vec![]);
    given([delivered(1)]).when(skip(deleted)).then_expect_error(DispatchRefusal::AlreadyDelivered);
    let redrive = DispatchCommand::Redrive { cause: RedriveCause::Operator, retry_at: noon() };
    given([failed(1, 1), skipped(deleted)]).when(redrive).then_expect_error(DispatchRefusal::Skipped);
    assert_eq!(fold([failed(1, 1), skipped(deleted)]).status(), DispatchStatus::Skipped);
}

#[test]
fn an_attempt_keeps_what_is_known_of_it() {
    let attempt = NewAttempt {
        address: Some("203.0.113.7:443".to_owned()),
        reason: Some("ü".repeat(500)),
        response: ResponseBody::of(b"no"),
        ..fails(1)
    };
    let event = with(failed(1, 1), |attempted| {
        attempted.address = Some("203.0.113.7:443".to_owned());
        attempted.reason = Some("ü".repeat(200));
        attempted.response = Some(Private::Known(ResponseBody::Text("no".to_owned())));
    });
    given([]).when(record(attempt)).then_expect_events(vec![event]);
}

#[test]
fn an_attempt_means_something_for_its_endpoint_from_the_third_failure_on() {
    let consequence = |history: Vec<DispatchEvent>, attempt| {
        let before = fold(history);
        let mut after = before.clone();
        before.decide(record(attempt)).unwrap().into_iter().for_each(|event| after.apply(event));
        after.consequence(&before)
    };
    let of = |command| Some((EndpointId(Uuid::from_u128(5)), command));
    let failure = |failures, status: u16| {
        let reason = Some(format!("answered {status}"));
        of(EndpointCommand::RecordFailure(MessageFailure { failures, since: noon(), status: Some(status), reason }))
    };
    for attempt in 1..=8 {
        let expected = (attempt >= 3).then(|| failure(attempt, 503)).flatten();
        assert_eq!(consequence(all_failed(attempt - 1), fails(attempt)), expected);
    }
    assert_eq!(consequence(vec![], fails_with(1, 410)), failure(1, 410));
    for failures in [0, 1, 7] {
        let success = of(EndpointCommand::RecordSuccess { failures });
        assert_eq!(consequence(all_failed(failures), succeeds(failures + 1)), success);
    }
    assert_eq!(consequence(vec![delivered(1)], succeeds(1)), None, "it was recorded before");
    let dead = fold([all_failed(7), vec![dead_lettered(8)]].concat());
    let mut redriven = dead.clone();
    redriven.apply(DispatchEvent::Redriven { cause: RedriveCause::Operator, retry_at: noon() });
    assert_eq!(redriven.consequence(&dead), None);
    let redriven =
        [all_failed(5), vec![DispatchEvent::Redriven { cause: RedriveCause::Operator, retry_at: noon() }]].concat();
    let success = of(EndpointCommand::RecordSuccess { failures: 5 });
    assert_eq!(consequence(redriven, succeeds(6)), success, "a warning was about those before it was redriven");
}
