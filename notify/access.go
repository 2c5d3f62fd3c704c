package notify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
)

// TellAccess adds what people are to be told of requests, grants and what they belong to. It is an access.Told.
func TellAccess(ctx context.Context, tx pgx.Tx, news []access.News) error {
	const settle = `
		UPDATE notification SET read_at = now() WHERE dataset_id = @dataset AND path = @path AND event = 'request' AND person_id <> @person AND read_at IS NULL`
	all := make([]New, 0, len(news))
	for _, n := range news {
		if n.Settles {
			if _, err := tx.Exec(ctx, settle, pgx.NamedArgs{"dataset": n.DatasetID, "path": n.Path, "person": n.Person}); err != nil {
				return fmt.Errorf("settle %s: %w", n.Path, err)
			}
		}
		if n.Person != 0 {
			all = append(all, New{PersonID: n.Person, Event: Event(n.Event), DatasetID: n.DatasetID, Title: n.Title, Body: n.Body, Path: n.Path, Once: n.Once})
		}
	}
	return Insert(ctx, tx, all)
}
