-- +goose Up
-- Teams and domains are what an operator declares (declared_in is file:line of the estate) or an admin adds. Data may name
-- teams that are not here: whoever shows one says so.

ALTER TABLE person ADD kind text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service'));
ALTER TABLE person ADD groups text[] NOT NULL DEFAULT '{}';       -- as the provider told at the last look
ALTER TABLE person ADD given_role text CHECK (given_role IN ('viewer', 'analyst', 'owner', 'steward', 'admin')); -- by an admin, in place of the rules'
ALTER TABLE person ADD login_at timestamptz;                      -- last login
ALTER TABLE person ADD made_role text NOT NULL DEFAULT '';        -- of whom the portal made: what they have while no admin gives them another
UPDATE person SET made_role = role;
CREATE INDEX person_name ON person (lower(name));
CREATE INDEX person_team ON person (team) WHERE team <> '';
-- Whom no rule gives a role has none where the operator wants that, and may do nothing.
ALTER TABLE person DROP CONSTRAINT person_role_check;
ALTER TABLE person ADD CONSTRAINT person_role_check CHECK (role IN ('', 'viewer', 'analyst', 'owner', 'steward', 'admin'));

CREATE TABLE team (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug        text        NOT NULL CONSTRAINT team_slug_key UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    contact     text        NOT NULL DEFAULT '',                  -- a channel or address to ask at
    declared_in text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    gone_at     timestamptz                                       -- no longer a team: what it owned is to be given away
);

CREATE TABLE team_member (
    team_id   bigint NOT NULL REFERENCES team ON DELETE CASCADE,
    person_id bigint NOT NULL REFERENCES person ON DELETE CASCADE,
    by_rule   boolean NOT NULL,                                   -- by a group of the provider, else given by hand
    PRIMARY KEY (team_id, person_id, by_rule)
);
CREATE INDEX team_member_person ON team_member (person_id);

CREATE TABLE domain (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug        text        NOT NULL CONSTRAINT domain_slug_key UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    declared_in text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    gone_at     timestamptz
);

CREATE TABLE domain_steward (
    domain_id bigint  NOT NULL REFERENCES domain ON DELETE CASCADE,
    person_id bigint  NOT NULL REFERENCES person ON DELETE CASCADE,
    by_rule   boolean NOT NULL,
    PRIMARY KEY (domain_id, person_id, by_rule)
);
CREATE INDEX domain_steward_person ON domain_steward (person_id);

-- What a group of the provider gives: a role, a team, the stewardship of a domain. The estate declares all of them.
CREATE TABLE group_rule (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claim       text   NOT NULL,                                  -- the group as the provider writes it
    role        text   NOT NULL DEFAULT '' CHECK (role IN ('', 'viewer', 'analyst', 'owner', 'steward', 'admin')),
    team        text   NOT NULL DEFAULT '',
    domain      text   NOT NULL DEFAULT '',
    declared_in text   NOT NULL
);

-- Who is in a team: by a rule, by hand, or since it is the team of the person as the portal itself or the provider named it.
CREATE VIEW team_person AS
    SELECT team_id, person_id FROM team_member
    UNION
    SELECT t.id, p.id FROM person p JOIN team t ON t.slug = p.team WHERE p.team <> '';

-- What a team owns and a domain holds. Their figures are counted when somebody looks.
CREATE INDEX search_team ON search (team) WHERE status < 2;
CREATE INDEX search_domain ON search (domain) WHERE status < 2;
