-- Orders that are only published, that a webhook named, and that are to be read at their stores: what is read is none of them.
CREATE TABLE unread_orders_{generation} (
    id             text   PRIMARY KEY,      -- of the order's stream
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    listed_at      {position} NOT NULL,     -- position of the announcement from which on it is unread
    due_at         bigint,                  -- null while it is not tried by itself
    set_at         bigint,                  -- when that was recorded
    caused_by      bigint NOT NULL,         -- position of the event from which the next try follows
    reading        text   NOT NULL          -- JSON: what the aggregate says of it
);
CREATE INDEX unread_orders_list_{generation} ON unread_orders_{generation} (integration_id, listed_at);
CREATE INDEX unread_orders_due_{generation} ON unread_orders_{generation} (due_at) WHERE due_at IS NOT NULL;
-- What was set by a clock that is ahead.
CREATE INDEX unread_orders_set_{generation} ON unread_orders_{generation} (set_at) WHERE due_at IS NOT NULL;
