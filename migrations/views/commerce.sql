-- What happened in stores and here, in the words that subscribers get: where in the log each is from, and what it is about.
CREATE TABLE commerce_events_{generation} (
    position       bigint NOT NULL,         -- of the event of the log that it follows from
    ordinal        bigint NOT NULL,         -- which of those that follow from it
    id             text   {bytewise} NOT NULL,
    event_type     text   NOT NULL,
    account_id     text   NOT NULL,
    integration_id text,
    object_kind    text   NOT NULL,
    object_id      text   {bytewise} NOT NULL,
    session_id     text   {bytewise},
    stock          text,                    -- JSON: of what product the stock is, as it was known then
    occurred_at    bigint NOT NULL,
    recorded_at    bigint NOT NULL,
    PRIMARY KEY (position, ordinal)
);
CREATE UNIQUE INDEX commerce_events_id_{generation} ON commerce_events_{generation} (id);
CREATE INDEX commerce_events_list_{generation} ON commerce_events_{generation} (account_id, position, ordinal);
CREATE INDEX commerce_events_object_{generation} ON commerce_events_{generation} (account_id, object_id, position);
CREATE INDEX commerce_events_session_{generation} ON commerce_events_{generation} (account_id, session_id, position) WHERE session_id IS NOT NULL;

-- The products of stores as they were reported last, deleted ones too.
CREATE TABLE products_{generation} (
    id             text   {bytewise} PRIMARY KEY,   -- of the integration, and the store's own
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    provider       text   NOT NULL,
    product_id     text   {bytewise} NOT NULL,
    listed_at      bigint NOT NULL,         -- position of the first report: the place in lists, which never changes
    content        text   NOT NULL,         -- JSON
    stock          bigint,                  -- of the product as a whole, where its store counts no variants of it
    changed_at     bigint,                  -- by the store's own clock
    updated_at     bigint NOT NULL,         -- when the latest change of it or its stock was recorded here
    updated_by     bigint NOT NULL,         -- position of that change: unlike times, positions come in their order
    deleted_at     bigint
);
CREATE UNIQUE INDEX products_list_{generation} ON products_{generation} (account_id, listed_at);
CREATE INDEX products_updated_{generation} ON products_{generation} (account_id, updated_at);
CREATE INDEX products_changes_{generation} ON products_{generation} (account_id, updated_by);

-- What stock is counted of: an item of an inventory, a variant or a product, whichever the store names.
CREATE TABLE stock_items_{generation} (
    id             text   {bytewise} PRIMARY KEY,   -- of the integration, and what names the item
    product_id     text   {bytewise},
    variant_id     text   {bytewise},
    inventory_item_id text {bytewise},
    sku            text   {bytewise},
    available      bigint,                  -- in all locations together; null if no report says
    said_at        bigint,                  -- when the latest report was that alone said how many, by the store's clock
    is_stated      bigint NOT NULL,         -- 1 if a report stated it of all locations together
    reported_by    bigint NOT NULL,         -- position of the latest report of it
    levels         bigint NOT NULL,         -- the sum of what locations reported last
    counted        bigint NOT NULL,         -- locations that count it
    is_out         bigint NOT NULL,         -- 1 if it was published as out of stock and has not been above since
    is_out_unnamed bigint NOT NULL          -- 1 if that was published before its product was known
);
-- Other names that a store has for an item: one report names the item of an inventory, another the variant.
CREATE TABLE stock_names_{generation} (
    name           text   {bytewise} PRIMARY KEY,
    item_id        text   {bytewise} NOT NULL
);
-- What each location reported last.
CREATE TABLE stock_levels_{generation} (
    id             text   {bytewise} PRIMARY KEY,   -- of the integration, and the store's own of the level
    available      bigint
);
-- Which locations of a store reported any stock.
CREATE TABLE stock_locations_{generation} (
    integration_id text   PRIMARY KEY,
    first          text   {bytewise} NOT NULL,
    are_several    bigint NOT NULL          -- 1 once another one reported too, or a product's own report stated something else
);
-- The shopping conversation of each order that names one, by the id of the order's delivery.
CREATE TABLE order_sessions_{generation} (
    delivery_id    text   PRIMARY KEY,
    session_id     text   {bytewise} NOT NULL
);
-- How few left of a product count as out of stock.
CREATE TABLE stock_alerts_{generation} (
    account_id     text   PRIMARY KEY,
    threshold      bigint
);

-- What each endpoint wants that was not deleted: a row for each pattern of types that it names. So an event finds who wants it
-- without reading what all the others of its account want.
CREATE TABLE subscriptions_{generation} (
    endpoint_id    text   NOT NULL,
    pattern        text   NOT NULL,
    account_id     text   NOT NULL,
    wanted         text   NOT NULL,         -- the account and the pattern
    interest       text   NOT NULL,         -- JSON
    PRIMARY KEY (endpoint_id, pattern)
);
CREATE INDEX subscriptions_wanted_{generation} ON subscriptions_{generation} (wanted);

-- What is sent to which endpoint. The rows with a due_at are the queue.
CREATE TABLE dispatches_{generation} (
    id             text   {bytewise} PRIMARY KEY,
    endpoint_id    text   NOT NULL,
    account_id     text   NOT NULL,
    position       bigint NOT NULL,         -- of the commerce event, with its ordinal
    ordinal        bigint NOT NULL,
    status         text   NOT NULL,
    attempts       bigint NOT NULL,
    due_at         bigint,                  -- null where it is not sent any more
    changed_by     bigint NOT NULL,         -- position of the latest event that made it what it is
    attempted_at   bigint,
    response_status bigint,
    reason         text,
    skip_cause     text
);
CREATE INDEX dispatches_list_{generation} ON dispatches_{generation} (account_id, position, ordinal);
CREATE INDEX dispatches_endpoint_{generation} ON dispatches_{generation} (endpoint_id, position, ordinal);
CREATE INDEX dispatches_event_{generation} ON dispatches_{generation} (position, ordinal);
CREATE INDEX dispatches_queue_{generation} ON dispatches_{generation} (endpoint_id, position, ordinal) WHERE due_at IS NOT NULL;
CREATE INDEX dispatches_news_{generation} ON dispatches_{generation} (changed_by, ordinal, id) WHERE due_at IS NOT NULL;
CREATE INDEX dispatches_dead_{generation} ON dispatches_{generation} (account_id, position, ordinal) WHERE status = 'dead_letter';
