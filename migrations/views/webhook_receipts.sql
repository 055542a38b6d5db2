-- Every webhook that was let in.
CREATE TABLE webhook_receipts_{generation} (
    position       {position} PRIMARY KEY,
    id             text   NOT NULL,
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    provider       text   NOT NULL,
    topic          text,
    webhook_id     text,
    outcome        text   NOT NULL,
    delivery_id    text,
    order_id       text,
    order_number   text,
    body_bytes     bigint NOT NULL,
    unsigned       bigint NOT NULL,        -- 1 if nothing showed that the store had sent it
    source         text   NOT NULL,        -- how it came
    changed_at     bigint,                 -- when the store changed the order, by its own clock
    received_at    bigint NOT NULL,
    reason         text
);
CREATE INDEX webhook_receipts_newest_{generation} ON webhook_receipts_{generation} (received_at, id);
CREATE INDEX webhook_receipts_list_{generation} ON webhook_receipts_{generation} (account_id, received_at, id);
CREATE INDEX webhook_receipts_integration_{generation} ON webhook_receipts_{generation} (integration_id, received_at, id);
CREATE INDEX webhook_receipts_order_{generation} ON webhook_receipts_{generation} (order_id);
CREATE INDEX webhook_receipts_number_{generation} ON webhook_receipts_{generation} (order_number) WHERE delivery_id IS NULL;
