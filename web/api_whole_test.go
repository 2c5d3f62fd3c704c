package web

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
)

// The API tells of one thing under all its names.
func TestAPIOfTheSameThing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	st := &core{Server: s.Server, t: t, pool: s.db, handler: s.http.Config.Handler}
	signed := bearer(st.token(access.Viewer, access.ScopeRead))
	as := func(r *http.Request) {
		signed(r)
		r.Host = s.http.Listener.Addr().String()
	}
	main := get[datasetAnswer](st, 200, "/api/v1/datasets/lake/sales.orders", as)
	if main.SameAs != nil || main.Standing != "holds" || main.Description.Value == "" || main.Definition.Value == "" {
		t.Errorf("the main dataset is told as %+v", main)
	}
	want := []otherName{
		{"trino", "lake.sales.orders", "table", "both have their files there", "file /lake/sales/orders", ""},
		{"dbt", "shop.orders", "model", "dbt builds it there", "trino://trino lake.sales.orders", ""},
	}
	if diff := cmp.Diff(want, main.AlsoKnownAs); diff != "" {
		t.Errorf("also known as (-want +got):\n%s", diff)
	}
	if main.From["description"] != (DatasetName{"dbt", "shop.orders"}) || len(main.Detail.Refs) != 2 || len(main.Detail.Models) != 1 {
		t.Errorf("taken: %v, detail %+v", main.From, main.Detail)
	}
	other := get[datasetAnswer](st, 200, "/api/v1/datasets/dbt/shop.orders", as)
	if other.SameAs == nil || *other.SameAs != (DatasetName{"lake", "sales.orders"}) || other.Standing != "describes" || other.Kind != "model" || other.Name != "shop.orders" {
		t.Errorf("another name is told as %+v", other)
	}
	topic := get[datasetAnswer](st, 200, "/api/v1/datasets/events/orders", as)
	if len(topic.Detail.Topic.Partitions) != 6 || len(topic.Detail.Schemas) != 2 || topic.Detail.Schemas[0].Versions[0].Version != 3 || topic.Estimated[0] != "rows" {
		t.Errorf("topic %+v", topic.Detail)
	}
	columns := get[columnsAnswer](st, 200, "/api/v1/datasets/events/orders/columns", as)
	var parts []string
	for _, c := range columns.Items {
		parts = append(parts, c.Part+" "+c.Path+" from "+c.From.Name)
	}
	if diff := cmp.Diff([]string{"value id from orders-value", "value customer from orders-value", "key id from orders-key"}, parts); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}
