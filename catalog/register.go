package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// Registered is the slug of the source of datasets that people told of because no crawler sees them, and its kind. It is made
// when the first one is registered, and never crawled.
const Registered = "registered"

// RegisteredKinds are the kinds of datasets that can be registered, in the order in which people choose.
func RegisteredKinds() []Kind { return []Kind{File, Table, View, Topic, API, Dashboard} }

// Registration is a dataset that somebody tells of.
type Registration struct {
	Name     string
	Kind     Kind
	Location string // where it is: an address, a folder, or words
	Columns  []Column
	Edits    []Edit // what is said of it; the team or owners among them must be theirs who register it
	Again    string // names this registration: sent again under the same name it is not done again; "" is no name
}

const (
	maxRegisteredName = 200
	maxAgain          = 200
)

var registeredName = regexp.MustCompile(`^[\pL\pN][\pL\pN _.:()-]*$`)

// Register adds a dataset to the catalog. A name that is taken is a Conflict, whatever its case; anything else that cannot be is
// Invalid of the field at fault: name, kind, location, columns, or one of Fields.
func (s *Store) Register(ctx context.Context, act access.Act, r Registration) (Key, error) {
	key := Key{Registered, r.Name}
	if err := checkRegistration(act, &r); err != nil {
		return key, err
	}
	err := s.retry(ctx, func(tx pgx.Tx) error {
		before, err := registeredAgain(ctx, tx, act, &r)
		if err != nil || before != "" {
			key.Name = before
			return err
		}
		return s.registerIn(ctx, tx, act, &r)
	})
	if err != nil {
		return key, err
	}
	return key, s.countRegistered(ctx)
}

func checkRegistration(act access.Act, r *Registration) error {
	switch {
	case r.Name == "":
		return fault.Invalidf("name", "give it a name")
	case len(r.Name) > maxRegisteredName || !registeredName.MatchString(r.Name):
		return fault.Invalidf("name", "a name begins with a letter or a digit, goes on with those, spaces and . _ - : ( ), and has at most %d bytes", maxRegisteredName)
	case !slices.Contains(RegisteredKinds(), r.Kind):
		return fault.Invalidf("kind", "choose what it is")
	case len(r.Location) > maxShort || !storable(r.Location):
		return fault.Invalidf("location", "the place is longer than %d bytes or no text", maxShort)
	case len(r.Again) > maxAgain || !storable(r.Again):
		return fault.Invalidf("/header/Idempotency-Key", "this has more than %d bytes or is no text", maxAgain)
	}
	if err := checkColumns(r.Columns); err != nil {
		return err
	}
	if !(&editing{}).mayEdit(act.Who, &Dataset{}, r.Edits) && act.Who.Role != access.Admin {
		return fault.Invalidf(FieldTeam, "say who answers for it: one of your teams, or yourself")
	}
	return nil
}

// checkColumns returns an Invalid error for columns that people cannot have meant.
func checkColumns(columns []Column) error {
	if len(columns) > maxColumns {
		return fault.Invalidf("columns", "these are %d columns, and there may be %d", len(columns), maxColumns)
	}
	seen := map[string]bool{}
	for _, c := range columns {
		switch {
		case c.Path == "" || len(c.Path) > maxShort || !storable(c.Path+c.Type+c.Comment):
			return fault.Invalidf("columns", "the name of column %d is empty, longer than %d bytes or no text", c.Position+1, maxShort)
		case seen[c.Path]:
			return fault.Invalidf("columns", "the column %q is there twice", cutText(c.Path, 80))
		case len(c.Type) > maxShort || len(c.Comment) > maxText:
			return fault.Invalidf("columns", "the type or the words of the column %q are too long", cutText(c.Path, 80))
		}
		seen[c.Path] = true
	}
	return nil
}

// registeredAgain returns the name of the dataset that the same registration made before, "" when there was none.
func registeredAgain(ctx context.Context, tx pgx.Tx, act access.Act, r *Registration) (name string, err error) {
	const q = `SELECT r.body, d.name FROM registration r JOIN dataset d ON d.id = r.dataset_id WHERE r.person_id = $1 AND r.key = $2`
	if r.Again == "" {
		return "", nil
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('registration ' || $1, $2))`, r.Again, act.Who.ID); err != nil {
		return "", err
	}
	var body []byte
	err = tx.QueryRow(ctx, q, act.Who.ID, r.Again).Scan(&body, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err == nil && !slices.Equal(body, r.hash()) {
		return "", fault.Invalidf("/header/Idempotency-Key", "something else was registered under this key before")
	}
	return name, err
}

// hash tells a registration from any other, its name apart.
func (r Registration) hash() []byte {
	r.Again = ""
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // its parts always can be
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

func (s *Store) registerIn(ctx context.Context, tx pgx.Tx, act access.Act, r *Registration) error {
	if err := holdJoins(ctx, tx); err != nil {
		return err
	}
	if err := openRegistered(ctx, tx); err != nil {
		return err
	}
	if err := nameFree(ctx, tx, r.Name); err != nil {
		return err
	}
	p, err := prepare(&Observation{Name: r.Name, Kind: r.Kind, Location: r.Location, Columns: slices.Clone(r.Columns)})
	if err != nil {
		return err
	}
	id, err := insertDataset(ctx, tx, &Crawl{Source: Registered}, "", p)
	if err != nil {
		return fmt.Errorf("register %s: %w", r.Name, err)
	}
	key := Key{Registered, r.Name}
	if _, err := s.editIn(ctx, tx, act, []DatasetEdits{{key, r.Edits}}, nil); err != nil {
		return err
	}
	if err := indexDatasets(ctx, tx, []int64{id}); err != nil {
		return err
	}
	if r.Again != "" {
		const keep = `INSERT INTO registration (person_id, key, body, dataset_id) VALUES ($1, $2, $3, $4)`
		if _, err := tx.Exec(ctx, keep, act.Who.ID, r.Again, r.hash(), id); err != nil {
			return err
		}
	}
	return s.Audit.Record(ctx, tx, act, access.Event{
		Action: "dataset.register", Object: "dataset " + key.String(),
		Detail: map[string]any{"kind": r.Kind, "location": cutText(r.Location, maxChangeText), "columns": len(r.Columns)},
	})
}

// openRegistered makes the source of registered datasets, which is Conflict where an estate has given its name to another.
func openRegistered(ctx context.Context, tx pgx.Tx) error {
	const put = `
		INSERT INTO source (slug, kind, title, note) VALUES ($1, $1, 'Registered by hand', 'People told of what is here; nothing is read from its system.')
		ON CONFLICT (slug) DO NOTHING`
	const scope = `
		INSERT INTO source_scope (source_id, name, ok_at) SELECT id, '', now() FROM source WHERE slug = $1 ON CONFLICT (source_id, name) DO NOTHING`
	for _, q := range []string{put, scope} {
		if _, err := tx.Exec(ctx, q, Registered); err != nil {
			return fmt.Errorf("source of registered datasets: %w", err)
		}
	}
	var kind string
	err := tx.QueryRow(ctx, `SELECT kind FROM source WHERE slug = $1 FOR NO KEY UPDATE`, Registered).Scan(&kind)
	if err == nil && kind != Registered {
		err = fault.Conflictf("the estate declares a source named %s, so nothing can be registered: give it another name there", Registered)
	}
	return err
}

// nameFree returns a Conflict when a dataset has the name already, or had it.
func nameFree(ctx context.Context, tx pgx.Tx, name string) error {
	const q = `
		SELECT d.name, d.gone_at FROM dataset d JOIN source s ON s.id = d.source_id WHERE s.slug = $1 AND lower(d.name) = lower($2)
		ORDER BY d.gone_at NULLS FIRST LIMIT 1`
	var taken string
	var gone *time.Time
	switch err := tx.QueryRow(ctx, q, Registered, name).Scan(&taken, &gone); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case gone != nil:
		return fault.Conflictf("%s was registered before and removed: bring it back from its page, or choose another name", taken)
	}
	return fault.Conflictf("%s is registered already: change it on its page, or choose another name", taken)
}

// countRegistered brings the figures of the source up to date.
func (s *Store) countRegistered(ctx context.Context) error {
	y := &syncer{store: s, run: &Crawl{Source: Registered}}
	return y.sumScopes(ctx)
}
