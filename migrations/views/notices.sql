-- Webhooks about no order that still have their bodies, which may name anyone; and events that programs of the account published.
CREATE TABLE kept_notices_{generation} (
    listed_at      {position} PRIMARY KEY,
    id             text   NOT NULL UNIQUE,
    account_id     text   NOT NULL,
    integration_id text,                    -- null of an event that was published for no store
    kind           text   NOT NULL,
    received_at    bigint NOT NULL
);
CREATE INDEX kept_notices_account_{generation} ON kept_notices_{generation} (account_id, listed_at);
CREATE INDEX kept_notices_integration_{generation} ON kept_notices_{generation} (integration_id, listed_at);
-- Whom they name, by keyed hashes.
CREATE TABLE notice_customers_{generation} (
    token     text   {bytewise} NOT NULL,
    listed_at bigint NOT NULL,
    PRIMARY KEY (token, listed_at)
){clustered};
CREATE INDEX notice_customers_notice_{generation} ON notice_customers_{generation} (listed_at);
