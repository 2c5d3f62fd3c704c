package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
)

// auditCommand measures how fast acts are recorded in the audit log by writers at the same time: bare rows, and tokens made, each
// in a transaction of its own. Then it checks the chain.
func auditCommand(ctx context.Context, out io.Writer, args []string) error {
	f := flags("audit")
	writers := f.Int("writers", 8, "who write at the same time")
	acts := f.Int("acts", 500, "acts of each writer")
	if err := f.Parse(args); err != nil {
		return err
	}
	db, closeAll, err := open(ctx, out, "")
	if err != nil {
		return err
	}
	return errors.Join(measureAudit(ctx, out, db, *writers, *acts), closeAll())
}

func measureAudit(ctx context.Context, out io.Writer, db *pgxpool.Pool, writers, acts int) error {
	if err := printMachine(ctx, out, db); err != nil {
		return err
	}
	key, err := access.ParseKey(rand.Text() + rand.Text())
	if err != nil {
		return err
	}
	store := access.NewStore(db)
	store.Audit = access.NewAudit(key)
	before, err := store.AuditHead(ctx)
	if err != nil {
		return err
	}
	rows := int64(0)
	for _, m := range []struct {
		name  string
		write func(context.Context, *access.Store, access.Person) error
		limit string
	}{
		{"rows of the audit log", recordAct, "  limit: >= 500/s"},
		{"tokens made, with their row", makeToken, ""},
	} {
		times, took, err := writeActs(ctx, store, writers, acts, m.write)
		if err != nil {
			return err
		}
		rows += int64(len(times))
		fmt.Fprintf(out, "%s, %d writers at once: %.0f/s%s\n", m.name, writers, float64(len(times))/took.Seconds(), m.limit)
		printTimes(out, "one of them", times, 0)
	}
	start := time.Now()
	v, err := store.Verify(ctx, nil)
	if err != nil {
		return err
	}
	if want := before.Seq + rows; before.Seq == 0 && (!v.OK() || v.Rows != want) {
		return fmt.Errorf("the log has %d good rows, want %d: row %d %s", v.Rows, want, v.Bad, v.What)
	}
	fmt.Fprintf(out, "checking the chain: %.0f rows/s\n", float64(v.Rows)/time.Since(start).Seconds())
	return nil
}

// writeActs lets writers write at the same time and returns how long each act took, and all of them.
func writeActs(
	ctx context.Context, store *access.Store, writers, acts int, write func(context.Context, *access.Store, access.Person) error,
) (times []time.Duration, took time.Duration, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for range writers {
		all.Go(func() {
			own, e := writeOne(ctx, store, acts, write)
			mu.Lock()
			defer mu.Unlock()
			times, err = append(times, own...), errors.Join(err, e)
		})
	}
	all.Wait()
	return times, time.Since(start), err
}

// writeOne writes for one person after another: nobody may have very many tokens.
func writeOne(
	ctx context.Context, store *access.Store, acts int, write func(context.Context, *access.Store, access.Person) error,
) (times []time.Duration, err error) {
	var person access.Person
	for i := range acts {
		if i%100 == 0 {
			name := "bench " + rand.Text()
			if person, err = store.EnsurePerson(ctx, access.Person{Issuer: access.LocalIssuer, Subject: name, Name: name, Role: access.Viewer}); err != nil {
				return nil, err
			}
		}
		start := time.Now()
		if err := write(ctx, store, person); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
	}
	return times, nil
}

func actOf(p access.Person) access.Act {
	return access.Act{Who: access.Principal{Person: p}, Via: "page", RequestID: "bench", Address: "192.0.2.1", Reason: "a benchmark"}
}

// recordAct is the least that an act costs: a transaction with nothing but its row.
func recordAct(ctx context.Context, store *access.Store, p access.Person) error {
	return store.RecordOnly(ctx, actOf(p), access.Event{
		Action: "dataset.edit", Object: "dataset lake/raw.flights", Detail: map[string]any{"field": "description", "before": "Flights", "after": "All flights"},
	})
}

func makeToken(ctx context.Context, store *access.Store, p access.Person) error {
	_, _, err := store.CreateToken(ctx, actOf(p), p.ID, "bench", []string{access.ScopeRead}, time.Hour)
	return err
}
