-- What was done with API keys: one row for each event that one of them made. Why is in the log alone, sealed.
CREATE TABLE operator_actions_{generation} (
    position       {position} PRIMARY KEY,
    recorded_at    bigint NOT NULL,
    key_id         text   NOT NULL,
    key_name       text   NOT NULL,
    account_id     text,                 -- the owner of the stream, where it has one
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    event_type     text   NOT NULL
);
CREATE INDEX operator_actions_account_{generation} ON operator_actions_{generation} (account_id, position);
CREATE INDEX operator_actions_key_{generation} ON operator_actions_{generation} (key_id, position);
CREATE INDEX operator_actions_type_{generation} ON operator_actions_{generation} (event_type, position);
CREATE INDEX operator_actions_stream_{generation} ON operator_actions_{generation} (aggregate_id, position);
