package estate

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"catalogs", "url", "user", "password"}
	for name, want := range map[string]string{
		"catalog": "catalogs", "uri": "url", "usr": "user", "pasword": "password", "topics": "", "": "", "x": "",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"same", "same", 0}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
