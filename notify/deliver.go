package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
	"portreeve/outbound"
)

// Outside is what notifications leave the portal by.
type Outside struct {
	Mail    *Mailer // nil: there is no e-mail
	HTTP    *http.Client
	Policy  outbound.Policy // of HTTP
	BaseURL string          // of links
	Now     func() time.Time
}

// NewOutside returns an Outside whose webhooks may lead where p says.
func NewOutside(mailer *Mailer, p outbound.Policy, base string, now func() time.Time) *Outside {
	return &Outside{Mail: mailer, HTTP: outbound.NewClient(p), Policy: p, BaseURL: strings.TrimSuffix(base, "/"), Now: now}
}

// waits are how long a delivery waits after each try that failed. After the last one it is given up.
var waits = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
}

// dueMost bounds the deliveries that are started at a time; the others follow.
const dueMost = 5000

// Due returns the deliveries whose time has come, the oldest first.
func (s *Store) Due(ctx context.Context) ([]int64, error) {
	const q = `SELECT id FROM delivery WHERE state = 'waiting' AND due_at <= now() ORDER BY due_at LIMIT $1`
	rows, _ := s.db.Query(ctx, q, dueMost)
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// parcel is a delivery with what it holds.
type parcel struct {
	ID       int64
	PersonID int64
	By       string
	Attempts int
	Held     int // notifications, those that are gone by now among them
	First    int64
	Address  string // of e-mail
	Webhook  string
	Email    bool
	Items    []told `db:"-"`
}

// Deliver makes one try at a delivery that is due, and returns why it failed, or "". That is kept with the delivery, which is due again
// later, and is no error. Someone who does not want it any more is not told.
func (s *Store) Deliver(ctx context.Context, o *Outside, id int64) (problem string, err error) {
	const read = `
		SELECT d.id, d.person_id, d.by, d.attempts, cardinality(d.notifications) AS held, d.notifications[1] AS first,
			p.email AS address, c.webhook, c.email AND p.disabled_at IS NULL AS email
		FROM delivery d JOIN person p ON p.id = d.person_id JOIN channel c ON c.person_id = d.person_id
		WHERE d.id = $1 AND d.state = 'waiting' AND d.due_at <= now()`
	rows, _ := s.db.Query(ctx, read, id)
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[parcel])
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if p.Items, err = s.items(ctx, o, &p); err != nil {
		return "", err
	}
	var failed error
	switch {
	case len(p.Items) == 0, p.By == "email" && (!p.Email || o.Mail == nil || p.Address == ""), p.By == "webhook" && p.Webhook == "":
		return "", s.end(ctx, &p, "dropped")
	case p.By == "email":
		failed = s.sendMail(ctx, o, &p)
	default:
		failed = s.sendWebhook(ctx, o, &p)
	}
	if failed == nil {
		return "", s.end(ctx, &p, "sent")
	}
	if ctx.Err() != nil {
		return "", ctx.Err() // it was cut off, not refused: the next try is the same one
	}
	return fault.Line(failed.Error(), 300), s.postpone(ctx, &p, failed)
}

// items returns the notifications of a delivery that are still there.
func (s *Store) items(ctx context.Context, o *Outside, p *parcel) ([]told, error) {
	const q = `
		SELECT n.id::text AS id, n.event, coalesce(s.slug || '/' || d.name, '') AS dataset, n.title, n.body, @base || n.path AS url, n.at
		FROM notification n LEFT JOIN dataset d ON d.id = n.dataset_id LEFT JOIN source s ON s.id = d.source_id
		WHERE n.id = ANY((SELECT notifications FROM delivery WHERE id = @id)[1:@held]) ORDER BY n.id`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"base": o.BaseURL, "id": p.ID, "held": p.Held})
	return pgx.CollectRows(rows, pgx.RowToStructByName[told])
}

// mailItems is how many notifications one mail lists; the rest it counts.
const mailItems = 50

func (s *Store) sendMail(ctx context.Context, o *Outside, p *parcel) error {
	secret, err := s.stopSecret(ctx, p.PersonID)
	if err != nil {
		return errors.New("the link that stops mail cannot be made, since the portal's key is another one now: turn e-mail off and on again")
	}
	l := letter{
		ID: p.name() + "@portreeve", To: p.Address, Items: p.Items, Watches: o.BaseURL + "/watching", Stop: o.BaseURL + "/stop-mail/" + secret,
		Subject: p.Items[0].Title, Intro: "This happened in what you watch or take part in:",
	}
	if n := len(p.Items); n > 1 {
		l.Subject = fmt.Sprintf("%d things happened in what you watch", n)
	}
	if n := len(p.Items) - mailItems; n > 0 {
		l.Items = p.Items[:mailItems]
		l.Intro = fmt.Sprintf("These are the first %d of %d things that happened in what you watch; the others stand at %s/notifications", mailItems, len(p.Items), o.BaseURL)
	}
	return o.Mail.send(ctx, &l)
}

func (s *Store) sendWebhook(ctx context.Context, o *Outside, p *parcel) error {
	key, err := s.webhookSecret(ctx, p.PersonID)
	if err != nil {
		return err
	}
	return o.post(ctx, p.Webhook, "msg_"+p.name(), key, payload{Type: "notifications", Timestamp: o.Now().UTC(), Data: p.Items})
}

// TestWebhook posts a test to a person's webhook and returns why it failed.
func (s *Store) TestWebhook(ctx context.Context, o *Outside, person int64) error {
	c, err := s.Channel(ctx, person)
	if err != nil {
		return err
	}
	if c.Webhook == "" {
		return fault.Invalidf("/webhook", "there is no webhook: save its address first")
	}
	key, err := s.webhookSecret(ctx, person)
	if err != nil {
		return err
	}
	test := told{ID: "0", Event: "test", Title: "A test from Portreeve", Body: "Nothing has happened.", URL: o.BaseURL + "/watching", At: o.Now().UTC()}
	return o.post(ctx, c.Webhook, "msg_test_"+newSecret()[:16], key, payload{Type: "test", Timestamp: o.Now().UTC(), Data: []told{test}})
}

// name names a delivery and what it holds: the same for each try of the same.
func (p *parcel) name() string { return fmt.Sprintf("%d.%d.%d", p.ID, p.First, p.Held) }

// end marks a delivery as done. What was added to it meanwhile stays due.
func (s *Store) end(ctx context.Context, p *parcel, state string) error {
	const q = `
		UPDATE delivery SET
			state = CASE WHEN cardinality(notifications) > @held THEN 'waiting' ELSE @state END,
			notifications = CASE WHEN cardinality(notifications) > @held THEN notifications[@held + 1:] ELSE notifications END,
			attempts = attempts + 1, problem = '', ended_at = now()
		WHERE id = @id AND state = 'waiting'`
	_, err := s.db.Exec(ctx, q, pgx.NamedArgs{"id": p.ID, "held": p.Held, "state": state})
	return err
}

// postpone keeps why a try failed and when the next one is. There is none when more tries would change nothing.
func (s *Store) postpone(ctx context.Context, p *parcel, problem error) error {
	const q = `
		UPDATE delivery SET state = @state, attempts = attempts + 1, problem = @problem, due_at = now() + @wait::interval,
			ended_at = CASE WHEN @state = 'failed' THEN now() END
		WHERE id = @id AND state = 'waiting' AND attempts = @attempts`
	state, wait := "failed", time.Duration(0)
	if p.Attempts < len(waits) && !hopeless(problem) {
		state, wait = "waiting", waits[p.Attempts]
	}
	_, err := s.db.Exec(ctx, q, pgx.NamedArgs{
		"id": p.ID, "attempts": p.Attempts, "state": state, "wait": wait, "problem": fault.Line(problem.Error(), 300),
	})
	return err
}

// hopeless reports whether a later try must fail likewise.
func hopeless(err error) bool {
	return errors.Is(err, errGone) || fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.Conflict
}

// Failure is a delivery that did not arrive, or not yet.
type Failure struct {
	ID       int64
	By       string // email or webhook
	Held     int    // notifications
	Attempts int
	GivenUp  bool
	Problem  string
	DueAt    time.Time // of the next try
	EndedAt  *time.Time
}

// Failures returns what did not reach a person within the last 30 days, newest first, at most 20. What they were told is on their page of
// notifications all the same.
func (s *Store) Failures(ctx context.Context, person int64) ([]Failure, error) {
	const q = `
		SELECT id, by, cardinality(notifications) AS held, attempts, state = 'failed' AS given_up, problem, due_at, ended_at
		FROM delivery WHERE person_id = $1 AND problem <> '' AND state IN ('waiting', 'failed') AND due_at > now() - interval '30 days'
		ORDER BY id DESC LIMIT 20`
	rows, _ := s.db.Query(ctx, q, person)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Failure])
}

// Retry makes a delivery to a person that was given up due at once, with as many tries as a new one.
func (s *Store) Retry(ctx context.Context, person, id int64) error {
	const q = `UPDATE delivery SET state = 'waiting', attempts = 0, due_at = clock_timestamp(), ended_at = NULL WHERE id = @id AND person_id = @person AND problem <> ''`
	tag, err := s.db.Exec(ctx, q, pgx.NamedArgs{"id": id, "person": person})
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.NotFoundf("there is no such delivery")
	}
	return err
}
