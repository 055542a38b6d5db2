-- Everything here is folded from the event log and may be dropped and rebuilt. Times are microseconds since 1970.
CREATE TABLE checkpoints (
    view     text   PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE delivery_log (
    id              text   COLLATE "C" PRIMARY KEY,
    duplicate_of    text,                  -- for a duplicate: the delivery that was already there
    account_id      text   NOT NULL,
    integration_id  text   NOT NULL,
    order_id        text   COLLATE "C" NOT NULL,
    order_number    text   COLLATE "C",
    username        text,
    username_key    text   COLLATE "C",    -- lower case, for searching
    status          text   NOT NULL,
    resolution_code text,
    items           text   NOT NULL,
    shared          text   NOT NULL,
    attempts        bigint NOT NULL,
    next_attempt_at bigint,
    credits_charged bigint NOT NULL,
    received_at     bigint NOT NULL,
    updated_at      bigint NOT NULL,
    completed_at    bigint,
    listed_at       bigint NOT NULL,       -- position of the event that began the row: the order of the list
    position        bigint NOT NULL        -- position of the latest event in the row
);
CREATE INDEX delivery_log_list ON delivery_log (account_id, listed_at);
CREATE INDEX delivery_log_integration ON delivery_log (integration_id, listed_at);
CREATE INDEX delivery_log_status ON delivery_log (account_id, status, listed_at);
CREATE INDEX delivery_log_code ON delivery_log (account_id, resolution_code, listed_at) WHERE resolution_code IS NOT NULL;
CREATE INDEX delivery_log_order_id ON delivery_log (account_id, order_id);
CREATE INDEX delivery_log_order_number ON delivery_log (account_id, order_number) WHERE order_number IS NOT NULL;
CREATE INDEX delivery_log_username ON delivery_log (account_id, username_key) WHERE username_key IS NOT NULL;
CREATE INDEX delivery_log_received ON delivery_log (account_id, received_at);

CREATE TABLE due_deliveries (
    delivery_id    text   PRIMARY KEY,
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    status         text   NOT NULL,
    resolution_code text,
    due_at         bigint                  -- null while nothing is to be done by itself
);
CREATE INDEX due_deliveries_due ON due_deliveries (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE delivery_stats (
    account_id      text   NOT NULL,
    integration_id  text   NOT NULL,
    bucket          text   NOT NULL,       -- minute, hour or day
    start           bigint NOT NULL,
    received        bigint NOT NULL,
    duplicates      bigint NOT NULL,
    filtered        bigint NOT NULL,
    completed       bigint NOT NULL,
    failed          bigint NOT NULL,
    action_required bigint NOT NULL,
    cancelled       bigint NOT NULL,
    items_shared    bigint NOT NULL,
    credits_charged bigint NOT NULL,
    PRIMARY KEY (account_id, bucket, start, integration_id)
);
-- Which integration a delivery belongs to, so that its later events can be counted there.
CREATE TABLE delivery_stats_deliveries (
    delivery_id    text PRIMARY KEY,
    account_id     text NOT NULL,
    integration_id text NOT NULL
);

CREATE TABLE webhook_receipts (
    id             text   PRIMARY KEY,
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    provider       text   NOT NULL,
    topic          text,
    webhook_id     text,
    outcome        text   NOT NULL,
    delivery_id    text,
    order_id       text,
    body_bytes     bigint NOT NULL,
    received_at    bigint NOT NULL,
    position       bigint NOT NULL
);
CREATE INDEX webhook_receipts_list ON webhook_receipts (account_id, received_at, id);
CREATE INDEX webhook_receipts_integration ON webhook_receipts (integration_id, received_at, id);

CREATE TABLE integrations (
    id               text   PRIMARY KEY,
    account_id       text   NOT NULL,
    provider         text   NOT NULL,
    name             text   NOT NULL,
    active           bigint NOT NULL,
    secret_preview   text   NOT NULL,
    order_statuses   text   NOT NULL,
    mappings         text   NOT NULL,
    created_at       bigint NOT NULL,
    last_webhook_at  bigint,
    listed_at        bigint NOT NULL
);
CREATE INDEX integrations_list ON integrations (account_id, listed_at);

CREATE TABLE accounts (
    id                   text   PRIMARY KEY,
    name                 text   NOT NULL,
    attempts_per_minute  bigint NOT NULL,
    credits_granted      bigint NOT NULL,
    credits_reserved     bigint NOT NULL,
    credits_charged      bigint NOT NULL,
    cortex_email         text,
    opened_at            bigint NOT NULL,
    listed_at            bigint NOT NULL
);
CREATE INDEX accounts_list ON accounts (listed_at);

CREATE TABLE api_keys (
    id         text   PRIMARY KEY,
    account_id text   NOT NULL,
    name       text   NOT NULL,
    role       text   NOT NULL,
    hash       text   NOT NULL,
    preview    text   NOT NULL,
    active     bigint NOT NULL,
    created_at bigint NOT NULL,
    listed_at  bigint NOT NULL
);
CREATE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_account ON api_keys (account_id, listed_at);
