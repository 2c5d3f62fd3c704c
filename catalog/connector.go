package catalog

import "context"

// Connector is a kind of source that this portal can read.
type Connector struct {
	Kind     string // as the estate names it: trino, kafka …
	Title    string // as people say it: "Trino"
	Settings []ConnectorSetting
	// Open connects to src, whose Config holds the settings with their secrets filled in. It fails with Invalid and the
	// setting's name as the field for a bad setting, and with Unavailable for a source that does not answer; it may also
	// leave the latter to the first crawl.
	Open func(ctx context.Context, src Source) (Connection, error)
}

// ConnectorSetting is a setting of a kind of source.
type ConnectorSetting struct {
	Name     string
	Help     string // one sentence, shown by the docs and by errors
	Required bool
	Secret   bool   // must be written as a reference, is never stored or shown
	List     bool   // a list of texts; kept joined by line feeds in Source.Config
	Default  string // what holds when it is not set, "" for nothing
	// Check returns what is wrong with a value in words that follow it ("is not a URL like …"), "" if nothing; nil accepts all.
	// It is not asked about values that are references.
	Check func(value string) string
}

// Setting returns the setting of that name, or nil.
func (c *Connector) Setting(name string) *ConnectorSetting {
	for i := range c.Settings {
		if c.Settings[i].Name == name {
			return &c.Settings[i]
		}
	}
	return nil
}
