-- +goose Up
-- What people want to hear of, what happened, and what was sent to whom.
CREATE TABLE watch (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    kind       text        NOT NULL CHECK (kind IN ('dataset', 'search', 'team')),
    dataset_id bigint      REFERENCES dataset ON DELETE CASCADE,
    target     text        NOT NULL,                      -- source/name, the search's query string, or the team's slug
    cadence    text        NOT NULL DEFAULT 'now' CHECK (cadence IN ('now', 'daily', 'weekly')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT watch_once UNIQUE (person_id, kind, target)
);
CREATE INDEX watch_dataset ON watch (dataset_id) WHERE dataset_id IS NOT NULL;
CREATE INDEX watch_team ON watch (target) WHERE kind = 'team';

CREATE TABLE notification (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    watch_id   bigint      REFERENCES watch ON DELETE SET NULL, -- null: it concerns them anyway
    event      text        NOT NULL,                      -- schema, deprecated, owner, described, gone, request, grant, match, announcement
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

-- Where a person wants to be told beside Home.
CREATE TABLE channel (
    person_id bigint  PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    email     boolean NOT NULL DEFAULT false,
    webhook   text    NOT NULL DEFAULT '',
    sealed    bytea,                                      -- the webhook's signing secret, sealed by a key outside of the database
    stop_hash bytea                                       -- of the secret in the link that stops it all
);

CREATE TABLE delivery (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    by         text        NOT NULL CHECK (by IN ('email', 'webhook')),
    notifications bigint[] NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    attempts   int         NOT NULL DEFAULT 0,
    problem    text        NOT NULL DEFAULT '',
    due_at     timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz
);
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting';

-- How far changes have been turned into notifications.
CREATE TABLE notify_position (
    stream text   PRIMARY KEY,
    next   bigint NOT NULL
);
