package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// flowMax is how long a login may take at the provider.
const flowMax = 10 * time.Minute

// Flow is a login under way: what the provider and the browser must show together to finish it.
type Flow struct {
	State    string // goes to the provider and back
	Browser  string // stays in the browser's cookie
	Nonce    string // comes back within the provider's token
	Verifier string // of PKCE: shown to the provider at the end
	Back     string // our page that the person wanted
}

// BeginLogin starts a login in a browser that has the secret browser, or "" when it has none yet, to lead to the page back.
func (s *Store) BeginLogin(ctx context.Context, browser, back string) (Flow, error) {
	const q = `
		WITH old AS (DELETE FROM login_flow WHERE created_at < now() - @max::interval)
		INSERT INTO login_flow (state, browser, nonce, verifier, back) VALUES (@state, @browser, @nonce, @verifier, @back)`
	f := Flow{Browser: browser, Back: back}
	if len(f.Browser) != secretLen {
		f.Browser, _ = newSecret()
	}
	var state []byte
	f.State, state = newSecret()
	f.Nonce, _ = newSecret()
	f.Verifier, _ = newSecret()
	_, err := s.db.Exec(ctx, q, pgx.NamedArgs{
		"state": state, "browser": hashOf(f.Browser), "nonce": f.Nonce, "verifier": f.Verifier, "back": back, "max": flowMax,
	})
	if err != nil {
		return Flow{}, fmt.Errorf("begin a login: %w", err)
	}
	return f, nil
}

// TakeLogin returns the login that state belongs to, once: it is gone afterwards, also when it is refused. A state that is
// unknown, used, too old, or of another browser is Forbidden, and only the log learns which.
func (s *Store) TakeLogin(ctx context.Context, state, browser string) (Flow, error) {
	const q = `
		DELETE FROM login_flow WHERE state = @state
		RETURNING browser, nonce, verifier, back, created_at < now() - @max::interval`
	f := Flow{State: state, Browser: browser}
	var owner []byte
	var old bool
	err := s.db.QueryRow(ctx, q, pgx.NamedArgs{"state": hashOf(state), "max": flowMax}).Scan(&owner, &f.Nonce, &f.Verifier, &f.Back, &old)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Flow{}, refusef("the state is unknown or was used before")
	case err != nil:
		return Flow{}, fmt.Errorf("finish a login: %w", err)
	case subtle.ConstantTimeCompare(owner, hashOf(browser)) == 0:
		return Flow{}, refusef("the login was begun in another browser")
	case old:
		return Flow{}, refusef("the login took longer than %v", flowMax)
	}
	return f, nil
}

// refusef returns a Forbidden error whose cause is for the log only: who tries to sign in with what is not theirs learns nothing.
func refusef(format string, args ...any) error {
	return &fault.Error{Kind: fault.Forbidden, Msg: "the sign-in did not work", Err: fmt.Errorf(format, args...)}
}
