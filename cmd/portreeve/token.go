package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"portreeve/access"
	"portreeve/fault"
)

// plain is what a subject may look like: nothing that a line of a log or a page would show as something else.
var plain = regexp.MustCompile(`^[\pL\pN\pP\pS](?:[\pL\pN\pP\pS ]{0,198}[\pL\pN\pP\pS])?$`)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it, and nothing else, on standard output. It is not shown again."`
	List   tokenListCmd   `cmd:"" help:"List a person's tokens, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"Make a token useless from now on, and the sessions it was exchanged for."`
}

type tokenCreateCmd struct {
	User   string        `required:"" placeholder:"SUBJECT" help:"Whose token: the subject of a person, such as analyst in the demo."`
	Role   string        `enum:",viewer,analyst,owner,steward,admin" default:"" placeholder:"ROLE" help:"If there is no such person yet, make them with this role."`
	Scopes []string      `default:"read" placeholder:"A,B" help:"What it may be used for: read, write, admin."`
	TTL    time.Duration `default:"24h" help:"How long it is valid, at most 8760h."`
	Name   string        `default:"command line" help:"What it is for, shown in the list of tokens."`
}

// Run makes a token.
func (t *tokenCreateCmd) Run(ctx context.Context, c *cli) error {
	if !plain.MatchString(t.User) {
		return fault.Invalidf("user", "a subject has 1 to 200 visible characters and no spaces at its ends")
	}
	return c.withAccess(ctx, func(store *access.Store) error {
		person, err := store.PersonBySubject(ctx, access.LocalIssuer, t.User)
		if fault.KindOf(err) == fault.NotFound && t.Role != "" {
			person, err = store.CreatePerson(ctx, operatorAct(), access.Person{Issuer: access.LocalIssuer, Subject: t.User, Name: t.User, Role: access.Role(t.Role)})
		}
		if err != nil {
			return err
		}
		secret, _, err := store.CreateToken(ctx, operatorAct(), person.ID, t.Name, t.Scopes, t.TTL)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(os.Stdout, secret)
		return err
	})
}

type tokenListCmd struct {
	User string `required:"" placeholder:"SUBJECT" help:"Whose tokens."`
}

// Run prints a line for each token, newest first.
func (t *tokenListCmd) Run(ctx context.Context, c *cli) error {
	return withPerson(ctx, c, t.User, func(store *access.Store, person access.Person) error {
		tokens, err := store.Tokens(ctx, person.ID)
		for _, t := range tokens {
			state := "until " + t.ExpiresAt.UTC().Format(time.RFC3339)
			if t.RevokedAt != nil {
				state = "revoked " + t.RevokedAt.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(os.Stdout, "%d\t%s\t%s\t%s\n", t.ID, strings.Join(t.Scopes, ","), state, t.Name)
		}
		return err
	})
}

type tokenRevokeCmd struct {
	User string `required:"" placeholder:"SUBJECT" help:"Whose token."`
	ID   int64  `arg:"" help:"Number of the token, as token list prints it."`
}

// Run revokes.
func (t *tokenRevokeCmd) Run(ctx context.Context, c *cli) error {
	return withPerson(ctx, c, t.User, func(store *access.Store, person access.Person) error {
		return store.RevokeToken(ctx, operatorAct(), person.ID, t.ID)
	})
}

func withPerson(ctx context.Context, c *cli, subject string, do func(*access.Store, access.Person) error) error {
	return c.withAccess(ctx, func(store *access.Store) error {
		person, err := store.PersonBySubject(ctx, access.LocalIssuer, subject)
		if err != nil {
			return err
		}
		return do(store, person)
	})
}

// withAccess lends people and tokens of the portal that this command looks after, with an audit log to record in.
func (c *cli) withAccess(ctx context.Context, do func(*access.Store) error) (err error) {
	key, err := c.existingKey()
	if err != nil {
		return err
	}
	db, err := c.existing(ctx, c.logger(os.Stderr))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	store := access.NewStore(db.pool)
	store.Audit = access.NewAudit(key)
	return do(store)
}

// operatorAct is what a command does, as the audit log keeps it.
func operatorAct() access.Act { return access.Act{Who: access.Operator(), Via: "command line"} }
