package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/postgres"
)

// keyFlags say which key the portal signs its audit log and seals secrets with.
type keyFlags struct {
	SessionKey     string `env:"PORTREEVE_SESSION_KEY" placeholder:"KEY" help:"32 random characters or more, the same for all replicas, from which the keys of the audit log and of sealed secrets are made. openssl rand -base64 32 prints one. A demo makes its own."`
	SessionKeyFile string `env:"PORTREEVE_SESSION_KEY_FILE" placeholder:"FILE" help:"File that holds the session key, in place of the variable."`
}

// read returns the key that the operator gave, or the zero Key.
func (f *keyFlags) read() (access.Key, error) {
	text := f.SessionKey
	switch {
	case f.SessionKeyFile == "" && text == "":
		return access.Key{}, nil
	case f.SessionKeyFile != "" && text != "":
		return access.Key{}, fault.Invalidf("PORTREEVE_SESSION_KEY_FILE", "PORTREEVE_SESSION_KEY and PORTREEVE_SESSION_KEY_FILE are both set: keep one")
	case f.SessionKeyFile != "":
		b, err := catalog.ReadSmallFile(f.SessionKeyFile, "session key")
		if err != nil {
			return access.Key{}, fault.Invalidf("PORTREEVE_SESSION_KEY_FILE", "%v", err)
		}
		text = string(b)
	}
	return access.ParseKey(text)
}

// demoKeyFile is where a demo keeps its key.
func demoKeyFile(home string) string { return filepath.Join(home, "session.key") }

// demoKey returns the key of the demo in home, made at its first start.
func (f *keyFlags) demoKey(home string) (access.Key, error) {
	if key, err := f.read(); err != nil || !key.Zero() {
		return key, err
	}
	path := demoKeyFile(home)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b = []byte(access.NewKey() + "\n")
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return access.Key{}, fault.Unavailablef(err, "the key of the demo cannot be kept in %s", path)
	}
	return access.ParseKey(string(b))
}

// existingKey returns the key of the portal that a command looks after: the operator's, else that of the demo in the home folder.
func (c *cli) existingKey() (access.Key, error) {
	key, err := c.Key.read()
	if err != nil || !key.Zero() {
		return key, err
	}
	home, err := c.home()
	if err != nil {
		return key, err
	}
	b, err := os.ReadFile(demoKeyFile(home))
	if err != nil && c.DatabaseURL == "" && !postgres.HasData(home) {
		return key, fault.NotFoundf("there is no demo in %s and DATABASE_URL is not set", home)
	}
	if err != nil {
		return key, fault.Invalidf("PORTREEVE_SESSION_KEY", "what this does is recorded in the audit log, which needs the portal's key: set PORTREEVE_SESSION_KEY or PORTREEVE_SESSION_KEY_FILE as for serve")
	}
	return access.ParseKey(string(b))
}
