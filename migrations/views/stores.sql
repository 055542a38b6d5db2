-- Connected stores, as the service watches them.
CREATE TABLE stores_{generation} (
    id         text       PRIMARY KEY,      -- of the integration
    account_id text       NOT NULL,
    listed_at  {position} NOT NULL,         -- position of its first event
    check_at   bigint,                      -- when its webhooks are to be checked again
    changed_at bigint     NOT NULL,         -- sequence of the latest event of its integration for which they are to be checked
    state      text       NOT NULL          -- JSON: what the aggregate says of it
);
CREATE INDEX stores_list_{generation} ON stores_{generation} (listed_at);
