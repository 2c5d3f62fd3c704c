package web

import (
	"slices"
	"strings"

	"portreeve/catalog"
	"portreeve/estate"
)

// settingView is a setting of a source as people and programs may see it: never a secret, only where it comes from.
type settingView struct {
	Name   string
	Help   string
	Values []string // more than one in a list; as they are written, references too
	Means  []string // what Values stand for, where that is something else: namespaces for the names of sources
	Secret bool
	Hidden bool // it has a value that is not shown
	Unset  bool // Values is what holds nonetheless, if anything
}

// connector returns the kind of a source, or nil if this portal does not know it.
func (s *Server) connector(kind string) *catalog.Connector {
	i := slices.IndexFunc(s.Connectors, func(c catalog.Connector) bool { return c.Kind == kind })
	if i < 0 {
		return nil
	}
	return &s.Connectors[i]
}

// kindTitle is a kind of source as people say it.
func (s *Server) kindTitle(kind string) string {
	if c := s.connector(kind); c != nil {
		return c.Title
	}
	if kind == catalog.Registered {
		return "Registered by hand"
	}
	return kind
}

// settings returns what is set of a source in the order of its kind, and then what is not. What its kind does not know is
// named only: it may be a secret.
func (s *Server) settings(src *catalog.Source) []settingView {
	c := s.connector(src.Kind)
	var set, unset []settingView
	known := map[string]bool{}
	if c != nil {
		for i := range c.Settings {
			view := showSetting(&c.Settings[i], src.Config)
			known[view.Name] = true
			if view.Unset {
				unset = append(unset, view)
			} else {
				set = append(set, view)
			}
		}
	}
	var others []settingView
	for name := range src.Config {
		if !known[name] && !estate.IsDeclared(name) {
			others = append(others, settingView{Name: name, Hidden: true})
		}
	}
	slices.SortFunc(others, func(a, b settingView) int { return strings.Compare(a.Name, b.Name) })
	return slices.Concat(set, others, unset)
}

func showSetting(k *catalog.ConnectorSetting, config map[string]string) settingView {
	view := settingView{Name: k.Name, Help: k.Help, Secret: k.Secret}
	value, set := config[k.Name]
	switch {
	case !set || value == "":
		view.Unset, value = true, k.Default
	case k.Secret && !strings.Contains(value, "${"): // not of an estate, which refuses that
		view.Hidden, value = true, ""
	}
	if value != "" {
		view.Values = strings.Split(value, "\n")
	}
	if written, is := estate.Declared(config, k.Name); is && !k.Secret {
		view.Values, view.Means = strings.Split(written, "\n"), view.Values
	}
	return view
}

// settingsShown splits settings in those that are set and those that are not.
func settingsShown(all []settingView) (set, unset []settingView) {
	i := slices.IndexFunc(all, func(v settingView) bool { return v.Unset })
	if i < 0 {
		return all, nil
	}
	return all[:i], all[i:]
}

// exampleEstate is what an operator may begin with.
const exampleEstate = `sources:
  warehouse:
    kind: trino
    title: Warehouse
    every: 15m
    url: https://trino.example.com:8443
    user: portreeve
    password: ${TRINO_PASSWORD}
  events:
    kind: kafka
    brokers: [kafka.example.com:9092]`
