-- +goose Up
-- What the portal knows of other systems. A row outlives the thing it describes: gone_at is set and the name stays taken,
-- so that old links, lineage and history still have something to point at.

CREATE TABLE source (
    id            int         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug          text        NOT NULL CONSTRAINT source_slug_key UNIQUE CHECK (slug ~ '^[a-z][a-z0-9_-]{0,62}$'),
    kind          text        NOT NULL,                  -- the connector: iceberg, trino, kafka …
    title         text        NOT NULL DEFAULT '',
    namespace     text        NOT NULL DEFAULT '',       -- OpenLineage's name of the system
    note          text        NOT NULL DEFAULT '',       -- shown on its page and on the pages of its datasets
    config        jsonb       NOT NULL DEFAULT '{}',     -- settings of the connector, never a secret
    crawl_every   interval    NOT NULL DEFAULT '1 hour',
    next_crawl_at timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- One run over a source. Rows are kept: they are the source's health.
CREATE TABLE crawl (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id    int         NOT NULL REFERENCES source,
    trigger      text        NOT NULL,                   -- schedule, or the name of the person who asked
    state        text        NOT NULL CHECK (state IN ('queued', 'running', 'finished', 'partial', 'failed')),
    scope        text        NOT NULL DEFAULT '',        -- what is being read now
    scopes_total int         NOT NULL DEFAULT 0,
    scopes_done  int         NOT NULL DEFAULT 0,
    seen         int         NOT NULL DEFAULT 0,         -- datasets; likewise the counts below
    added        int         NOT NULL DEFAULT 0,
    changed      int         NOT NULL DEFAULT 0,
    renamed      int         NOT NULL DEFAULT 0,
    gone         int         NOT NULL DEFAULT 0,
    failed       int         NOT NULL DEFAULT 0,
    message      text        NOT NULL DEFAULT '',        -- why the whole run failed
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz
);
CREATE INDEX crawl_source ON crawl (source_id, id DESC);
CREATE UNIQUE INDEX crawl_one_open ON crawl (source_id) WHERE state IN ('queued', 'running');

CREATE TABLE crawl_error (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    crawl_id bigint      NOT NULL REFERENCES crawl ON DELETE CASCADE,
    scope    text        NOT NULL,
    name     text        NOT NULL DEFAULT '',            -- the dataset, or '' for the whole scope
    message  text        NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX crawl_error_crawl ON crawl_error (crawl_id);

CREATE TABLE dataset (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id     int         NOT NULL REFERENCES source,
    name          text        NOT NULL CHECK (name <> '' AND length(name) <= 1024),
    scope         text        NOT NULL,                  -- the part of the source it was crawled with
    native_id     text        NOT NULL DEFAULT '',       -- the source's own id, which survives a rename
    kind          text        NOT NULL,
    title         text        NOT NULL DEFAULT '',
    description   text        NOT NULL DEFAULT '',
    team          text        NOT NULL DEFAULT '',       -- slug
    domain        text        NOT NULL DEFAULT '',       -- slug
    tags          text[]      NOT NULL DEFAULT '{}',
    certified     boolean     NOT NULL DEFAULT false,
    deprecated    text        NOT NULL DEFAULT '',       -- why, and what to use; '' when it is not
    location      text        NOT NULL DEFAULT '',
    format        text        NOT NULL DEFAULT '',
    partitioning  text[]      NOT NULL DEFAULT '{}',
    sort_order    text[]      NOT NULL DEFAULT '{}',
    row_count     bigint      CHECK (row_count >= 0),    -- null: unknown; likewise the two below
    byte_count    bigint      CHECK (byte_count >= 0),
    file_count    bigint      CHECK (file_count >= 0),
    column_count  int         NOT NULL DEFAULT 0,
    documented    int         NOT NULL DEFAULT 0,        -- columns with a comment
    snapshot_id   text        NOT NULL DEFAULT '',
    data_at       timestamptz,                           -- when its data last changed
    properties    jsonb       NOT NULL DEFAULT '{}',
    usage         real        NOT NULL DEFAULT 0,        -- reads in 30 days
    problem       text        NOT NULL DEFAULT '',       -- why it could not be read at the last crawl
    problem_since timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),    -- the newest row of its history
    seen_at       timestamptz NOT NULL DEFAULT now(),
    seen_crawl    bigint      NOT NULL DEFAULT 0,
    gone_at       timestamptz,
    CONSTRAINT dataset_name_key UNIQUE (source_id, name)
);
CREATE INDEX dataset_native ON dataset (source_id, native_id) WHERE native_id <> '';
CREATE INDEX dataset_scope ON dataset (source_id, scope) WHERE gone_at IS NULL;
CREATE INDEX dataset_lower ON dataset (lower(name));
CREATE INDEX dataset_changed ON dataset (changed_at DESC);
CREATE INDEX dataset_gone ON dataset (source_id) WHERE gone_at IS NOT NULL;
CREATE INDEX dataset_problem ON dataset (source_id) WHERE problem <> '' AND gone_at IS NULL;

-- Columns, fields of structs among them. path is dotted into structs; a part that itself holds a dot or a quote is quoted.
CREATE TABLE dataset_column (
    dataset_id bigint  NOT NULL REFERENCES dataset ON DELETE CASCADE,
    position   int     NOT NULL,                         -- 0-based, depth first
    path       text    NOT NULL,
    type       text    NOT NULL,                         -- as the source writes it
    nullable   boolean NOT NULL,
    comment    text    NOT NULL DEFAULT '',
    native_id  text    NOT NULL DEFAULT '',              -- Iceberg's field id: proves a rename
    PRIMARY KEY (dataset_id, position)
);

-- The history of a dataset's shape and description. Append-only.
CREATE TABLE dataset_change (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    crawl_id   bigint,
    at         timestamptz NOT NULL DEFAULT now(),       -- the rows of one moment are one version
    kind       text        NOT NULL,
    field      text        NOT NULL DEFAULT '',          -- column path or attribute
    old        text        NOT NULL DEFAULT '',
    new        text        NOT NULL DEFAULT ''
);
CREATE INDEX dataset_change_dataset ON dataset_change (dataset_id, id DESC);
CREATE INDEX dataset_change_at ON dataset_change (at DESC);

-- Commits to the data, as the source tells them. Kept after the source expires them.
CREATE TABLE snapshot (
    dataset_id   bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    id           text        NOT NULL,
    parent_id    text        NOT NULL DEFAULT '',
    at           timestamptz NOT NULL,
    operation    text        NOT NULL DEFAULT '',
    added_rows   bigint,
    deleted_rows bigint,
    total_rows   bigint,
    added_bytes  bigint,
    total_bytes  bigint,
    added_files  bigint,
    total_files  bigint,
    summary      jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (dataset_id, id)
);
CREATE INDEX snapshot_at ON snapshot (dataset_id, at DESC);

-- The newest profile of a dataset: made by a job, never by a page.
CREATE TABLE profile (
    dataset_id   bigint      PRIMARY KEY REFERENCES dataset ON DELETE CASCADE,
    snapshot_id  text        NOT NULL,
    taken_at     timestamptz NOT NULL DEFAULT now(),
    rows_total   bigint      NOT NULL,
    rows_read    bigint      NOT NULL,                   -- fewer than rows_total: a sample
    took_ms      int         NOT NULL DEFAULT 0,
    columns      jsonb       NOT NULL DEFAULT '[]',
    problem      text        NOT NULL DEFAULT ''         -- why there is no profile of this snapshot
);

-- The parts of a source that are crawled on their own, and how that last went.
CREATE TABLE source_scope (
    source_id     int         NOT NULL REFERENCES source ON DELETE CASCADE,
    name          text        NOT NULL,
    datasets      int         NOT NULL DEFAULT 0,        -- live ones; this and the sums below stand as of the last crawl
    columns       int         NOT NULL DEFAULT 0,
    rows          bigint      NOT NULL DEFAULT 0,
    bytes         bigint      NOT NULL DEFAULT 0,
    ok_at         timestamptz,
    problem       text        NOT NULL DEFAULT '',
    problem_since timestamptz,
    PRIMARY KEY (source_id, name)
);
