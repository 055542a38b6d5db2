-- What never changes of each delivery, and of each duplicate of one.
CREATE TABLE delivery_log_{generation} (
    listed_at      {position} PRIMARY KEY,  -- position of the event that began the entry: the order of the list
    id             text   {bytewise} NOT NULL,
    duplicate_of   text   {bytewise},       -- for a duplicate: the delivery that was already there
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    order_id       text   {bytewise} NOT NULL,
    received_at    bigint NOT NULL,
    order_number   text   {bytewise}        -- written once more where the store names it after the entry began
);
CREATE UNIQUE INDEX delivery_log_id_{generation} ON delivery_log_{generation} (id);
CREATE INDEX delivery_log_account_{generation} ON delivery_log_{generation} (account_id, listed_at);
CREATE INDEX delivery_log_integration_{generation} ON delivery_log_{generation} (integration_id, listed_at);
-- From a moment to a position: in which part of the list to read.
CREATE INDEX delivery_log_received_{generation} ON delivery_log_{generation} (received_at, listed_at);
CREATE INDEX delivery_log_duplicates_{generation} ON delivery_log_{generation} (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- What changes of each: where it stands, and when something is to be done by itself. The queue is a part of this.
-- An index here is written when a status changes, where its condition holds. Four are for what merchants and support staff list,
-- by status and by code; that of what is kept holds what is over, and is written when a delivery ends and at each event after
-- that; the others hold the few rows that wait, lack a mapping or were not read.
CREATE TABLE delivery_states_{generation} (
    listed_at       {position} PRIMARY KEY,
    account_id      text   NOT NULL,
    integration_id  text   NOT NULL,
    status          text   NOT NULL,
    resolution_code text,
    unread_code     text,                   -- why the order could not be read at its store, while that is still to be done
    unmapped        bigint NOT NULL,        -- 1 while something is still bought that no mapping was found for
    due_at          bigint,                 -- null while nothing is to be done by itself
    to_read         bigint NOT NULL,        -- 1 while the order is read at its store before anything else is done
    set_at          bigint,                 -- when that was recorded
    caused_by       bigint NOT NULL,        -- position of the event that put it where it is: what an attempt follows from
    kept_since      bigint,                 -- while it is over and holds anything personal: when it last changed
    username_key    text   {bytewise},      -- lower case
    completed_at    bigint,
    updated_at      bigint NOT NULL,
    position        bigint NOT NULL,        -- of the latest event in the row
    shared_at       text   NOT NULL,        -- JSON: when each asset of the summary was shared
    summary         text   NOT NULL         -- JSON: what the aggregate says of itself
);
CREATE INDEX delivery_states_status_{generation} ON delivery_states_{generation} (account_id, status, listed_at);
CREATE INDEX delivery_states_code_{generation} ON delivery_states_{generation} (account_id, resolution_code, listed_at) WHERE resolution_code IS NOT NULL;
CREATE INDEX delivery_states_unmapped_{generation} ON delivery_states_{generation} (account_id, listed_at) WHERE unmapped = 1;
CREATE INDEX delivery_states_unread_{generation} ON delivery_states_{generation} (account_id, unread_code, listed_at) WHERE unread_code IS NOT NULL;
-- What may be too old to be kept: read only as far as that.
CREATE INDEX delivery_states_kept_{generation} ON delivery_states_{generation} (account_id, kept_since, listed_at) WHERE kept_since IS NOT NULL;
-- What support staff see: the lists of all accounts together.
CREATE INDEX delivery_states_all_status_{generation} ON delivery_states_{generation} (status, listed_at);
CREATE INDEX delivery_states_all_code_{generation} ON delivery_states_{generation} (resolution_code, listed_at) WHERE resolution_code IS NOT NULL;
CREATE INDEX delivery_states_due_{generation} ON delivery_states_{generation} (due_at) WHERE due_at IS NOT NULL;
-- Deliveries are taken account by account, and orders are read store by store, so that one's backlog does not hold up the others.
CREATE INDEX delivery_states_due_account_{generation} ON delivery_states_{generation} (account_id, due_at) WHERE due_at IS NOT NULL AND to_read = 0;
CREATE INDEX delivery_states_due_store_{generation} ON delivery_states_{generation} (integration_id, due_at) WHERE due_at IS NOT NULL AND to_read = 1;
-- What was set by a clock that is ahead.
CREATE INDEX delivery_states_set_{generation} ON delivery_states_{generation} (set_at) WHERE due_at IS NOT NULL;

-- What each entry is found by: its order's id and number behind a #, its username in lower case behind an @.
CREATE TABLE delivery_terms_{generation} (
    account_id text   NOT NULL,
    term       text   {bytewise} NOT NULL,
    listed_at  bigint NOT NULL,
    PRIMARY KEY (account_id, term, listed_at)
){clustered};

-- Which deliveries are a customer's, by keyed hashes of what the customer is known by: no person can be read here.
CREATE TABLE delivery_customers_{generation} (
    token     text   {bytewise} NOT NULL,
    listed_at bigint NOT NULL,
    PRIMARY KEY (token, listed_at)
){clustered};
CREATE INDEX delivery_customers_delivery_{generation} ON delivery_customers_{generation} (listed_at);
