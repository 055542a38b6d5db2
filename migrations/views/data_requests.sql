-- What stores requested by law: what is known of a customer. It does not say who the customer is.
CREATE TABLE data_requests_{generation} (
    id             text   PRIMARY KEY,     -- of the notice that makes the request
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    received_at    bigint NOT NULL,
    deliveries     bigint,                 -- how many were the customer's then; null until they are counted
    exported_at    bigint,                 -- when the answer was written out, the last time
    erased_at      bigint,                 -- since when the request does not say any more whom it is about
    listed_at      bigint NOT NULL
);
CREATE INDEX data_requests_list_{generation} ON data_requests_{generation} (account_id, listed_at);
CREATE INDEX data_requests_all_{generation} ON data_requests_{generation} (listed_at);
-- Those that still name a customer: read when one is erased.
CREATE INDEX data_requests_open_{generation} ON data_requests_{generation} (account_id, listed_at) WHERE erased_at IS NULL;
