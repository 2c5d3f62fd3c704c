-- +goose Up
-- Who asked for a restricted dataset, and who may read it until when. Rows are kept: they are the record of both.
CREATE TABLE access_request (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    person_id  bigint      NOT NULL REFERENCES person,
    columns    text[],                                    -- null: all
    purpose    text        NOT NULL,
    until      timestamptz NOT NULL,
    extends    bigint,                                    -- the grant that it asks to extend
    state      text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied', 'withdrawn', 'expired')),
    decided_by bigint      REFERENCES person,
    decided_at timestamptz,
    reason     text        NOT NULL DEFAULT '',           -- of the decision
    reminded_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX access_request_one_pending ON access_request (dataset_id, person_id) WHERE state = 'pending';
CREATE INDEX access_request_person ON access_request (person_id, id DESC);
CREATE INDEX access_request_pending ON access_request (dataset_id) WHERE state = 'pending';

CREATE TABLE access_grant (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    person_id  bigint      NOT NULL REFERENCES person,
    columns    text[],                                    -- null: all
    until      timestamptz NOT NULL,
    request_id bigint      REFERENCES access_request,
    granted_by bigint      NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT now(),
    reminded_at timestamptz,                              -- that it ends soon
    ended_at   timestamptz,                               -- revoked, or found to have expired
    ended_by   bigint      REFERENCES person,             -- null: it expired
    reason     text        NOT NULL DEFAULT ''
);
CREATE INDEX access_grant_person ON access_grant (person_id, dataset_id) WHERE ended_at IS NULL;
CREATE INDEX access_grant_dataset ON access_grant (dataset_id) WHERE ended_at IS NULL;
