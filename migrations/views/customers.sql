-- Which deliveries are a customer's, by keyed hashes of what the customer is known by: nobody can read a person here.
CREATE TABLE customer_deliveries_{generation} (
    token       text   {bytewise} NOT NULL,
    delivery_id text   NOT NULL,
    listed_at   bigint NOT NULL,
    PRIMARY KEY (token, delivery_id)
);
CREATE INDEX customer_deliveries_delivery_{generation} ON customer_deliveries_{generation} (delivery_id);
-- Webhooks about no order that still have their bodies, which may name anybody.
CREATE TABLE kept_notices_{generation} (
    id             text   PRIMARY KEY,
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    kind           text   NOT NULL,
    received_at    bigint NOT NULL,
    listed_at      bigint NOT NULL
);
CREATE INDEX kept_notices_account_{generation} ON kept_notices_{generation} (account_id, listed_at);
CREATE INDEX kept_notices_integration_{generation} ON kept_notices_{generation} (integration_id, listed_at);
-- Whom they name, by the same keyed hashes.
CREATE TABLE customer_notices_{generation} (
    token     text   {bytewise} NOT NULL,
    notice_id text   NOT NULL,
    listed_at bigint NOT NULL,
    PRIMARY KEY (token, notice_id)
);
CREATE INDEX customer_notices_notice_{generation} ON customer_notices_{generation} (notice_id);
