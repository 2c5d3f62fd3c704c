package launch

import (
	"os"
	"strings"
)

// properties returns the settings "key=value" of a file.
func properties(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	var settings []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			settings = append(settings, line)
		}
	}
	return settings, err
}
