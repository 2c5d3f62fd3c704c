package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
)

const (
	sampleRows    = 50
	sampleShown   = 60               // characters of a value in a cell; it opens to the rest
	sampleColumns = 200              // columns of a sample on the page; the CSV has them all
	samplePatient = 20 * time.Second // how long a page waits for rows
)

// samplePage is the first rows of a dataset, or why there are none.
type samplePage struct {
	Sample  catalog.Sample
	Problem string // "" when there is a sample
	Advice  string
	Never   bool // no fault of anyone: there is none of such a dataset
	Barred  bool // who asks may not read them
	Granted int  // so many columns were granted, and others were not; 0: all
}

func (s *Server) getDatasetSample(c echo.Context) error {
	h, err := s.datasetHead(c, "sample")
	if h == nil {
		return err
	}
	ctx := c.Request().Context()
	p, err := s.sample(ctx, h)
	if err != nil {
		return err
	}
	columns, err := s.Catalog.FirstColumns(ctx, h.ID, 10*sampleColumns)
	if err != nil {
		return err
	}
	shownTypes(&p.Sample, columns)
	if err := s.link(ctx, h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetSampleView(s.datasetShell(c, h), h, p))
}

// unsampled says why rows of such a dataset are not shown, or "".
func (h *datasetHead) unsampled() string {
	if h.samplable() || h.GoneAt != nil {
		return ""
	}
	return upperFirst(h.unread()) + " cannot be shown here"
}

// sample reads the rows. Only what is our own fault is an error; all else is said on the page, which stays useful.
func (s *Server) sample(ctx context.Context, h *datasetHead) (samplePage, error) {
	switch {
	case h.unsampled() != "":
		return samplePage{}, nil
	case !h.Right.Allowed:
		return samplePage{Barred: true}, nil
	case s.Rows == nil:
		return samplePage{Problem: "Rows cannot be read here", Advice: "This portal was built or started without an engine that reads rows. Everything else works."}, nil
	case h.GoneAt != nil:
		return samplePage{Problem: "It is gone from its source", Advice: "Its rows cannot be read any more."}, nil
	case h.unwritten():
		return samplePage{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, samplePatient)
	defer cancel()
	sample, err := s.Rows.Sample(ctx, h.Key(), h.Right.Columns, sampleRows)
	switch {
	case err == nil:
		return samplePage{Sample: readableSample(sample, h.Right), Granted: len(h.Right.Columns)}, nil
	case ctx.Err() == context.DeadlineExceeded:
		return samplePage{Problem: "Its rows could not be read within 20 s", Advice: "The machine may be busy: reload in a minute. Nothing else on this page depends on it."}, nil
	case fault.KindOf(err) == fault.Internal:
		return samplePage{}, err
	case fault.KindOf(err) == fault.Invalid:
		return samplePage{Problem: upperFirst(fault.Message(err)), Advice: "Only tables whose files can be read have a sample.", Never: true}, nil
	}
	s.Log.WarnContext(ctx, "sample not read", "source", h.Source, "name", h.Name, "error", err)
	return samplePage{Problem: upperFirst(fault.Message(err)), Advice: "Its columns and history are not affected. The rows are asked for again when you reload."}, nil
}

func (s *Server) getDatasetSampleCSV(c echo.Context) error {
	h, err := s.datasetHead(c, "sample")
	if h == nil {
		return err
	}
	if text := h.unsampled(); text != "" {
		return fault.NotFoundf("%s", strings.ToLower(text[:1])+text[1:])
	}
	p, err := s.sample(c.Request().Context(), h)
	if err == nil && p.Barred {
		err = barred(h.Key())
	}
	if err != nil {
		return err
	}
	if p.Problem != "" {
		return fault.Unavailablef(nil, "%s", p.Problem)
	}
	w := csvDownload(c, fileName(h.Name)+"-sample.csv")
	row := make([]string, 0, len(p.Sample.Columns))
	for _, col := range p.Sample.Columns {
		row = append(row, col.Name)
	}
	if err := w.Write(guardFormulas(row)); err != nil {
		return err
	}
	for _, values := range p.Sample.Rows {
		row = row[:0]
		for _, v := range values {
			if v == nil {
				row = append(row, "")
			} else {
				row = append(row, *v)
			}
		}
		if err := w.Write(guardFormulas(row)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// fileName keeps of a name what every file system takes.
func fileName(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, cut(name, 80))
	return strings.TrimLeft(safe, ".-")
}

// upperFirst makes a fault's message the beginning of a sentence.
func upperFirst(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

// Sentence says what the rows are: some from all over the snapshot, the same at each look.
func (p samplePage) Sentence() string {
	text := plural(len(p.Sample.Rows), "row", "rows") + " of snapshot " + p.Sample.SnapshotID + ", in no particular order"
	if hidden := len(p.Sample.Columns) - sampleColumns; hidden > 0 {
		text += "; " + plural(hidden, "column is", "columns are") + " only in the CSV"
	}
	if p.Granted > 0 {
		text += "; only the " + plural(p.Granted, "column", "columns") + " that you were granted"
	}
	if p.Sample.Cut {
		text += "; long values are cut at 2,000 bytes"
	}
	return text + "."
}

func (p samplePage) columns() []catalog.SampleColumn {
	return p.Sample.Columns[:min(len(p.Sample.Columns), sampleColumns)]
}

// shownTypes returns the types of a sample's columns as the catalog writes them, where it knows the column.
func shownTypes(sample *catalog.Sample, columns []catalog.Column) {
	types := make(map[string]string, len(columns))
	for _, col := range columns {
		if col.Depth() == 0 {
			types[col.Leaf()] = col.Type
		}
	}
	sample.Columns = slices.Clone(sample.Columns) // the reader's own
	for i := range sample.Columns {
		if known := types[sample.Columns[i].Name]; known != "" {
			sample.Columns[i].Type = known
		}
	}
}
