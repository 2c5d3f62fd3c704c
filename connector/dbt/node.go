package dbt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// node is a model, seed, snapshot, source or exposure as manifests have it. No field is always there.
type node struct {
	Description text      `json:"description"`
	Columns     columnSet `json:"columns"`
	Tags        texts     `json:"tags"`
	Meta        members   `json:"meta"`
	Config      struct {
		Materialized text     `json:"materialized"`
		Tags         texts    `json:"tags"`
		Meta         members  `json:"meta"`
		Group        text     `json:"group"`
		Access       text     `json:"access"`
		Contract     contract `json:"contract"`
	} `json:"config"`
	DependsOn struct {
		Nodes []string `json:"nodes"`
	} `json:"depends_on"`
	Relation        text     `json:"relation_name"`
	RawCode         text     `json:"raw_code"` // raw_sql until v6
	RawSQL          text     `json:"raw_sql"`
	File            text     `json:"original_file_path"`
	Language        text     `json:"language"`
	Group           text     `json:"group"`
	Access          text     `json:"access"`
	Contract        contract `json:"contract"`
	Version         text     `json:"version"`
	LatestVersion   text     `json:"latest_version"`
	DeprecationDate text     `json:"deprecation_date"`

	Loader text `json:"loader"` // of a source

	Label    text  `json:"label"` // of an exposure, like the rest
	Type     text  `json:"type"`
	URL      text  `json:"url"`
	Maturity text  `json:"maturity"`
	Owner    owner `json:"owner"`
}

type contract struct {
	Enforced text `json:"enforced"`
}

// nodeColumn is a column that a project describes.
type nodeColumn struct {
	Name        text `json:"name"`
	Description text `json:"description"`
	Type        text `json:"data_type"`
	Constraints []struct {
		Type text `json:"type"`
	} `json:"constraints"`
}

// columnSet is columns by name in their order, or a list of them.
type columnSet []nodeColumn

// UnmarshalJSON fails on what is neither.
func (c *columnSet) UnmarshalJSON(raw []byte) error {
	*c = nil
	switch raw[0] {
	case 'n':
		return nil
	case '[':
		return json.Unmarshal(raw, (*[]nodeColumn)(c))
	case '{':
	default:
		return errors.New("columns are neither an object nor a list")
	}
	var all members
	if err := all.UnmarshalJSON(raw); err != nil {
		return err
	}
	for _, m := range all {
		var n nodeColumn
		if err := json.Unmarshal(m.value, &n); err != nil {
			return fmt.Errorf("column %.100q: %w", m.key, err)
		}
		if n.Name == "" {
			n.Name = text(m.key)
		}
		*c = append(*c, n)
	}
	return nil
}

// owner is who answers for something: an object, or just a name or an address.
type owner struct{ Name, Email string }

// UnmarshalJSON never fails.
func (o *owner) UnmarshalJSON(raw []byte) error {
	*o = owner{}
	if raw[0] != '{' {
		var list texts
		_ = list.UnmarshalJSON(raw)
		for _, s := range list {
			switch s = strings.TrimSpace(s); {
			case strings.Contains(s, "@") && o.Email == "":
				o.Email = s
			case !strings.Contains(s, "@") && o.Name == "":
				o.Name = s
			}
		}
		return nil
	}
	var fields struct {
		Name  texts `json:"name"`
		Email texts `json:"email"`
	}
	if json.Unmarshal(raw, &fields) == nil {
		o.Name, o.Email = strings.TrimSpace(first(fields.Name)), strings.TrimSpace(first(fields.Email))
	}
	return nil
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// decodeNode reads a node. What is wrong with it is said for people.
func decodeNode(raw []byte) (*node, string) {
	var n node
	err := json.Unmarshal(raw, &n)
	if err == nil {
		return &n, ""
	}
	if shape, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil, fmt.Sprintf("its %s is a %s", shape.Field, shape.Value)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, "it is no JSON"
	}
	return nil, bound(err.Error(), maxMessage)
}

// builtNode is a table or view as catalog.json found it.
type builtNode struct {
	Metadata struct {
		Type    text `json:"type"`
		Comment text `json:"comment"`
	} `json:"metadata"`
	Columns members `json:"columns"`
	Stats   members `json:"stats"`
}

type builtColumn struct {
	Name    text   `json:"name"`
	Type    text   `json:"type"`
	Index   number `json:"index"`
	Comment text   `json:"comment"`
}

// stat returns a figure that an adapter gives under one of its names, or nil.
func (b *builtNode) stat(names ...string) *int64 {
	for _, name := range names {
		for _, m := range b.Stats {
			var s struct {
				Value number `json:"value"`
			}
			if strings.EqualFold(m.key, name) && json.Unmarshal(m.value, &s) == nil && s.Value.count() != nil {
				return s.Value.count()
			}
		}
	}
	return nil
}
