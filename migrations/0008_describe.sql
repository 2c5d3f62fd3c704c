-- +goose Up
-- What people say of a dataset beside what its source says. dataset keeps what was observed; a value holds that is declared in
-- a file, else one that was edited here, else the observed one. dataset_override and dataset_column_doc are made of
-- dataset_attribute, so that reading costs one join.

CREATE TABLE dataset_edit (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    field      text        NOT NULL,                      -- see catalog.Fields; column:PATH for the words on a column
    old        text,                                      -- null: nothing was edited before; likewise new
    new        text,
    person_id  bigint      NOT NULL,
    person     text        NOT NULL,
    via        text        NOT NULL,
    reason     text        NOT NULL DEFAULT '',
    undoes     bigint      REFERENCES dataset_edit,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dataset_edit_dataset ON dataset_edit (dataset_id, field, id DESC);
CREATE INDEX dataset_edit_at ON dataset_edit (at, person_id);

CREATE TABLE dataset_attribute (
    dataset_id  bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    field       text        NOT NULL,
    origin      text        NOT NULL CHECK (origin IN ('declared', 'edited')),
    value       text        NOT NULL,                     -- lists as JSON
    edit_id     bigint      REFERENCES dataset_edit,      -- of an edited one
    declared_in text        NOT NULL DEFAULT '',          -- file:line of a declared one
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset_id, field, origin)
);

CREATE TABLE dataset_override (
    dataset_id   bigint  PRIMARY KEY REFERENCES dataset ON DELETE CASCADE,
    title        text,
    description  text,
    team         text,
    owners       bigint[],
    domain       text,
    tags         text[],
    terms        text[],
    certified    boolean,
    deprecated   text,
    sunset       date,
    successor    text,
    access       text,
    fresh_within bigint                                   -- seconds
);
CREATE INDEX dataset_override_owners ON dataset_override USING gin (owners) WHERE owners IS NOT NULL;
CREATE INDEX dataset_override_terms ON dataset_override USING gin (terms) WHERE terms IS NOT NULL;
CREATE INDEX dataset_override_fresh ON dataset_override (dataset_id) WHERE fresh_within IS NOT NULL;

CREATE TABLE dataset_column_doc (
    dataset_id bigint NOT NULL REFERENCES dataset ON DELETE CASCADE,
    path       text   NOT NULL,
    comment    text   NOT NULL,
    PRIMARY KEY (dataset_id, path)
);

ALTER TABLE dataset_change ADD edit_id bigint REFERENCES dataset_edit; -- whose edit it was; null: seen by a crawl

-- Who may read the rows of a source's datasets where the dataset does not say: open to everyone signed in, or restricted to those
-- whose it is and those who were granted it.
ALTER TABLE source ADD access text NOT NULL DEFAULT 'open' CHECK (access IN ('open', 'restricted'));

CREATE TABLE announcement (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    text       text        NOT NULL,
    tone       text        NOT NULL DEFAULT 'info' CHECK (tone IN ('info', 'warn', 'bad')),
    person_id  bigint      NOT NULL,
    person     text        NOT NULL,
    starts_at  timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz,
    ended_by   text        NOT NULL DEFAULT '',
    until      timestamptz                                -- of one that was taken down: when it would have ended
);
CREATE INDEX announcement_dataset ON announcement (dataset_id, id DESC);

CREATE TABLE glossary_term (
    slug       text        PRIMARY KEY CHECK (slug ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    name       text        NOT NULL,
    definition text        NOT NULL,
    domain     text        NOT NULL DEFAULT '',
    person     text        NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Registrations that a program named, so that it may send them again.
CREATE TABLE registration (
    person_id  bigint      NOT NULL,
    key        text        NOT NULL,                      -- Idempotency-Key
    body       bytea       NOT NULL,                      -- SHA-256 of what was sent
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, key)
);

-- What somebody is about to change of many datasets at once: it is looked at first, then carried out whole or not at all, and
-- can be taken back whole.
CREATE TABLE edit_plan (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint      NOT NULL,
    title      text        NOT NULL,                      -- what it was made of: a search, a file
    reason     text        NOT NULL DEFAULT '',
    back       text        NOT NULL DEFAULT '',           -- address of the search that it was made of
    items      jsonb       NOT NULL,                      -- see catalog.PlanItem
    places     jsonb       NOT NULL DEFAULT '{}',         -- of a file: by field, the number of its column from 1
    datasets   int         NOT NULL,
    done       int         NOT NULL DEFAULT 0,            -- datasets that have been written, while it is being carried out
    began_at   timestamptz,                               -- null: it is not being carried out
    applied_at timestamptz,                               -- the time of its edits
    changed    int         NOT NULL DEFAULT 0,            -- datasets
    undone_at  timestamptz,
    kept       int         NOT NULL DEFAULT 0,            -- fields that were not taken back, since somebody had edited them again
    problem    text        NOT NULL DEFAULT '',           -- why the last try changed nothing
    made_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX edit_plan_person ON edit_plan (person_id, id DESC);
