-- What is stored of each account's webhooks in its latest day.
CREATE TABLE daily_bytes (
    account_id text   PRIMARY KEY,
    day        bigint NOT NULL,           -- since 1970, UTC
    bytes      bigint NOT NULL
);
