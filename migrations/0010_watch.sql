-- +goose Up
-- What people want to hear of, what happened, and what was sent to whom.
CREATE TABLE watch (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    kind       text        NOT NULL CHECK (kind IN ('dataset', 'search', 'team')),
    dataset_id bigint      REFERENCES dataset ON DELETE CASCADE,
    target     text        NOT NULL,                      -- source/name, the search's query string, or the team's slug
    cadence    text        NOT NULL DEFAULT 'now' CHECK (cadence IN ('now', 'daily', 'weekly')),
    looked_at  timestamptz,                               -- of a search: when it was last compared; null: not yet
    problem    text        NOT NULL DEFAULT '',           -- of a search: why it could not be
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT watch_once UNIQUE (person_id, kind, target)
);
CREATE INDEX watch_dataset ON watch (dataset_id) WHERE dataset_id IS NOT NULL;
CREATE INDEX watch_team ON watch (target) WHERE kind = 'team';
CREATE INDEX watch_search ON watch (looked_at) WHERE kind = 'search';

-- What a watched search has found so far. It is told of what is not here.
CREATE TABLE watch_seen (
    watch_id   bigint NOT NULL REFERENCES watch ON DELETE CASCADE,
    dataset_id bigint NOT NULL REFERENCES dataset ON DELETE CASCADE,
    PRIMARY KEY (watch_id, dataset_id)
);
CREATE INDEX watch_seen_dataset ON watch_seen (dataset_id);

CREATE TABLE notification (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    watch_id   bigint      REFERENCES watch ON DELETE SET NULL, -- null: it concerns them anyway
    event      text        NOT NULL,                      -- one of notify's events
    dataset_id bigint      REFERENCES dataset ON DELETE CASCADE,
    title      text        NOT NULL,
    body       text        NOT NULL DEFAULT '',
    path       text        NOT NULL,                      -- of the page about it
    once       text        NOT NULL,                      -- what happened, so that it is told once
    at         timestamptz NOT NULL DEFAULT now(),
    read_at    timestamptz,
    CONSTRAINT notification_once UNIQUE (person_id, once)
);
CREATE INDEX notification_person ON notification (person_id, id DESC);
CREATE INDEX notification_unread ON notification (person_id) WHERE read_at IS NULL;
CREATE INDEX notification_watch ON notification (watch_id) WHERE watch_id IS NOT NULL;
CREATE INDEX notification_dataset ON notification (dataset_id) WHERE dataset_id IS NOT NULL;

-- Where a person wants to be told beside Home. What is sealed is sealed by a key outside of the database.
CREATE TABLE channel (
    person_id   bigint  PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    email       boolean NOT NULL DEFAULT false,
    webhook     text    NOT NULL DEFAULT '',
    sealed      bytea,                                    -- the webhook's signing secret
    stop_sealed bytea,                                    -- the secret of the link that stops all mail
    stop_hash   bytea   CONSTRAINT channel_stop_hash_key UNIQUE -- by which that link is known
);

CREATE TABLE delivery (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    by         text        NOT NULL CHECK (by IN ('email', 'webhook')),
    notifications bigint[] NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
    attempts   int         NOT NULL DEFAULT 0,
    problem    text        NOT NULL DEFAULT '',
    due_at     timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting';
CREATE UNIQUE INDEX delivery_one_waiting ON delivery (person_id, by, due_at) WHERE state = 'waiting'; -- a digest is one
CREATE INDEX delivery_person ON delivery (person_id, id DESC);

-- Which changes and announcements have been told. A mark on the row itself, unlike a position in the sequence of ids, misses
-- nothing that commits late. What is older than this is told to nobody.
ALTER TABLE dataset_change ADD told boolean NOT NULL DEFAULT true;
ALTER TABLE dataset_change ALTER told SET DEFAULT false;
CREATE INDEX dataset_change_untold ON dataset_change (id) WHERE NOT told;
ALTER TABLE announcement ADD told boolean NOT NULL DEFAULT true;
ALTER TABLE announcement ALTER told SET DEFAULT false;
CREATE INDEX announcement_untold ON announcement (id) WHERE NOT told;
