package trino

import (
	"fmt"
	"strings"
	"testing"

	"portreeve/catalog"
)

// What Trino tells of properties and summaries is anybody's text, which may hold secrets.
func TestSecretsOfProperties(t *testing.T) {
	t.Parallel()
	foreign := map[string]string{
		"comment": "c", "app.color": "green", "App.Passwd": "hush", "sas": "hush", "upstream": "postgres://u:hush@db/app", "added-records": "7",
	}
	var o catalog.Observation
	describe(&o, foreign)
	s := snapshot([]string{"s", "1", "", "append", "0", `{"app.color": "green", "apiKey": "hush", "upstream": "u:hush@db", "added-records": "7"}`})
	if text := fmt.Sprint(o, s); strings.Contains(text, "hush") {
		t.Errorf("a secret is shown: %s", text)
	}
	if o.Properties["app.color"] != "green" || o.Properties["upstream"] != "postgres://db/app" || o.Properties["comment"] != "" ||
		s.Summary["app.color"] != "green" || s.Summary["upstream"] != "db" || *s.AddedRows != 7 {
		t.Errorf("%v and %v", o.Properties, s)
	}
	for i := range 2000 {
		foreign[fmt.Sprint("x", i)] = "y"
	}
	if describe(&o, foreign); len(o.Properties) != catalog.MaxProperties {
		t.Errorf("%d properties", len(o.Properties))
	}
}
