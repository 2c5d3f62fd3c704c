-- +goose Up
-- Who did what. Rows are added in the transaction of the act and never changed. mac is HMAC-SHA-256 over the row before and
-- this one with a key that is not in the database: see access.Audit.
CREATE TABLE audit (
    seq        bigint      PRIMARY KEY,
    at         timestamptz NOT NULL,
    person_id  bigint      NOT NULL,                      -- 0: nobody known
    person     text        NOT NULL,                      -- the name at that time
    via        text        NOT NULL,                      -- page, api, command line, job
    token_id   bigint      NOT NULL,                      -- 0: none
    request_id text        NOT NULL,
    address    text        NOT NULL,
    action     text        NOT NULL,                      -- such as dataset.edit
    object     text        NOT NULL,                      -- such as dataset lake/raw.flights
    reason     text        NOT NULL,
    detail     text        NOT NULL,                      -- JSON as it was written, byte for byte
    key_id     text        NOT NULL,                      -- which key
    mac        bytea       NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_person ON audit (person_id, seq);
CREATE INDEX audit_object ON audit (object, seq);
CREATE INDEX audit_action ON audit (action, seq);

CREATE TABLE audit_head (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq    bigint  NOT NULL,
    mac    bytea   NOT NULL,
    told   bigint  NOT NULL DEFAULT 0                     -- seq of the head that was exported last
);
INSERT INTO audit_head (seq, mac) VALUES (0, '');

-- +goose StatementBegin
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
