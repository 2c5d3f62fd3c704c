package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestRefuseUnknown(t *testing.T) {
	t.Parallel()
	var c cli
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, variable, want string }{
		{"one of ours", "PORTREEVE_LISTEN=127.0.0.1:1", ""},
		{"of a subcommand", "PORTREEVE_DRAIN=1s", ""},
		{"of the tests", "PORTREEVE_TEST_DATABASE_URL=x", ""},
		{"of somebody else", "PORT=8080", ""},
		{"a near name is told", "PORTREEVE_LISTN=x", "did you mean PORTREEVE_LISTEN?"},
		{"a letter too many", "PORTREEVE_HOMEE=x", "did you mean PORTREEVE_HOME?"},
		{"nothing like it", "PORTREEVE_FLUX_CAPACITOR_SETTING=x", "unknown variable PORTREEVE_FLUX_CAPACITOR_SETTING"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := refuseUnknown(parser.Model, []string{tt.variable}); err != nil {
				got = err.Error()
			}
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("refuseUnknown(%s) = %q, want %q", tt.variable, got, tt.want)
			}
			if strings.Contains(got, "=") {
				t.Error("the value of a variable is printed: it may be a secret")
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:0": true, "[::1]:80": true, "127.8.9.1:1": true,
		"0.0.0.0:8080": false, ":8080": false, "10.0.0.1:80": false, "example.com:80": false, "127.0.0.1": false,
	} {
		if err := loopback(address); (err == nil) != ok {
			t.Errorf("loopback(%q) = %v", address, err)
		}
	}
}
