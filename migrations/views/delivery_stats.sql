-- Counts for each minute, hour and day.
CREATE TABLE delivery_stats_{generation} (
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
){clustered};
