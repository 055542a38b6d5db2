//! Failing endpoints: warned of, degraded or disabled, and recovered.

use super::fixtures::*;
use crate::endpoint::{DisableCause, EndpointCommand, EndpointEvent, EndpointStatus};

fn succeed(failures: u32) -> EndpointCommand {
    EndpointCommand::RecordSuccess { failures }
}

#[test]
fn an_account_is_warned_at_the_fourth_fifth_and_sixth_failure_and_the_seventh_degrades() {
    for failures in 0..4 {
        given([]).when(fail(failures)).then_expect_events(vec![]);
    }
    given([]).when(fail(4)).then_expect_events(vec![failing(50, 4)]);
    given([failing(50, 4)]).when(fail(5)).then_expect_events(vec![failing(70, 5)]);
    given([failing(70, 5)]).when(fail(6)).then_expect_events(vec![failing(90, 6)]);
    given([failing(90, 6)]).when(fail(7)).then_expect_events(vec![degraded()]);
    given([]).when(fail(7)).then_expect_events(vec![degraded()]);
    assert_eq!(fold([failing(90, 6)]).status(), Some(EndpointStatus::Enabled));
    assert_eq!(fold([degraded()]).status(), Some(EndpointStatus::Degraded));
}

#[test]
fn each_warning_comes_once_whichever_message_fails() {
    given([failing(70, 5)]).when(fail(4)).then_expect_events(vec![]);
    given([failing(70, 5)]).when(fail(5)).then_expect_events(vec![]);
    for failures in [1, 4, 6, 7, 8, u32::MAX] {
        given([degraded()]).when(fail(failures)).then_expect_events(vec![]);
    }
}

#[test]
fn a_success_recovers_a_degraded_endpoint_and_forgets_its_warnings() {
    let recovered = EndpointEvent::EndpointRecovered {};
    given([]).when(succeed(0)).then_expect_events(vec![]);
    for failures in [0, 7] {
        given([degraded()]).when(succeed(failures)).then_expect_events(vec![recovered.clone()]);
    }
    given([failing(90, 6), degraded(), recovered.clone()]).when(fail(4)).then_expect_events(vec![failing(50, 4)]);
    given([degraded(), recovered]).when(fail(7)).then_expect_events(vec![degraded()]);
}

#[test]
fn a_warning_is_taken_back_by_a_message_that_failed_as_often_and_by_no_other() {
    for failures in 0..4 {
        given([failing(50, 4)]).when(succeed(failures)).then_expect_events(vec![]);
    }
    given([failing(50, 4)]).when(succeed(4)).then_expect_events(vec![EndpointEvent::EndpointRecovered {}]);
}

#[test]
fn an_endpoint_that_is_gone_is_disabled_at_once() {
    given([]).when(fail_with(410)).then_expect_events(vec![disabled(DisableCause::Gone)]);
    given([EndpointEvent::EndpointPaused {}])
        .when(fail_with(410))
        .then_expect_events(vec![disabled(DisableCause::Gone)]);
    for again in [fail_with(410), fail(7), succeed(7)] {
        given([disabled(DisableCause::Gone)]).when(again).then_expect_events(vec![]);
    }
    assert_eq!(fold([disabled(DisableCause::Gone)]).status(), Some(EndpointStatus::Disabled));
}

#[test]
fn cloud_elements_is_never_degraded_and_disabled_when_its_retries_are_used_up() {
    let warned = |percent, failures| EndpointEvent::EndpointFailing {
        percent,
        failures,
        limit: 10,
        since: noon(),
        reason: Some("answered 503".to_owned()),
    };
    given_cloud_elements([]).when(fail(4)).then_expect_events(vec![]);
    given_cloud_elements([]).when(fail(5)).then_expect_events(vec![warned(50, 5)]);
    given_cloud_elements([warned(50, 5)]).when(fail(7)).then_expect_events(vec![warned(70, 7)]);
    given_cloud_elements([warned(70, 7)]).when(fail(8)).then_expect_events(vec![]);
    given_cloud_elements([warned(70, 7)]).when(fail(9)).then_expect_events(vec![warned(90, 9)]);
    let disabled = disabled(DisableCause::FailurePolicy);
    given_cloud_elements([warned(90, 9)]).when(fail(10)).then_expect_events(vec![disabled.clone()]);
    given_cloud_elements([disabled]).when(fail(10)).then_expect_events(vec![]);
}
