-- +goose Up
-- What search reads: one narrow row per dataset, written in the transaction that changes the dataset. Its keys are
--   booking              a word anywhere: name, title, description, columns, tags, team
--   n/booking            a word of the name
--   c/bookingid          a whole column name, letters and digits only
--   #team:flights #is:certified #all                   facets, so that a filter is one more posting list
--   #h0 … #h4  #u0 … #u4  #f0 … #f4                    the top 1/4, 1/16 … 1/1024 by rank, by use, by freshness; nested
--   #s0 … #s4            random samples of the same sizes, by a hash of the id; nested
-- rank, used and fresh stay without an index of their own: a change of usage is then a HOT update.
CREATE TABLE search (
    dataset_id bigint           PRIMARY KEY REFERENCES dataset ON DELETE CASCADE,
    name_key   text COLLATE "C" NOT NULL,                -- letters and digits of the name's last part; of a topic, the whole
    path_key   text COLLATE "C" NOT NULL,                -- letters and digits of the whole name
    words      int              NOT NULL,                -- in the name
    source     text             NOT NULL,
    kind       text             NOT NULL,
    team       text             NOT NULL,
    domain     text             NOT NULL,
    tags       text[]           NOT NULL,
    certified  boolean          NOT NULL,
    status     smallint         NOT NULL,                -- 0 live, 1 deprecated, 2 gone
    rank       double precision NOT NULL,                -- 0 to 1 by usage, documentation, owner, certification
    used       double precision NOT NULL,                -- reads in 30 days; equals differ by rank
    fresh      double precision NOT NULL,                -- when the data changed, in seconds since 1970; equals differ by rank
    rank_tier  smallint         NOT NULL,                -- how many of #h0 … #h4 it has; likewise the two below
    used_tier  smallint         NOT NULL,
    fresh_tier smallint         NOT NULL,
    vis        text[],                                   -- null: everyone; else the teams that may see it
    keys       tsvector         NOT NULL
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.005);

-- Without fastupdate: the pending list would be read whole by every search.
CREATE INDEX search_keys ON search USING gin (keys) WITH (fastupdate = off);
CREATE INDEX search_name ON search (name_key);

-- The words in use. The counts only plan questions, so they may be stale; "c/" and "#" keys are kept where they are common.
CREATE TABLE term (
    term text COLLATE "C" PRIMARY KEY,
    df   int NOT NULL,                                   -- datasets with the word anywhere
    ndf  int NOT NULL                                    -- datasets with it in the name
);
CREATE INDEX term_pre1 ON term (left(term, 1), ndf DESC) WHERE ndf > 0;
CREATE INDEX term_pre2 ON term (left(term, 2), ndf DESC) WHERE ndf > 0;
CREATE INDEX term_pre3 ON term (left(term, 3), ndf DESC) WHERE ndf > 0;

-- One row: the lowest rank, use and freshness in each tier, lowest tier first. Nobody is in a tier before the first count.
CREATE TABLE search_tier (
    one      boolean            PRIMARY KEY DEFAULT true CHECK (one),
    datasets bigint             NOT NULL DEFAULT 0,
    rank     double precision[] NOT NULL,
    used     double precision[] NOT NULL,
    fresh    double precision[] NOT NULL
);
INSERT INTO search_tier (rank, used, fresh)
SELECT a, a, a FROM (SELECT array_fill('Infinity'::double precision, ARRAY[5]) AS a) t;
