//go:build !linux && !noduckdb

package duckdb

import "errors"

func confine(limits) error { return nil }

func fence([]string, string) error { return errors.New("only Linux fences workers") }
