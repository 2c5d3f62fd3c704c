package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
)

// plantLake adds a few tables about flights, like those of the demo: a catalog in which every word is in few names.
func plantLake(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	const ops, planning = "flight-ops", "network-planning"
	const tail = "tailnum=Tail_number_of_the_plane;_see_raw.planes."
	for _, d := range []struct {
		catalog.Dataset
		cols string
	}{
		{catalog.Dataset{
			Name: "raw.flights", Title: "Flights, as reported", Team: ops, Certified: true,
			Description: "Every flight that left New York, one row each, as the airlines reported it.",
		}, "flight dep_delay arr_delay sched_dep_time dest " + tail},
		{catalog.Dataset{
			Name: "clean.flights", Title: "Flights", Team: ops, Certified: true,
			Description: "Every scheduled departure with names in place of codes. Start here: raw.flights has the codes only.",
		}, "flight_date flight dep_delay status " + tail},
		{catalog.Dataset{
			Name: "raw.planes", Title: "Planes", Team: ops,
			Description: "The planes that flew. More than one in six tail numbers of raw.flights are not in it.",
		}, "tailnum year engine"},
		{catalog.Dataset{
			Name: "clean.planes", Title: "Planes in service", Team: ops,
			Description: "Registered planes and the flights that each made.",
		}, "tailnum=Tail_number,_the_key. flights built_year"},
		{catalog.Dataset{
			Name: "marts.on_time_daily", Title: "On-time performance by day", Team: planning, Certified: true,
			Description: "Punctuality by day. On time means that the flight arrived less than 15 minutes late.",
		}, "flight_date flights flown avg_arr_delay carrier=Code;_see_raw.airlines."},
		{catalog.Dataset{
			Name: "marts.carrier_scorecard", Title: "Carrier scorecard", Team: planning,
			Description: "Airlines by month.",
		}, "month flights avg_dep_delay planes=Different_tail_numbers_seen."},
		{catalog.Dataset{
			Name: "marts.partner_targets", Title: "Punctuality targets", Team: planning,
			Description: "What was agreed with each airline.",
		}, "carrier on_time_target=Share_of_flights_to_arrive_on_time."},
		{catalog.Dataset{
			Name: "marts.delay_legacy", Title: "On-time share (old)", Team: planning, Tags: []string{"punctuality"},
			Deprecated: "Use marts.on_time_daily.",
		}, "day flights on_time_share"},
		{catalog.Dataset{Name: "marts.delay_by_condition", Title: "Delays by weather", Team: "weather-desk"}, "condition flights avg_dep_delay"},
		{catalog.Dataset{Name: "clean.airports", Title: "Airports", Team: planning}, "code name routes.element.flights"},
		{catalog.Dataset{Name: "raw.load_log"}, "table_name rows loaded_at"},
		{catalog.Dataset{Name: "ops.what_data"}, "x"},
		{catalog.Dataset{Name: "ops.crew_data"}, "x"},
		{catalog.Dataset{Name: "ops.crew_hours"}, "x"},
	} {
		plant(t, db, d.Dataset, d.cols)
	}
}

func lakeSearch(t *testing.T) *catalog.Store {
	t.Helper()
	s, db := searchable(t, 1)
	if _, err := db.Exec(t.Context(), `DELETE FROM dataset`); err != nil {
		t.Fatal(err)
	}
	plantLake(t, db)
	if err := s.SearchMaintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSearchAsPeopleAsk asks a small catalog in sentences, capitals and other engines' language.
func TestSearchAsPeopleAsk(t *testing.T) {
	t.Parallel()
	s := lakeSearch(t)
	flights := []string{"clean.flights", "raw.flights"}
	tests := []struct {
		name, text string
		want       []string // the first, in any order
		without    string   // is not found, or ""
		last       string   // or ""
	}{
		{"a sentence is about its telling words", "we have flight data somewhere", flights, "raw.load_log", "marts.delay_legacy"},
		{"a question", "what flight data do we have?", flights, "raw.load_log", ""},
		{"data says nothing beside another word", "flight data", flights, "ops.crew_data", ""},
		{"but tells equals apart", "crew data", []string{"ops.crew_data"}, "ops.what_data", "ops.crew_hours"},
		{"filler words alone are words", "what data", []string{"ops.what_data"}, "raw.flights", ""},
		{"stop words alone are words", "by", []string{"marts.delay_by_condition"}, "raw.flights", ""},
		{"words that nobody knows do not empty the list", "anything on lateness of flights lately", flights, "raw.load_log", ""},
		{"capitals", "FLIGHTS", flights, "raw.load_log", "marts.delay_legacy"},
		{"singular is the exact name", "flight", flights, "", "marts.delay_legacy"},
		{"a name in another order", "flights raw", []string{"raw.flights"}, "", ""},
		{"a name with a typo", "raw.fligths", []string{"raw.flights"}, "", ""},
		{"the folder's name", "raw", []string{"raw.flights", "raw.planes", "raw.load_log"}, "", ""},
		{"a deprecated table comes after all others", "delay", []string{"marts.delay_by_condition"}, "raw.planes", "marts.delay_legacy"},
		{"unless it is the name", "delay_legacy", []string{"marts.delay_legacy"}, "", ""},
		{"words of a comment", "tail number", flights, "clean.airports", ""},
		{"the same glued together", "tailnumber", flights, "clean.airports", ""},
		{"cut short", "tail num", []string{"clean.flights", "raw.flights", "raw.planes", "clean.planes"}, "", ""},
		{"AND is no word", "delay AND flight", flights, "raw.planes", "marts.delay_legacy"},
		{"OR takes some of the words", "punctuality OR engine", []string{"raw.planes", "marts.on_time_daily", "marts.partner_targets"}, "clean.airports", ""},
		{"NOT is a minus", "flight NOT delay", []string{"clean.planes", "marts.partner_targets", "raw.planes"}, "clean.flights", ""},
		{"a part of a column's name", "column:delay", []string{"clean.flights", "raw.flights", "marts.on_time_daily"}, "marts.delay_legacy", ""},
		{"parts that follow each other", "column:dep_time", []string{"raw.flights"}, "clean.flights", ""},
		{"the beginning of a part", "column:tail", []string{"clean.flights", "raw.flights", "raw.planes", "clean.planes"}, "marts.carrier_scorecard", ""},
		{"a plural of a column's name", "column:dates", []string{"clean.flights", "marts.on_time_daily"}, "raw.flights", ""},
		{"a whole column in quotes", `column:"flight"`, flights, "marts.on_time_daily", ""},
		{"no part of a column's name", "flight -column:delay", []string{"clean.planes", "marts.partner_targets", "raw.planes"}, "clean.flights", ""},
		{"a nested column", "column:routes.element", []string{"clean.airports"}, "raw.flights", ""},
		{"a minus alone is nothing", "flight -", flights, "", ""},
		{"an unknown operator is a word", "schema:raw", []string{"raw.flights", "raw.planes"}, "clean.airports", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := search(t, s, catalog.SearchQuery{Text: tt.text})
			got := names(r)
			first := slices.Sorted(slices.Values(got[:min(len(tt.want), len(got))]))
			if diff := cmp.Diff(slices.Sorted(slices.Values(tt.want)), first); diff != "" {
				t.Errorf("%q found %q (-want +first):\n%s", tt.text, got, diff)
			}
			if slices.Contains(got, tt.without) {
				t.Errorf("%q found %s among %q", tt.text, tt.without, got)
			}
			if tt.last != "" && got[len(got)-1] != tt.last {
				t.Errorf("%q found %q, want %s last", tt.text, got, tt.last)
			}
			for _, h := range r.Items {
				if len(h.Matched) == 0 {
					t.Errorf("%q does not say why it found %s", tt.text, h.Name)
				}
			}
		})
	}
}

func TestSearchSaysWhatItMadeOfTheQuestion(t *testing.T) {
	t.Parallel()
	s := lakeSearch(t)
	tests := []struct {
		name, text                       string
		interpreted, corrected, suggests string
		note                             string // part of the only one
	}{
		{"a misspelt word was answered right", "fligt", "fligt", "flight", "", ""},
		{"within a name, and plural", "raw.fligths", "raw.fligths", "raw.flights", "", ""},
		{"an unfinished word is not wrong", "fligh", "fligh", "", "", ""},
		{"a value of an operator begins so", "owner:flight", "owner:flight", "", "owner:flight-ops", ""},
		{"or is misspelt", "delays team:wether-desk", "delays team:wether-desk", "", "delays team:weather-desk", ""},
		{"only if it finds something", "engine team:weather", "engine team:weather", "", "", ""},
		{"a source", "source:source0", "source:source0", "", "source:source00", ""},
		{"a kind", "kind:tabel", "kind:tabel", "", "kind:table", ""},
		{"a state as a word", "certified", "certified", "", "is:certified", ""},
		{"a state among words", "deprecated delays", "deprecated delays", "", "is:deprecated delays", ""},
		{"a misspelt state", "is:certifed", "is:certifed", "", "is:certified", "is: comes one of live,"},
		{"AND", "delay AND flight", "delay flight", "", "", "AND was left out"},
		{"OR", "delay OR flight", "delay flight", "", "", "what has some"},
		{"a minus alone", "-", "", "", "", "A minus alone"},
		{"an unknown operator", "foo:bar", "foo:bar", "", "", "“foo:” was read as a word"},
		{"no letter", "!!!", "!!!", "", "", "no letter"},
		{"nothing special", "flight data", "flight data", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := search(t, s, catalog.SearchQuery{Text: tt.text})
			got := []string{strings.Join(r.Interpreted, " "), r.Corrected, r.Suggestion}
			if diff := cmp.Diff([]string{tt.interpreted, tt.corrected, tt.suggests}, got); diff != "" {
				t.Errorf("interpreted, corrected, suggestion of %q:\n%s", tt.text, diff)
			}
			if notes := strings.Join(r.Notes, "|"); (notes == "") != (tt.note == "") || !strings.Contains(notes, tt.note) || len(r.Notes) > 1 {
				t.Errorf("notes on %q: %q, want one with %q", tt.text, r.Notes, tt.note)
			}
		})
	}
}

func TestSearchSaysWhere(t *testing.T) {
	t.Parallel()
	s := lakeSearch(t)
	tests := []struct {
		name, text, dataset string
		want                string // field and marked text of one match
	}{
		{"a comment, after its column", "tail number", "marts.carrier_scorecard", "comment planes: Different [tail] [numbers] seen."},
		{"a column cut short", "tail number", "raw.planes", "column [tailnum]"},
		{"a completion", "fligh", "marts.partner_targets", "comment on_time_target: Share of [flights] to arrive on time."},
		{"a typo", "fligt", "marts.partner_targets", "comment on_time_target: Share of [flights] to arrive on time."},
		{"a value of an operator", "owner:flight-ops", "raw.planes", "team [flight-ops]"},
		{"a part of a column", "column:delay", "marts.on_time_daily", "column avg_arr_[delay]"},
		{"a word of the name", "name:plane", "raw.planes", "name raw.[planes]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, h := range search(t, s, catalog.SearchQuery{Text: tt.text}).Items {
				for _, m := range h.Matched {
					if h.Name == tt.dataset {
						got = append(got, m.Field+" "+marked(m))
					}
				}
			}
			if !slices.Contains(got, tt.want) {
				t.Errorf("%q found %s by %q, want %q", tt.text, tt.dataset, got, tt.want)
			}
		})
	}
}

// marked returns a match's text with what was found in brackets.
func marked(m catalog.Match) string {
	var b strings.Builder
	for _, s := range m.Snippet {
		if s.Hit {
			b.WriteString("[" + s.Text + "]")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}
