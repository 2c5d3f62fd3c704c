// Command build makes web/assets from web/src: go run ./web/build, from the top of the repository. It needs nothing but Go:
// the few scripts of others that are bundled stand in web/src/vendor.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	files, err := build(filepath.Join("web", "src"))
	if err == nil {
		err = write(filepath.Join("web", "assets"), files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

// file is something that a browser is sent.
type file struct {
	name    string
	content []byte
}

// build bundles the style and the script in src and adds what is sent as it is. The same sources give the same bytes on every
// machine.
func build(src string) ([]file, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{filepath.Join(src, "app.css"), filepath.Join(src, "app.js")},
		Bundle:            true,
		MinifyWhitespace:  true,
		MinifySyntax:      true,
		MinifyIdentifiers: true,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone, // in THIRD_PARTY.txt
		Format:            api.FormatIIFE,
		Engines: []api.Engine{ // popovers, anchors and light-dark() need these anyway
			{Name: api.EngineChrome, Version: "125"},
			{Name: api.EngineFirefox, Version: "128"},
			{Name: api.EngineSafari, Version: "17.5"},
		},
		Outdir: src, // names only: nothing is written here
		Write:  false,
	})
	if len(result.Errors) > 0 {
		return nil, errors.New(result.Errors[0].Text)
	}
	var files []file
	for _, f := range result.OutputFiles {
		files = append(files, file{filepath.Base(f.Path), f.Contents})
	}
	icon, err := os.ReadFile(filepath.Join(src, "favicon.svg"))
	if err != nil {
		return nil, err
	}
	notice, err := thirdParty(src)
	return append(files, file{"favicon.svg", icon}, file{"THIRD_PARTY.txt", notice}), err
}

// thirdParty returns whose work is in the bundle and its licence.
func thirdParty(src string) ([]byte, error) {
	licence, err := os.ReadFile(filepath.Join(src, "vendor", "LICENSE.htmx"))
	if err != nil {
		return nil, err
	}
	return append([]byte("app.js holds htmx 4.0.1 and its extension hx-sse, by Big Sky Software and contributors, under this licence:\n\n"), licence...), nil
}

func write(dir string, files []file) error {
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
