use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;
use crate::EndpointId;
use crate::event::tests::stored;
use crate::laws::repeating_adds_nothing;

fn create() -> CreateInstance {
    CreateInstance {
        account_id: AccountId(Uuid::from_u128(1)),
        number: 4_711,
        integration_id: IntegrationId(Uuid::from_u128(2)),
        name: " API Instance ".to_owned(),
        tags: vec!["Docs".to_owned(), "Docs".to_owned()],
        token: "dG9rZW4=".to_owned(),
        callback_url: "https://mycoolapp.com".to_owned(),
        scope: "write_orders,write_products,write_customers".to_owned(),
        events_enabled: true,
    }
}

fn created() -> InstanceEvent {
    let CreateInstance { account_id, number, integration_id, token, callback_url, scope, events_enabled, .. } =
        create();
    InstanceEvent::InstanceCreated(Box::new(InstanceCreated {
        account_id,
        number,
        integration_id,
        name: "API Instance".to_owned(),
        tags: vec!["Docs".to_owned()],
        token: Private::Known(token),
        callback_url,
        scope,
        events_enabled,
    }))
}

fn subscription(number: u32, configured: bool) -> Subscription {
    Subscription { number, endpoint_id: EndpointId(Uuid::from_u128(number.into())), configured }
}

fn given<const N: usize>(events: [InstanceEvent; N]) -> AggregateTestExecutor<Instance> {
    TestFramework::with(()).given(events.to_vec())
}

fn after<const N: usize>(events: [InstanceEvent; N]) -> Instance {
    let mut instance = Instance::default();
    for event in events {
        instance.fold(event);
    }
    instance
}

#[test]
fn an_instance_is_created_once() {
    let again = || InstanceCommand::Create(Box::new(create()));
    given([]).when(again()).then_expect_events(vec![created()]);
    given([created()]).when(again()).then_expect_events(vec![]);
    let other = CreateInstance { integration_id: IntegrationId(Uuid::from_u128(3)), ..create() };
    given([created()]).when(InstanceCommand::Create(Box::new(other))).then_expect_error(InstanceRefusal::AlreadyExists);
    given([created(), InstanceEvent::InstanceDeleted {}])
        .when(again())
        .then_expect_error(InstanceRefusal::AlreadyExists);
    given([]).when(InstanceCommand::Enable).then_expect_error(InstanceRefusal::NotFound);
}

#[test]
fn what_is_too_long_or_says_nothing_is_refused() {
    let refused = |change: fn(&mut CreateInstance)| {
        let mut wrong = create();
        change(&mut wrong);
        Instance::default().decide(InstanceCommand::Create(Box::new(wrong))).unwrap_err()
    };
    assert_eq!(refused(|wrong| wrong.number = 0), InstanceRefusal::InvalidNumber);
    assert_eq!(refused(|wrong| wrong.number = MAX_NUMBER + 1), InstanceRefusal::InvalidNumber);
    assert_eq!(refused(|wrong| wrong.name = " ".to_owned()), InstanceRefusal::InvalidName);
    assert_eq!(refused(|wrong| wrong.name = "n".repeat(201)), InstanceRefusal::InvalidName);
    assert_eq!(refused(|wrong| wrong.tags = vec!["t".repeat(101)]), InstanceRefusal::InvalidTags);
    assert_eq!(refused(|wrong| wrong.tags = vec![String::new()]), InstanceRefusal::InvalidTags);
    assert_eq!(refused(|wrong| wrong.tags = vec!["t".to_owned(); 51]), InstanceRefusal::InvalidTags);
    assert_eq!(refused(|wrong| wrong.scope = "s".repeat(2_001)), InstanceRefusal::TooLong);
    assert_eq!(refused(|wrong| wrong.callback_url = "u".repeat(2_001)), InstanceRefusal::TooLong);
}

#[test]
fn it_sends_while_it_is_enabled_and_its_events_are() {
    use InstanceEvent::{EventsDisabled, EventsEnabled, InstanceDisabled, InstanceEnabled};

    let sends = |events: Vec<InstanceEvent>| {
        let mut instance = after([created()]);
        for event in events {
            instance.fold(event);
        }
        instance.details().unwrap().sends()
    };
    assert!(sends(vec![]));
    assert!(!sends(vec![InstanceDisabled {}]) && !sends(vec![EventsDisabled {}]));
    assert!(!sends(vec![InstanceDisabled {}, EventsDisabled {}, EventsEnabled {}]));
    assert!(sends(vec![InstanceDisabled {}, EventsDisabled {}, EventsEnabled {}, InstanceEnabled {}]));
}

#[test]
fn another_address_in_its_configuration_takes_the_place_of_the_one_before() {
    let first = InstanceEvent::SubscriptionAdded(subscription(1, true));
    let other = InstanceEvent::SubscriptionAdded(subscription(2, false));
    let instance = after([created(), first, other, InstanceEvent::SubscriptionAdded(subscription(3, true))]);
    let details = instance.details().unwrap();
    assert_eq!(details.configured(), Some(&subscription(3, true)));
    assert_eq!(details.subscriptions, [subscription(2, false), subscription(3, true)]);
}

#[test]
fn subscriptions_are_bounded_and_have_a_number_each() {
    let mut instance = after([created(), InstanceEvent::SubscriptionAdded(subscription(1, true))]);
    let add = |instance: &Instance, new| instance.decide(InstanceCommand::AddSubscription(new));
    assert_eq!(add(&instance, subscription(1, true)), Ok(vec![]), "the same again");
    assert_eq!(add(&instance, subscription(1, false)), Err(InstanceRefusal::InvalidNumber));
    for number in 2..=10 {
        instance.fold(InstanceEvent::SubscriptionAdded(subscription(number, false)));
    }
    assert_eq!(add(&instance, subscription(11, false)), Err(InstanceRefusal::TooManySubscriptions));
    assert!(add(&instance, subscription(11, true)).is_ok(), "it takes the place of another");
    let remove = |number| InstanceCommand::RemoveSubscription { number };
    assert_eq!(instance.decide(remove(5)), Ok(vec![InstanceEvent::SubscriptionRemoved { number: 5 }]));
    assert_eq!(instance.decide(remove(12)), Ok(vec![]));
}

#[test]
fn what_is_deleted_stays_so() {
    let deleted = || [created(), InstanceEvent::InstanceDeleted {}];
    given(deleted()).when(InstanceCommand::Delete).then_expect_events(vec![]);
    given(deleted()).when(InstanceCommand::Enable).then_expect_error(InstanceRefusal::Deleted);
    let instance = after(deleted());
    assert_eq!(instance.details(), None);
    assert_eq!(instance.owner("").account_id, Some(create().account_id));
}

fn any_command() -> impl Strategy<Value = InstanceCommand> {
    let numbers = || select(vec![0, 1, 2, 3, MAX_NUMBER, u32::MAX]);
    prop_oneof![
        Just(InstanceCommand::Create(Box::new(create()))),
        select(vec!["", "one", "two"]).prop_map(|name| InstanceCommand::Rename { name: name.to_owned() }),
        select(vec!["", "one", "two"]).prop_map(|tag| InstanceCommand::ChangeTags { tags: vec![tag.to_owned()] }),
        select(vec!["a", "b"]).prop_map(|scope| InstanceCommand::ChangeAuthorization {
            callback_url: String::new(),
            scope: scope.to_owned()
        }),
        select(vec![
            InstanceCommand::Enable,
            InstanceCommand::Disable,
            InstanceCommand::EnableEvents,
            InstanceCommand::DisableEvents,
            InstanceCommand::Delete,
        ]),
        (numbers(), any::<bool>())
            .prop_map(|(number, configured)| InstanceCommand::AddSubscription(subscription(number, configured))),
        numbers().prop_map(|number| InstanceCommand::RemoveSubscription { number }),
    ]
}

proptest! {
    #[test]
    fn repeating_a_command_adds_nothing(commands in prop::collection::vec(any_command(), 0..40)) {
        repeating_adds_nothing(commands, Instance::decide)?;
    }
}

/// Lines are added, never changed or removed.
#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let bare = CreateInstance { tags: vec![], events_enabled: false, ..create() };
    let events = [
        created(),
        create_first(bare).unwrap(),
        InstanceEvent::InstanceRenamed { name: "Storm Audio".to_owned() },
        InstanceEvent::TagsChanged { tags: vec!["live".to_owned()] },
        InstanceEvent::AuthorizationChanged {
            callback_url: "https://mycoolapp.com/back".to_owned(),
            scope: "read_orders".to_owned(),
        },
        InstanceEvent::InstanceDisabled {},
        InstanceEvent::InstanceEnabled {},
        InstanceEvent::EventsDisabled {},
        InstanceEvent::EventsEnabled {},
        InstanceEvent::SubscriptionAdded(subscription(5, true)),
        InstanceEvent::SubscriptionAdded(subscription(6, false)),
        InstanceEvent::SubscriptionRemoved { number: 6 },
        InstanceEvent::InstanceDeleted {},
    ];
    insta::assert_snapshot!(stored(&events));
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<InstanceEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
