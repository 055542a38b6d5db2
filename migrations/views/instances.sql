-- The instances of each account. No token is in here.
CREATE TABLE instances_{generation} (
    id             text   PRIMARY KEY,
    account_id     text   NOT NULL,
    number         bigint NOT NULL,         -- its id, as programs see it
    integration_id text   NOT NULL,
    state          text   NOT NULL,         -- JSON: what the aggregate says of it
    created_at     bigint NOT NULL,
    deleted_at     bigint,
    listed_at      bigint NOT NULL
);
CREATE INDEX instances_list_{generation} ON instances_{generation} (account_id, listed_at) WHERE deleted_at IS NULL;
