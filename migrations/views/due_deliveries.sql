-- The queue.
CREATE TABLE due_deliveries_{generation} (
    delivery_id    text   PRIMARY KEY,
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    status         text   NOT NULL,
    resolution_code text,
    due_at         bigint,                 -- null while nothing is to be done by itself
    set_at         bigint,                 -- when that was recorded
    caused_by      bigint NOT NULL         -- position of the event that put it where it is
);
CREATE INDEX due_deliveries_due_{generation} ON due_deliveries_{generation} (due_at) WHERE due_at IS NOT NULL;
-- The worker takes deliveries account by account, so that one account's backlog does not hold up the others.
CREATE INDEX due_deliveries_account_{generation} ON due_deliveries_{generation} (account_id, due_at) WHERE due_at IS NOT NULL;
-- What was set by a clock that is ahead is looked for now and then.
CREATE INDEX due_deliveries_set_{generation} ON due_deliveries_{generation} (set_at) WHERE due_at IS NOT NULL;
