//! Calls stopped in mid-flight, and callers who are gone when they go on.

use tokio::task::JoinHandle;

use super::*;
use crate::ports::cortex::CortexError;

fn share_in_background(merchant: &Merchant) -> JoinHandle<Result<(), CortexError>> {
    let (client, session) = (merchant.client.clone(), merchant.session.clone());
    tokio::spawn(async move { client.share(&session, PRESET, &user("mutual_max"), ids::fresh()).await })
}

async fn share_held(merchant: &Merchant, at: HoldPoint) -> JoinHandle<Result<(), CortexError>> {
    merchant.sandbox.hold(Operation::Share, at);
    let share = share_in_background(merchant);
    merchant.sandbox.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
    share
}

/// Stands for a worker that was killed.
async fn hang_up(merchant: &Merchant, share: JoinHandle<Result<(), CortexError>>) {
    share.abort();
    assert!(share.await.unwrap_err().is_cancelled());
    merchant.sandbox.until(|state| state.tally.of(Operation::Share).held == 0).await;
}

#[tokio::test]
async fn a_held_share_happens_when_it_is_released() {
    let merchant = merchant().await;
    let share = share_held(&merchant, HoldPoint::BeforeEffect).await;
    assert_eq!(merchant.sandbox.share_count(PRESET, "mutual_max").effective, 0);
    assert_eq!(merchant.sandbox.call_count(Operation::Share), CallCount { arrived: 1, held: 1, answered: 0, late: 0 });
    assert!(merchant.find("mutual_max").await.is_some(), "other operations go on");

    merchant.sandbox.release(Operation::Share);
    share.await.unwrap().unwrap();
    assert_eq!(merchant.sandbox.share_count(PRESET, "mutual_max").effective, 1);
    assert_eq!(merchant.sandbox.call_count(Operation::Share), CallCount { arrived: 1, held: 0, answered: 1, late: 0 });
}

#[tokio::test]
async fn a_caller_who_dies_before_the_effect_takes_the_call_along() {
    let merchant = merchant().await;
    let share = share_held(&merchant, HoldPoint::BeforeEffect).await;
    hang_up(&merchant, share).await;
    merchant.sandbox.release(Operation::Share);
    let count = merchant.sandbox.share_count(PRESET, "mutual_max");
    assert_eq!(count, ShareCount { calls: 1, effective: 0, repeated: 0 });

    share_in_background(&merchant).await.unwrap().unwrap();
    let count = merchant.sandbox.share_count(PRESET, "mutual_max");
    assert_eq!(count, ShareCount { calls: 2, effective: 1, repeated: 0 });
}

#[tokio::test]
async fn a_caller_who_dies_after_the_effect_can_see_that_it_happened() {
    let merchant = merchant().await;
    let share = share_held(&merchant, HoldPoint::AfterEffect).await;
    hang_up(&merchant, share).await;
    merchant.sandbox.release(On::Any);
    assert!(merchant.client.is_shared(&merchant.session, PRESET, &user("mutual_max")).await.unwrap());
    let count = merchant.sandbox.share_count(PRESET, "mutual_max");
    assert_eq!(count, ShareCount { calls: 1, effective: 1, repeated: 0 });
}

#[tokio::test]
async fn waiting_for_what_has_happened_returns_at_once() {
    let merchant = merchant().await;
    let count = merchant.sandbox.wait_for(Operation::Login, Stage::Answered, 1).await.unwrap();
    assert_eq!(count, CallCount { arrived: 1, held: 0, answered: 1, late: 0 });
}

#[tokio::test]
async fn stopping_ends_the_calls_that_are_held() {
    let merchant = merchant().await;
    let share = share_held(&merchant, HoldPoint::BeforeEffect).await;
    merchant.sandbox.stop().await;
    assert_eq!(share.await.unwrap(), Err(CortexError::Temporary("answered 503".into())));
    let gone = merchant.client.find_user(&merchant.session, "mutual_max").await.unwrap_err();
    assert!(matches!(gone, CortexError::Temporary(_)), "{gone:?}");
}
