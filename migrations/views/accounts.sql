-- The accounts with their balance, and their API keys.
CREATE TABLE accounts_{generation} (
    id                   text   PRIMARY KEY,
    name                 text   NOT NULL,
    attempts_per_minute  bigint NOT NULL,
    credits_granted      bigint NOT NULL,
    credits_reserved     bigint NOT NULL,
    credits_charged      bigint NOT NULL,
    cortex_email         text,
    retention_days       bigint,           -- null: personal data is kept for good
    stock_alert          bigint,           -- null: no product is published as out of stock
    created_at           bigint NOT NULL,
    listed_at            bigint NOT NULL
);
CREATE INDEX accounts_list_{generation} ON accounts_{generation} (listed_at);
CREATE INDEX accounts_retention_{generation} ON accounts_{generation} (listed_at) WHERE retention_days IS NOT NULL;

CREATE TABLE api_keys_{generation} (
    id                  text   PRIMARY KEY,
    account_id          text   NOT NULL,
    name                text   NOT NULL,
    role                text   NOT NULL,
    hash                text   NOT NULL,
    preview             text   NOT NULL,
    active              bigint NOT NULL,
    requests_per_minute bigint NOT NULL,
    created_at          bigint NOT NULL,
    listed_at           bigint NOT NULL
);
CREATE INDEX api_keys_hash_{generation} ON api_keys_{generation} (hash);
CREATE INDEX api_keys_account_{generation} ON api_keys_{generation} (account_id, listed_at);
