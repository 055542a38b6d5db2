-- One row for each delivery and for each duplicate.
CREATE TABLE delivery_log_{generation} (
    id              text   {bytewise} PRIMARY KEY,
    duplicate_of    text,                  -- for a duplicate: the delivery that was already there
    account_id      text   NOT NULL,
    integration_id  text   NOT NULL,
    order_id        text   {bytewise} NOT NULL,
    order_number    text   {bytewise},
    username        text,
    username_key    text   {bytewise},    -- lower case, for searching
    status          text   NOT NULL,
    resolution_code text,
    detail          text,                  -- why it has its status, beyond the code
    items           text   NOT NULL,
    unmapped        bigint NOT NULL,       -- 1 while something is still bought that no mapping was found for
    wanted          bigint NOT NULL,       -- 1 while the store's newest report wants the order delivered
    shared          text   NOT NULL,
    attempts        bigint NOT NULL,
    next_attempt_at bigint,
    credits_charged bigint NOT NULL,
    received_at     bigint NOT NULL,
    updated_at      bigint NOT NULL,
    completed_at    bigint,
    personal        bigint NOT NULL,       -- 1 while the delivery holds anything personal; 0 for a duplicate
    kept_since      bigint,                -- while it is over and holds anything personal: when it last changed
    listed_at       bigint NOT NULL,       -- position of the event that began the row: the order of the list
    position        bigint NOT NULL        -- position of the latest event in the row
);
CREATE INDEX delivery_log_list_{generation} ON delivery_log_{generation} (account_id, listed_at);
CREATE INDEX delivery_log_integration_{generation} ON delivery_log_{generation} (integration_id, listed_at);
CREATE INDEX delivery_log_status_{generation} ON delivery_log_{generation} (account_id, status, listed_at);
CREATE INDEX delivery_log_code_{generation} ON delivery_log_{generation} (account_id, resolution_code, listed_at) WHERE resolution_code IS NOT NULL;
CREATE INDEX delivery_log_order_id_{generation} ON delivery_log_{generation} (account_id, order_id);
CREATE INDEX delivery_log_order_number_{generation} ON delivery_log_{generation} (account_id, order_number) WHERE order_number IS NOT NULL;
CREATE INDEX delivery_log_username_{generation} ON delivery_log_{generation} (account_id, username_key) WHERE username_key IS NOT NULL;
CREATE INDEX delivery_log_unmapped_{generation} ON delivery_log_{generation} (account_id, listed_at) WHERE unmapped = 1;
CREATE INDEX delivery_log_received_{generation} ON delivery_log_{generation} (account_id, received_at);
CREATE INDEX delivery_log_duplicates_{generation} ON delivery_log_{generation} (duplicate_of) WHERE duplicate_of IS NOT NULL;
-- What may be too old to be kept: read only as far as that.
CREATE INDEX delivery_log_kept_{generation} ON delivery_log_{generation} (account_id, kept_since, listed_at) WHERE kept_since IS NOT NULL;
-- What support staff see: the lists of all accounts together.
CREATE INDEX delivery_log_all_{generation} ON delivery_log_{generation} (listed_at);
CREATE INDEX delivery_log_all_status_{generation} ON delivery_log_{generation} (status, listed_at);
CREATE INDEX delivery_log_all_code_{generation} ON delivery_log_{generation} (resolution_code, listed_at) WHERE resolution_code IS NOT NULL;
