-- +goose Up
-- Sources beyond the first lake: what an operator declares, which datasets are the same thing, what only some kinds have,
-- and figures over time.

ALTER TABLE source ADD aliases text[] NOT NULL DEFAULT '{}';      -- other namespaces that foreign names use for it
ALTER TABLE source ADD declared_in text NOT NULL DEFAULT '';      -- file:line of the estate; '' when not declared there
ALTER TABLE source ADD retired_at timestamptz;                    -- no longer declared: kept, no longer crawled

-- Of the live datasets, those that have a page of their own: the sums count these. rows are of tables only, data and no traffic.
ALTER TABLE source_scope ADD pages int NOT NULL DEFAULT 0;
UPDATE source_scope SET pages = datasets;
ALTER TABLE source_scope ADD estimated boolean NOT NULL DEFAULT false;  -- some of rows are an estimate

-- All sources that know the thing, by which it is filtered and counted.
ALTER TABLE search ADD sources text[] NOT NULL DEFAULT '{}';
UPDATE search SET sources = ARRAY[source];

ALTER TABLE dataset ADD standing smallint NOT NULL DEFAULT 0;     -- 0 holds the data, 1 serves it, 2 describes it
ALTER TABLE dataset ADD estimated text[] NOT NULL DEFAULT '{}';   -- figures that the source estimates: rows, bytes
ALTER TABLE dataset ADD definition text NOT NULL DEFAULT '';      -- a view's SQL, a model's code
ALTER TABLE dataset ADD version text NOT NULL DEFAULT '';         -- by which the source's crawler knows it unchanged
ALTER TABLE dataset ADD shape_hash bytea NOT NULL DEFAULT '';     -- of all that history is made of
ALTER TABLE dataset ADD figure_hash bytea NOT NULL DEFAULT '';    -- of all else that was observed
ALTER TABLE dataset ADD main_id bigint REFERENCES dataset ON DELETE SET NULL; -- the dataset whose page shows it; null: its own
ALTER TABLE dataset ADD main_rule text NOT NULL DEFAULT '';       -- why: see dataset_identifier
ALTER TABLE dataset ADD main_evidence text NOT NULL DEFAULT '';   -- the identifier that both have
ALTER TABLE dataset ADD page_columns int;                         -- columns of its page where others add to them; null: its own
ALTER TABLE dataset ADD page_documented int;
ALTER TABLE dataset ADD CHECK (main_id <> id);
CREATE INDEX dataset_main ON dataset (main_id) WHERE main_id IS NOT NULL;

-- The names by which other systems know a dataset, in OpenLineage's way. Live datasets that share one are the same thing.
CREATE TABLE dataset_identifier (
    dataset_id bigint NOT NULL REFERENCES dataset ON DELETE CASCADE,
    namespace  text   NOT NULL,                          -- normalized: see catalog.Normal
    name       text   NOT NULL,
    rule       text   NOT NULL,                          -- how it is known, in words that a page shows
    part       text   NOT NULL DEFAULT '',               -- of the thing that the name names: key or value of a topic
    PRIMARY KEY (dataset_id, namespace, name)
);
CREATE INDEX dataset_identifier_name ON dataset_identifier (namespace, name);

-- What only some kinds of datasets have: partitions and groups of a topic, versions of a schema, tests of a model.
CREATE TABLE dataset_detail (
    dataset_id bigint      PRIMARY KEY REFERENCES dataset ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT now(),
    detail     jsonb       NOT NULL
);

-- The schemas of a registry as they were registered: long, and read one at a time.
CREATE TABLE schema_text (
    dataset_id bigint NOT NULL REFERENCES dataset ON DELETE CASCADE,
    version    int    NOT NULL,
    text       text   NOT NULL,
    PRIMARY KEY (dataset_id, version)
);

-- Figures of a dataset as crawls found them; a row stands until the next one.
CREATE TABLE measurement (
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT now(),
    row_count  bigint,
    byte_count bigint,
    file_count bigint,
    data_at    timestamptz,
    PRIMARY KEY (dataset_id, at)
);
