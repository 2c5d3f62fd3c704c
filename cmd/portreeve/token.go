package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"portreeve/access"
	"portreeve/fault"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it, and nothing else, on standard output. It is not shown again."`
}

type tokenCreateCmd struct {
	User   string        `required:"" placeholder:"SUBJECT" help:"Whose token: the subject of a person, such as analyst in the demo."`
	Role   string        `enum:",viewer,analyst,owner,steward,admin" default:"" placeholder:"ROLE" help:"If there is no such person yet, make them with this role."`
	Scopes []string      `default:"read" placeholder:"A,B" help:"What it may be used for: read, write, admin."`
	TTL    time.Duration `default:"24h" help:"How long it is valid, at most 8760h."`
	Name   string        `default:"command line" help:"What it is for, shown in the list of tokens."`
}

// Run makes a token.
func (t *tokenCreateCmd) Run(ctx context.Context, c *cli) (err error) {
	db, err := c.existing(ctx, c.logger(os.Stderr))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	store := access.NewStore(db.pool)
	person, err := store.PersonBySubject(ctx, access.LocalIssuer, t.User)
	if fault.KindOf(err) == fault.NotFound && t.Role != "" {
		person, err = store.EnsurePerson(ctx, access.Person{Issuer: access.LocalIssuer, Subject: t.User, Name: t.User, Role: access.Role(t.Role)})
	}
	if err != nil {
		return err
	}
	secret, _, err := store.CreateToken(ctx, person.ID, t.Name, t.Scopes, t.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(os.Stdout, secret)
	return err
}
