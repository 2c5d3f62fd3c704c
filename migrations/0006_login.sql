-- +goose Up
-- A login under way: used once, by the browser that began it, within ten minutes.
CREATE TABLE login_flow (
    state      bytea       PRIMARY KEY CHECK (length(state) = 32),   -- SHA-256 of what the provider hands back
    browser    bytea       NOT NULL CHECK (length(browser) = 32),    -- SHA-256 of the cookie of the browser that began it
    nonce      text        NOT NULL,
    verifier   text        NOT NULL,                                 -- of PKCE
    back       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE person ADD checked_at timestamptz;                       -- when the provider last vouched for them; null: it never had to
ALTER TABLE session ADD id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT session_id_key UNIQUE; -- by which its person names it
ALTER TABLE session ADD agent text NOT NULL DEFAULT '';              -- browser and system, in words
ALTER TABLE session ADD provider_session text NOT NULL DEFAULT '';   -- the provider's own id of it
ALTER TABLE session ADD sealed bytea;                                -- refresh and id token, sealed by a key outside of the database
ALTER TABLE session ADD checked_at timestamptz NOT NULL DEFAULT now(); -- when the provider was last asked about the person
