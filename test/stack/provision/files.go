package provision

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// listing is the file in a folder of the store that says what is in it.
const listing = ".files"

// list writes down the files in dir, for whole to compare: sizes and times, which are fast to look at.
func list(dir string) error {
	var text strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%d %d %s\n", info.Size(), info.ModTime().UnixNano(), name)
		return nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, listing), []byte(text.String()), 0o644)
}

// whole returns nil when the files in dir are as list saw them, and fs.ErrNotExist when there is no listing.
func whole(dir string) error {
	f, err := os.Open(filepath.Join(dir, listing))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	count := 0
	for ; lines.Scan(); count++ {
		var size, modified int64
		if _, err := fmt.Sscan(lines.Text(), &size, &modified); err != nil {
			return fmt.Errorf("the listing cannot be read: %w", err)
		}
		name := strings.SplitN(lines.Text(), " ", 3)[2]
		st, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("%s is missing", name)
		}
		if st.Size() != size || st.ModTime().UnixNano() != modified {
			return fmt.Errorf("%s was changed", name)
		}
	}
	if count == 0 {
		return errors.New("the listing is empty")
	}
	return lines.Err()
}

// checkSum returns an error unless the file has the SHA-256 want, in hexadecimal.
func checkSum(file, want string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s is damaged or not the one that is pinned: its SHA-256 is %s, not %s", filepath.Base(file), got, want)
	}
	return nil
}

// checkSums returns an error unless dir holds exactly the files that sums names, a line "hash  name" each, as they should be.
func checkSums(dir, sums string) error {
	want := map[string]string{}
	for line := range strings.Lines(sums) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		want[name] = hash
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range found {
		hash, ok := want[f.Name()]
		if !ok {
			return fmt.Errorf("%s is not among the files that are pinned", f.Name())
		}
		if err := checkSum(filepath.Join(dir, f.Name()), hash); err != nil {
			return err
		}
		delete(want, f.Name())
	}
	for name := range want {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}
