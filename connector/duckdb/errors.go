package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"portreeve/fault"
)

// checkFiles finds what people can be told before a worker starts: files that are missing, and folders that the worker's
// user cannot enter, which the engine would report as missing too.
func checkFiles(views []view, uid uint32) error {
	for _, v := range views {
		if err := v.shadowed(); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i := range views {
		for _, path := range views[i].paths() {
			info, err := os.Stat(path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return fault.Unavailablef(err, "the data file %s is missing", filepath.Base(path))
			case err != nil:
				return fault.Unavailablef(err, "the data file %s cannot be read", filepath.Base(path))
			case !info.Mode().IsRegular():
				return fault.Unavailablef(nil, "the data file %s is not a file", filepath.Base(path))
			case !mayRead(info, uid):
				return fault.Unavailablef(fmt.Errorf("%s: %v", path, info.Mode()), "the data file %s cannot be read by the worker's user", filepath.Base(path))
			}
			if err := checkFolders(filepath.Dir(path), uid, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkFolders reports the outermost folder on the way to dir that uid cannot enter.
func checkFolders(dir string, uid uint32, seen map[string]bool) error {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	if parent := filepath.Dir(dir); parent != dir {
		if err := checkFolders(parent, uid, seen); err != nil {
			return err
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fault.Unavailablef(err, "the folder %s cannot be entered", filepath.Base(dir))
	}
	if !mayEnter(info, uid) {
		return fault.Unavailablef(fmt.Errorf("%s: %v", dir, info.Mode()), "the folder %s cannot be entered by the worker's user", filepath.Base(dir))
	}
	return nil
}

// explain turns an error of a job into one fit for people; the cause stays within for the log.
func explain(ctx context.Context, views []view, err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	if late, ok := errors.AsType[tooLong](context.Cause(ctx)); ok {
		return fault.Unavailablef(err, "%s", late.Error())
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	f, ok := errors.AsType[*failure](err)
	switch {
	case errors.Is(err, errClosed):
		return fault.Unavailablef(err, "the engine is closed")
	case errors.Is(err, errStopped):
		return fault.Unavailablef(err, "the engine stopped")
	case !ok:
		return err
	case f.refused != "":
		return &fault.Error{Kind: fault.Invalid, Field: "sql", Msg: f.refused, Err: err}
	case f.stage == stageFence:
		return fault.Unavailablef(err, "people's SQL cannot run on this machine: its kernel does not fence the engine")
	case f.stage == stageSQL:
		return &fault.Error{Kind: fault.Invalid, Field: "sql", Msg: f.failed, Err: err}
	case f.stage == stageFiles:
		return unreadable(views, f)
	}
	return err
}

// unreadable says which data file could not be read, as well as the engine's words tell.
func unreadable(views []view, f *failure) error {
	if strings.Contains(f.failed, "Out of Memory") {
		return fault.Unavailablef(f, "needed more memory than a job may use")
	}
	name := ""
	for i := range views {
		for _, p := range views[i].paths() {
			if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
				return fault.Unavailablef(f, "the data file %s is missing", filepath.Base(p))
			}
			if strings.Contains(f.failed, p) && len(p) > len(name) {
				name = p
			}
		}
	}
	switch {
	case name != "":
		return fault.Unavailablef(f, "the data file %s is damaged", filepath.Base(name))
	case len(views) == 1:
		return fault.Unavailablef(f, "a data file of %s is damaged", views[0].Plan.Key.Name)
	}
	return fault.Unavailablef(f, "a data file is damaged")
}
