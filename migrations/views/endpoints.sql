-- The endpoints of each account. No secret is in here, and no value of a header.
CREATE TABLE endpoints_{generation} (
    id                     text   PRIMARY KEY,
    account_id             text   NOT NULL,
    settings               text   NOT NULL,
    secret_preview         text   NOT NULL,
    previous_secrets_until bigint,                  -- null where no earlier secret ever counted beside the present one
    activity               text   NOT NULL,         -- enabled, paused or disabled
    health                 text   NOT NULL,         -- healthy, failing or degraded
    failing_percent        bigint,                  -- of the failures that degrade or disable it
    failing_since          bigint,
    reason                 text,                    -- of the failure that it is failing, degraded or disabled for
    disable_cause          text,
    created_at             bigint NOT NULL,
    updated_at             bigint NOT NULL,
    deleted_at             bigint,
    listed_at              bigint NOT NULL
);
CREATE INDEX endpoints_list_{generation} ON endpoints_{generation} (account_id, listed_at);
