-- +goose Up
-- People are (issuer, subject): an e-mail address changes hands, a subject does not.
CREATE TABLE person (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer      text        NOT NULL,
    subject     text        NOT NULL,
    name        text        NOT NULL,
    email       text        NOT NULL DEFAULT '',
    team        text        NOT NULL DEFAULT '',
    role        text        NOT NULL CHECK (role IN ('viewer', 'analyst', 'owner', 'steward', 'admin')),
    theme       text        NOT NULL DEFAULT '' CHECK (theme IN ('', 'light', 'dark')),
    nav         text        NOT NULL DEFAULT '' CHECK (nav IN ('', 'icons')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    CONSTRAINT person_identity_key UNIQUE (issuer, subject)
);

-- Sessions and tokens are stored as SHA-256 of 256 random bits: what is in the database opens nothing.
CREATE TABLE token (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       bytea       NOT NULL CONSTRAINT token_hash_key UNIQUE CHECK (length(hash) = 32),
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    name       text        NOT NULL DEFAULT '',
    scopes     text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TABLE session (
    hash       bytea       PRIMARY KEY CHECK (length(hash) = 32),
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    token_id   bigint      REFERENCES token ON DELETE CASCADE, -- the token it was exchanged for; it ends with it
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_person ON session (person_id);

-- Who opened which dataset when: "recently opened", and the first signal of usage.
CREATE TABLE dataset_open (
    person_id  bigint      NOT NULL REFERENCES person ON DELETE CASCADE,
    dataset_id bigint      NOT NULL REFERENCES dataset ON DELETE CASCADE,
    opens      int         NOT NULL DEFAULT 1,
    opened_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, dataset_id)
);
CREATE INDEX dataset_open_dataset ON dataset_open (dataset_id);
CREATE INDEX dataset_open_recent ON dataset_open (person_id, opened_at DESC);
