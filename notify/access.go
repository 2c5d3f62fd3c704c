package notify

import (
	"context"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
)

// TellAccess adds what people are to be told of requests and grants. It is an access.Told.
func TellAccess(ctx context.Context, tx pgx.Tx, news []access.News) error {
	all := make([]New, 0, len(news))
	for _, n := range news {
		all = append(all, New{PersonID: n.Person, Event: Event(n.Event), DatasetID: n.DatasetID, Title: n.Title, Body: n.Body, Path: n.Path, Once: n.Once})
	}
	return Insert(ctx, tx, all)
}
