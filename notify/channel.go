package notify

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// What secrets are sealed for.
const (
	sealWebhook = "webhook secret"
	sealStop    = "mail stop link"
)

// Channel is where a person is told beside Home.
type Channel struct {
	Address string // of e-mail, as the provider tells it; "" when it tells none
	Email   bool   // they want it
	Webhook string // its URL, or ""
}

// Channel returns where a person is told.
func (s *Store) Channel(ctx context.Context, person int64) (Channel, error) {
	const q = `
		SELECT p.email AS address, coalesce(c.email, false) AS email, coalesce(c.webhook, '') AS webhook
		FROM person p LEFT JOIN channel c ON c.person_id = p.id WHERE p.id = $1`
	rows, _ := s.db.Query(ctx, q, person)
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Channel])
}

// SetEmail turns e-mail on or off for who acts.
func (s *Store) SetEmail(ctx context.Context, act access.Act, on bool) error {
	const q = `
		INSERT INTO channel AS c (person_id, email, stop_sealed, stop_hash) VALUES (@person, @on, @sealed, @hash)
		ON CONFLICT (person_id) DO UPDATE SET email = excluded.email, stop_sealed = coalesce(c.stop_sealed, excluded.stop_sealed),
			stop_hash = coalesce(c.stop_hash, excluded.stop_hash)`
	secret := newSecret()
	sealed, err := s.Key.Seal(sealStop, secret)
	if err != nil {
		return err
	}
	args := pgx.NamedArgs{"person": act.Who.ID, "on": on, "sealed": sealed, "hash": hashOf(secret)}
	return s.setChannel(ctx, act, map[string]any{"email": on}, q, args)
}

// SetWebhook has notifications of who acts posted to an address, which outbound.CheckURL has passed; "" ends it. It returns the secret that
// signs them when there was none: it is shown once.
func (s *Store) SetWebhook(ctx context.Context, act access.Act, address string) (secret string, err error) {
	const q = `
		INSERT INTO channel AS c (person_id, webhook, sealed) VALUES (@person, @webhook, @sealed)
		ON CONFLICT (person_id) DO UPDATE SET webhook = excluded.webhook,
			sealed = CASE WHEN excluded.webhook = '' THEN NULL ELSE coalesce(c.sealed, excluded.sealed) END`
	before, err := s.Channel(ctx, act.Who.ID)
	if err != nil {
		return "", err
	}
	args := pgx.NamedArgs{"person": act.Who.ID, "webhook": address, "sealed": nil}
	if address != "" && before.Webhook == "" {
		if secret, args["sealed"], err = s.newWebhookSecret(); err != nil {
			return "", err
		}
	}
	return secret, s.setChannel(ctx, act, map[string]any{"webhook": hostOf(address)}, q, args)
}

// hostOf is what the audit log, which nothing can be taken out of, is told of an address: for many services the rest is a secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(address))
	return u.Scheme + "://" + u.Host + "/… (" + hex.EncodeToString(sum[:4]) + ")"
}

// RotateSecret replaces the secret that signs what is posted to the webhook of who acts and returns the new one, which is shown once.
func (s *Store) RotateSecret(ctx context.Context, act access.Act) (secret string, err error) {
	const q = `UPDATE channel SET sealed = @sealed WHERE person_id = @person AND webhook <> ''`
	secret, sealed, err := s.newWebhookSecret()
	if err != nil {
		return "", err
	}
	return secret, s.setChannel(ctx, act, map[string]any{"webhook": "new secret"}, q, pgx.NamedArgs{"person": act.Who.ID, "sealed": sealed})
}

// setChannel runs q, which changes the channel of who acts, and records it.
func (s *Store) setChannel(ctx context.Context, act access.Act, detail map[string]any, q string, args pgx.NamedArgs) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, q, args)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.Invalidf("/webhook", "there is no webhook: save its address first")
		}
		object := fmt.Sprintf("channel of person %d", act.Who.ID)
		return s.Audit.Record(ctx, tx, act, access.Event{Action: "channel.change", Object: object, Detail: detail})
	})
}

// MailOf returns whose mail the link with the secret stops, and whether they still get any. An unknown secret is NotFound.
func (s *Store) MailOf(ctx context.Context, secret string) (who access.Person, on bool, err error) {
	const q = `SELECT p.id, p.name, p.email, c.email FROM channel c JOIN person p ON p.id = c.person_id WHERE c.stop_hash = $1`
	err = s.db.QueryRow(ctx, q, hashOf(secret)).Scan(&who.ID, &who.Name, &who.Email, &on)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.NotFoundf("this link stops nothing: it is cut off, or older than the portal")
	}
	return who, on, err
}

// StopMail turns e-mail off for whose the link with the secret is. Stopping twice is stopping once.
func (s *Store) StopMail(ctx context.Context, act access.Act, secret string) error {
	const q = `UPDATE channel SET email = false WHERE person_id = @person`
	who, on, err := s.MailOf(ctx, secret)
	if err != nil || !on {
		return err
	}
	act.Who, act.Via = access.Principal{Person: who}, "link in a mail"
	return s.setChannel(ctx, act, map[string]any{"email": false}, q, pgx.NamedArgs{"person": who.ID})
}

// stopSecret returns the secret of the link that stops a person's mail.
func (s *Store) stopSecret(ctx context.Context, person int64) (string, error) {
	var sealed []byte
	if err := s.db.QueryRow(ctx, `SELECT stop_sealed FROM channel WHERE person_id = $1`, person).Scan(&sealed); err != nil {
		return "", err
	}
	return s.Key.Open(sealStop, sealed)
}

// webhookSecret returns the key that signs what is posted to a person's webhook.
func (s *Store) webhookSecret(ctx context.Context, person int64) ([]byte, error) {
	var sealed []byte
	if err := s.db.QueryRow(ctx, `SELECT sealed FROM channel WHERE person_id = $1`, person).Scan(&sealed); err != nil {
		return nil, err
	}
	text, err := s.Key.Open(sealWebhook, sealed)
	if err != nil {
		return nil, fault.Conflictf("the signing secret cannot be read, since the portal's key is another one now: make a new secret")
	}
	return decodeSecret(text)
}

// secretPrefix begins the text of a webhook's secret, as Standard Webhooks writes it.
const secretPrefix = "whsec_"

func (s *Store) newWebhookSecret() (text string, sealed []byte, err error) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	text = secretPrefix + base64.StdEncoding.EncodeToString(b[:])
	sealed, err = s.Key.Seal(sealWebhook, text)
	return text, sealed, err
}

func newSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what is stored in place of a secret of 256 random bits.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
