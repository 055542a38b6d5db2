//! Logging in, finding, following and sharing.

use super::*;
use crate::ports::cortex::CortexError;

#[tokio::test]
async fn an_order_is_delivered_by_following_and_sharing() {
    let merchant = merchant().await;
    let user = merchant.follow("follows_at_once").await;
    assert_eq!(merchant.relation(&user).await, (true, true));

    let item = merchant.client.find_item(&merchant.session, PRESET).await.unwrap().unwrap();
    assert_eq!((item.kind, item.id.as_str(), item.name.as_str()), (PRESET.kind, PRESET.id, "Storm Drive Lead"));

    assert!(!merchant.client.is_shared(&merchant.session, PRESET, &user).await.unwrap());
    merchant.client.share(&merchant.session, PRESET, &user, ids::fresh()).await.unwrap();
    assert!(merchant.client.is_shared(&merchant.session, PRESET, &user).await.unwrap());
}

#[tokio::test]
async fn only_the_right_password_logs_in() {
    let merchant = merchant().await;
    for (email, password) in [(DEFAULT_EMAIL, "wrong"), (DEFAULT_EMAIL, ""), ("nobody@example.com", DEFAULT_PASSWORD)] {
        let refused = merchant.client.login(email, password).await.unwrap_err();
        assert_eq!(refused, CortexError::BadCredentials, "{email}");
    }
    merchant.sandbox.add_account("second@example.com", "another").unwrap();
    merchant.client.login("second@example.com", "another").await.unwrap();
}

#[tokio::test]
async fn a_session_ends_when_it_says_so() {
    let merchant = merchant().await;
    let left = merchant.session.expires_at - merchant.clock.now();
    assert!(left > TimeDelta::minutes(14) && left <= TimeDelta::minutes(15), "{left}");
    merchant.clock.advance(TimeDelta::minutes(15));
    let refused = merchant.client.find_user(&merchant.session, "mutual_max").await.unwrap_err();
    assert_eq!(refused, CortexError::SessionExpired);
}

#[tokio::test]
async fn every_session_can_be_ended_at_once() {
    let merchant = merchant().await;
    let (client, session) = (&merchant.client, &merchant.session);
    merchant.sandbox.expire_tokens();
    let max = user("mutual_max");
    for refused in [
        client.find_user(session, "mutual_max").await.unwrap_err(),
        client.relation(session, &max).await.unwrap_err(),
        client.follow(session, &max, ids::fresh()).await.unwrap_err(),
        client.unfollow(session, &max).await.unwrap_err(),
        client.find_item(session, PRESET).await.unwrap_err(),
        client.is_shared(session, PRESET, &max).await.unwrap_err(),
        client.share(session, PRESET, &max, ids::fresh()).await.unwrap_err(),
    ] {
        assert_eq!(refused, CortexError::SessionExpired);
    }
    let session = client.login(DEFAULT_EMAIL, DEFAULT_PASSWORD).await.unwrap();
    client.share(&session, PRESET, &max, ids::fresh()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_takes_effect_late_is_known_by_its_key() {
    let merchant = merchant().await;
    let (client, session, key) = (&merchant.client, &merchant.session, ids::fresh());
    let never = user("never_follows");
    merchant.script(Operation::Follow, Fault::LateMs(100));
    client.follow(session, &never, key).await.unwrap_err();
    client.follow(session, &never, key).await.unwrap();
    client.unfollow(session, &never).await.unwrap();
    // The first arrives now; it was done already.
    merchant.sandbox.wait_for(Operation::Follow, Stage::Late, 1).await.unwrap();
    assert_eq!(merchant.relation(&never).await, (false, false));
    let reused = client.follow(session, &user("mutual_max"), key).await.unwrap_err();
    assert!(matches!(reused, CortexError::Unexpected(_)), "{reused:?}");
    client.follow(session, &never, ids::fresh()).await.unwrap();
    assert_eq!(merchant.relation(&never).await, (true, false), "another request is another");
}

#[tokio::test]
async fn people_follow_back_in_their_own_time() {
    let merchant = merchant().await;
    assert_eq!(merchant.relation(&user("mutual_max")).await, (true, true));
    assert_eq!(merchant.relation(&user("follows_at_once")).await, (false, false));

    let never = merchant.follow("never_follows").await;
    let later = merchant.follow("follows_after_600s").await;
    merchant.clock.advance(TimeDelta::minutes(5));
    // Asking again in the meantime does not restart the wait.
    merchant.client.follow(&merchant.session, &later, ids::fresh()).await.unwrap();
    assert_eq!(merchant.relation(&later).await, (true, false));
    merchant.clock.advance(TimeDelta::minutes(5));
    assert_eq!(merchant.relation(&later).await, (true, true));

    assert_eq!(merchant.relation(&never).await, (true, false));
    merchant.sandbox.follow_back_now("never_follows").unwrap();
    assert_eq!(merchant.relation(&never).await, (true, true));
}

#[tokio::test]
async fn unfollowing_ends_what_was_mutual() {
    let merchant = merchant().await;
    let user = merchant.follow("follows_at_once").await;
    for _ in 0..2 {
        merchant.client.unfollow(&merchant.session, &user).await.unwrap();
        assert_eq!(merchant.relation(&user).await, (false, false));
    }
}

#[tokio::test]
async fn merchants_are_followed_back_one_by_one() {
    let merchant = merchant().await;
    let user = merchant.follow("follows_at_once").await;
    merchant.sandbox.add_account("second@example.com", "another").unwrap();
    let second = merchant.client.login("second@example.com", "another").await.unwrap();
    assert!(!merchant.client.relation(&second, &user).await.unwrap().is_mutual());
    assert!(merchant.client.relation(&merchant.session, &user).await.unwrap().is_mutual());
}

#[tokio::test]
async fn sharing_needs_a_mutual_follow() {
    let merchant = merchant().await;
    let user = merchant.follow("follows_after_60s").await;
    let refused = merchant.client.share(&merchant.session, PRESET, &user, ids::fresh()).await.unwrap_err();
    assert_eq!(refused, CortexError::NotMutual);
    assert!(!merchant.client.is_shared(&merchant.session, PRESET, &user).await.unwrap());
    let count = merchant.sandbox.share_count(PRESET, &user.username);
    assert_eq!(count, ShareCount { calls: 1, effective: 0, repeated: 0 });
}

#[tokio::test]
async fn what_is_gone_is_not_found() {
    let merchant = merchant().await;
    let (client, session) = (&merchant.client, &merchant.session);
    let missing = ItemRef { kind: ItemKind::Capture, id: "missing-capture" };
    let (max, nobody) = (user("mutual_max"), user("nobody"));
    assert_eq!(client.find_user(session, "nobody").await, Ok(None));
    assert_eq!(client.find_item(session, missing).await, Ok(None));
    for refused in [
        client.relation(session, &nobody).await.unwrap_err(),
        client.follow(session, &nobody, ids::fresh()).await.unwrap_err(),
        client.unfollow(session, &nobody).await.unwrap_err(),
        client.is_shared(session, PRESET, &nobody).await.unwrap_err(),
        client.is_shared(session, missing, &max).await.unwrap_err(),
        client.share(session, PRESET, &nobody, ids::fresh()).await.unwrap_err(),
        client.share(session, missing, &max, ids::fresh()).await.unwrap_err(),
    ] {
        assert_eq!(refused, CortexError::NotFound);
    }
}

#[tokio::test]
async fn a_wrong_address_is_not_an_unknown_user() {
    let merchant = merchant().await;
    let elsewhere = format!("{}/elsewhere", merchant.sandbox.base_url());
    let client = CortexClient::new(&elsewhere, Duration::from_mins(1)).unwrap();
    let refused = client.find_user(&merchant.session, "mutual_max").await.unwrap_err();
    assert_eq!(refused, CortexError::Unexpected("answered 404 no_such_endpoint".into()));
}

#[tokio::test]
async fn a_hostile_name_reaches_no_other_account() {
    let merchant = merchant().await;
    for username in [
        "",
        ".",
        "..",
        "../users/mutual_max",
        "nobody/../mutual_max",
        "mutual_max/",
        "mutual_max/relation",
        "mutual_max?x=1",
        "mutual_max#top",
        "mutual%5Fmax",
        "mutual_max\0",
        "mutual\n_max",
        "mutual_max\r\nX-Admin: 1",
        " mutual_max",
        "Mutual_Max",
        &"x".repeat(10_000),
    ] {
        assert_eq!(merchant.find(username).await, None, "{username:?}");
        let refused =
            merchant.client.share(&merchant.session, PRESET, &user(username), ids::fresh()).await.unwrap_err();
        assert_eq!(refused, CortexError::NotFound, "{username:?}");
    }
}

#[tokio::test]
async fn a_strange_name_arrives_as_it_is() {
    let merchant = merchant().await;
    for username in ["a/b", "a\\b", "..%2F", "50% off?", "#1 fan", "x y", "gitarrenhörer", "🎸", "a\tb\nc"] {
        merchant.sandbox.add_user(username, FollowsBack::Already).unwrap();
        let found = merchant.find(username).await.unwrap();
        assert_eq!(found.username, username);
        let item = ItemRef { kind: ItemKind::Capture, id: username };
        merchant.client.share(&merchant.session, item, &found, ids::fresh()).await.unwrap();
        assert_eq!(merchant.sandbox.share_count(item, username).effective, 1, "{username:?}");
    }
}

#[tokio::test]
async fn what_is_asked_twice_is_done_once() {
    let merchant = merchant().await;
    let user = merchant.follow("follows_at_once").await;
    merchant.client.follow(&merchant.session, &user, ids::fresh()).await.unwrap();
    assert_eq!(merchant.sandbox.follow_count(&user.username), FollowCount { calls: 2, effective: 1 });

    for _ in 0..3 {
        merchant.client.share(&merchant.session, PRESET, &user, ids::fresh()).await.unwrap();
    }
    let count = merchant.sandbox.share_count(PRESET, &user.username);
    assert_eq!(count, ShareCount { calls: 3, effective: 1, repeated: 2 });
    let capture = ItemRef { kind: ItemKind::Capture, ..PRESET };
    assert_eq!(merchant.sandbox.share_count(capture, &user.username), ShareCount::default());
}
