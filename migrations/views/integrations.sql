-- The integrations of each account.
CREATE TABLE integrations_{generation} (
    id               text   PRIMARY KEY,
    account_id       text   NOT NULL,
    provider         text   NOT NULL,
    name             text   NOT NULL,
    purpose          text   NOT NULL,
    active           bigint NOT NULL,
    secret_preview   text,                  -- null where the store's own secret was not handed over yet
    notification_url text,
    currency         text,                  -- of the store's prices
    poll_every_minutes bigint,              -- how often the store is asked what it changed, in place of webhooks
    token_preview    text,                  -- of the access token for the store's API
    store            text,
    connection       text   NOT NULL,       -- JSON: how it is connected with its store
    order_statuses   text   NOT NULL,
    mappings         text   NOT NULL,
    created_at       bigint NOT NULL,
    last_webhook_at  bigint,
    listed_at        bigint NOT NULL
);
CREATE INDEX integrations_list_{generation} ON integrations_{generation} (account_id, listed_at);
