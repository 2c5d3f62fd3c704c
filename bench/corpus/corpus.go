// Package corpus makes catalogs of any size that look like those of large companies: names by power law in several styles,
// shared column names, few datasets with most of the use. The same seed makes the same catalog.
package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"portreeve/catalog"
)

// Sizes of the vocabulary that datasets draw from.
const (
	Sources = 40
	Teams   = 400
	Domains = 60
	Tags    = 200
	words   = 5000
	columns = 60_000
)

const heads = `booking payment order customer hotel property room rate price user session event click search view page product
item inventory supplier partner agent channel campaign ad impression conversion revenue cost margin invoice refund fraud risk
chargeback transaction account ledger balance currency exchange tax fee commission loyalty point coupon promo discount voucher
wallet card bank transfer payout settlement reconciliation review rating feedback survey message email notification push sms
chat ticket case support call country city region geo location address airport flight airline passenger seat route fare
ancillary baggage delay schedule trip itinerary leg car rental driver vehicle ride delivery courier restaurant menu merchant
store warehouse stock shipment parcel return category brand vendor contract employee payroll leave hire candidate interview
team department budget forecast plan target kpi metric score model feature label prediction experiment variant exposure cohort
segment funnel retention churn ltv attribution visit device browser app crash error log request response latency api service
host pod cluster node job run task pipeline table column schema topic partition offset lag consumer producer stream batch
snapshot history audit access policy role permission token login signup password profile identity consent gdpr privacy cookie
preference language locale translation content article image video media asset file document subscription trial renewal
cancellation usage quota meter sensor reading weather calendar holiday date time market trade position portfolio bond loan
mortgage credit debit claim policyholder premium underwriting insurance patient diagnosis lab prescription hospital doctor
student course grade school teacher donation donor grant project milestone sprint issue commit deploy release build test
coverage incident alert oncall quality check rule freshness lineage domain glossary owner steward dataset source sink
connector mapping lookup reference dimension fact aggregate summary detail line header master golden`

var (
	prefixes = strings.Fields(`fct dim stg raw int mart agg tmp vw src ods dwh rpt bkp ref`)
	suffixes = strings.Fields(`daily hourly v2 v1 history snapshot events log summary monthly weekly current backup test v3 final
		latest delta enriched agg by_country 20240131 old clean staging`)
	common = strings.Fields(`id created_at updated_at customer_id booking_id user_id status name country_code currency amount
		event_time date type source order_id deleted_at email hotel_id price quantity payment_id description version is_active
		session_id device_type partner_id region city is_deleted product_id total_amount payment_method language etl_loaded_at
		batch_id event_id check_in_date check_out_date`)
	fillers = strings.Fields(`the of and to in a is for by with from that this as on are be each or it at per an all which when`)
	endings = []string{"_id", "_at", "_code", "_amount", "_count", "_name", "_type", "_flag", "_date", "_usd", "_rate", "", "", ""}
	kinds   = []catalog.Kind{
		catalog.Table, catalog.Table, catalog.Table, catalog.Table, catalog.Table, catalog.View, catalog.View, catalog.Topic,
		catalog.Topic, catalog.Model, catalog.Dashboard, catalog.File,
	}
	syllables = strings.Fields(`ba be bi bo ca ce co cu da de di do fa fe fi fo ga ge go ha he ho ja jo ka ke ki la le li lo ma me
		mi mo na ne ni no pa pe pi po ra re ri ro sa se si so ta te ti to va ve vi vo wa we za ze zo bra cle dro fla gri pla pre
		sta tra tri ster ton ler mer ner ver den lin mar nor per ran sen tal`)
)

// Item is one dataset of a corpus.
type Item struct {
	catalog.Dataset
	Columns []catalog.Column
	Teams   []string // that may see it; nil for everyone
}

// Corpus draws datasets.
type Corpus struct {
	r                                              *rand.Rand
	today                                          time.Time
	vocabulary, columnNames, schemas               []string
	word, column, tag, team, source, domain, place zipf
}

// New returns a Corpus. Equal seeds give equal datasets; dates of data end at today.
func New(seed uint64, today time.Time) *Corpus {
	c := &Corpus{
		r:     rand.New(rand.NewPCG(seed, 7)), //nolint:gosec // the same each time, on purpose
		today: today, word: newZipf(words, .95), column: newZipf(columns, 1.05), tag: newZipf(Tags, 1), team: newZipf(Teams, .7), source: newZipf(Sources, 1), domain: newZipf(Domains, .7),
		place: newZipf(400, .8),
	}
	c.makeWords()
	c.makeColumns()
	for range 400 {
		c.schemas = append(c.schemas, c.vocabulary[c.r.IntN(280)])
	}
	return c
}

// makeWords fills the vocabulary: real words first, since they are drawn most.
func (c *Corpus) makeWords() {
	have := map[string]bool{}
	add := func(w string) {
		if len(c.vocabulary) < words && !have[w] && !slices.Contains(fillers, w) {
			have[w] = true
			c.vocabulary = append(c.vocabulary, w)
		}
	}
	for w := range strings.FieldsSeq(heads) {
		add(w)
	}
	for len(c.vocabulary) < words {
		var b strings.Builder
		for range 2 + c.r.IntN(3) {
			b.WriteString(syllables[c.r.IntN(len(syllables))])
		}
		if b.Len() <= 11 {
			add(b.String())
		}
	}
}

func (c *Corpus) makeColumns() {
	have := map[string]bool{}
	c.columnNames = append(c.columnNames, common...)
	for len(c.columnNames) < columns {
		n := c.Word()
		if c.r.IntN(3) > 0 {
			n += "_" + c.Word()
		}
		n += endings[c.r.IntN(len(endings))]
		if !have[n] {
			have[n] = true
			c.columnNames = append(c.columnNames, n)
		}
	}
}

// Word draws a word.
func (c *Corpus) Word() string { return c.vocabulary[c.word.draw(c.r)] }

// ColumnName draws the name of a column that datasets share.
func (c *Corpus) ColumnName() string { return c.columnNames[c.column.draw(c.r)] }

// Source returns the slug of the nth source, Team that of the nth team; likewise Domain and Tag. The first are drawn most.
func Source(n int) string { return fmt.Sprintf("source%02d", n) }

// Team returns the slug of a team.
func Team(n int) string { return fmt.Sprintf("team-%03d", n) }

// Domain returns the slug of a domain.
func Domain(n int) string { return fmt.Sprintf("domain-%02d", n) }

// Tag returns a tag.
func Tag(n int) string { return fmt.Sprintf("tag-%03d", n) }

// Next draws a dataset with this id.
func (c *Corpus) Next(id int64) Item {
	r := c.r
	it := Item{Dataset: catalog.Dataset{
		ID: id, Source: Source(c.source.draw(r)), Kind: kinds[r.IntN(len(kinds))], Team: Team(c.team.draw(r)),
		Domain: Domain(c.domain.draw(r)), Certified: r.IntN(100) < 4, Tags: []string{},
	}}
	ws := c.nameWords()
	it.Title = strings.Join(ws, " ")
	it.Name, it.Scope = c.name(ws, &it.Kind)
	it.Description = c.description(ws)
	c.fillColumns(&it, ws)
	for range r.IntN(5) {
		if t := Tag(c.tag.draw(r)); !slices.Contains(it.Tags, t) {
			it.Tags = append(it.Tags, t)
		}
	}
	if r.IntN(100) < 15 {
		it.Teams = []string{it.Team, Team(c.team.draw(r))}
	}
	if r.IntN(10) == 0 {
		it.Team = ""
	}
	if x := r.IntN(100); x < 6 {
		it.Deprecated = "Use another one."
	} else if x < 9 {
		at := c.today.AddDate(0, 0, -r.IntN(300))
		it.GoneAt = &at
	}
	it.Usage = float32(math.Pow(1-r.Float64(), -.8) - 1) // Pareto: median 0.7, few above 10,000
	at := c.today.Add(-time.Duration(math.Exp(r.Float64()*13)) * time.Minute)
	it.DataAt = &at
	return it
}

// nameWords draws what a dataset is called.
func (c *Corpus) nameWords() []string {
	r := c.r
	var ws []string
	if r.IntN(100) < 55 {
		ws = append(ws, prefixes[r.IntN(len(prefixes))])
	}
	for range 1 + r.IntN(3) + r.IntN(2) {
		ws = append(ws, c.Word())
	}
	if r.IntN(4) == 0 {
		ws[len(ws)-1] += "s"
	}
	if r.IntN(100) < 50 {
		ws = append(ws, suffixes[r.IntN(len(suffixes))])
	}
	if r.IntN(100) < 8 {
		ws = append(ws, strconv.Itoa(r.IntN(100_000)))
	}
	return ws
}

// name writes the words as a name: snake, camel, a topic's dots, or glued together.
func (c *Corpus) name(ws []string, kind *catalog.Kind) (name, scope string) {
	scope = c.schemas[c.place.draw(c.r)]
	switch x := c.r.IntN(100); {
	case x < 68:
		return scope + "." + strings.Join(ws, "_"), scope
	case x < 82:
		var b strings.Builder
		for i, w := range ws {
			if i == 0 && slices.Contains(prefixes, w) {
				b.WriteString(w + "_")
			} else {
				b.WriteString(strings.ToUpper(w[:1]) + w[1:])
			}
		}
		return scope + "." + b.String(), scope
	case x < 95:
		*kind = catalog.Topic
		return strings.Join(ws, "."), ""
	}
	return scope + "." + strings.Join(ws, ""), scope
}

// description draws prose of 5 to 60 words for seven of ten datasets, a fifth of it words of the name.
func (c *Corpus) description(ws []string) string {
	r := c.r
	if r.IntN(10) >= 7 {
		return ""
	}
	var said []string
	for range 5 + int(55*math.Pow(r.Float64(), 2)) {
		switch x := r.IntN(100); {
		case x < 38:
			said = append(said, fillers[r.IntN(len(fillers))])
		case x < 60:
			said = append(said, ws[r.IntN(len(ws))])
		case x < 99:
			said = append(said, c.Word())
		default:
			said = append(said, fmt.Sprintf("DATA-%d", r.IntN(200_000)))
		}
	}
	return strings.Join(said, " ")
}

// fillColumns draws 2 to 200 columns, 19.4 on average.
func (c *Corpus) fillColumns(it *Item, ws []string) {
	r := c.r
	have := map[string]bool{}
	for n := min(200, max(2, int(math.Exp(2.75+.7*r.NormFloat64())))); len(have) < n; {
		name := ""
		if x := r.IntN(100); x < 92 {
			name = c.ColumnName()
		} else {
			name = ws[r.IntN(len(ws))] + "_" + c.Word()
			if x == 99 {
				name += strconv.Itoa(r.IntN(3000))
			}
		}
		if have[name] {
			if len(have) > 60 {
				n--
			}
			continue
		}
		have[name] = true
		it.Columns = append(it.Columns, catalog.Column{Position: len(it.Columns), Path: name, Type: "string", Nullable: true})
	}
	it.ColumnCount = len(it.Columns)
}

// zipf draws ranks by power law: rank i with weight 1/(i+2.7)^s.
type zipf []float64

func newZipf(n int, s float64) zipf {
	z, sum := make(zipf, n), 0.0
	for i := range z {
		sum += 1 / math.Pow(float64(i)+2.7, s)
		z[i] = sum
	}
	return z
}

func (z zipf) draw(r *rand.Rand) int {
	return min(sort.SearchFloat64s(z, r.Float64()*z[len(z)-1]), len(z)-1)
}
