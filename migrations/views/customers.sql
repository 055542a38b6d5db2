-- Which deliveries are a customer's, by keyed hashes of what the customer is known by: nobody can read a person here.
CREATE TABLE customer_deliveries_{generation} (
    token       text   {bytewise} NOT NULL,
    delivery_id text   NOT NULL,
    listed_at   bigint NOT NULL,
    PRIMARY KEY (token, delivery_id)
);
CREATE INDEX customer_deliveries_delivery_{generation} ON customer_deliveries_{generation} (delivery_id);
