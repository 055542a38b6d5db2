-- Connected stores, as the service watches them.
CREATE TABLE stores_{generation} (
    id         text       PRIMARY KEY,      -- of the integration
    account_id text       NOT NULL,
    lane       text       NOT NULL,         -- of its account: one store of it is worked on at a time
    due_at     bigint,                      -- when something is to be done at it
    caused_by  {position} NOT NULL,         -- position of its latest event
    state      text       NOT NULL          -- JSON: what the aggregate says of it
);
CREATE INDEX stores_due_{generation} ON stores_{generation} (due_at) WHERE due_at IS NOT NULL;

-- What comparing its orders found, day by day.
CREATE TABLE store_days_{generation} (
    id               text   PRIMARY KEY,    -- the integration and the day
    integration_id   text   NOT NULL,
    day              bigint NOT NULL,       -- since 1970
    comparisons      bigint NOT NULL,
    changed          bigint NOT NULL,       -- orders that the store changed
    received         bigint NOT NULL,       -- by webhook
    fetched          bigint NOT NULL,       -- since they were never sent
    polled           bigint NOT NULL,       -- fetched since the store is asked in place of webhooks
    unchanged        bigint NOT NULL,
    unreadable       bigint NOT NULL,
    longest_delay_ms bigint
);
CREATE INDEX store_days_list_{generation} ON store_days_{generation} (integration_id, day);
