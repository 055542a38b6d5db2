-- What happened in stores and here, in the words that subscribers get: where in the log each is from, and what it is about.
CREATE TABLE commerce_events_{generation} (
    position       bigint NOT NULL,         -- of the event of the log that it follows from
    ordinal        bigint NOT NULL,         -- which of those that follow from it
    id             text   {bytewise} NOT NULL,
    event_type     text   NOT NULL,
    account_id     text   NOT NULL,
    integration_id text,
    object_kind    text   NOT NULL,
    object_id      text   {bytewise} NOT NULL,
    session_id     text   {bytewise},
    occurred_at    bigint NOT NULL,
    recorded_at    bigint NOT NULL,
    PRIMARY KEY (position, ordinal)
);
CREATE UNIQUE INDEX commerce_events_id_{generation} ON commerce_events_{generation} (id);
CREATE INDEX commerce_events_list_{generation} ON commerce_events_{generation} (account_id, position, ordinal);
CREATE INDEX commerce_events_object_{generation} ON commerce_events_{generation} (account_id, object_id, position);
CREATE INDEX commerce_events_session_{generation} ON commerce_events_{generation} (account_id, session_id, position) WHERE session_id IS NOT NULL;
