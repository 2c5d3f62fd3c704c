package catalog

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"portreeve/fault"
)

// maxSmallFile is the size of the largest file of a setting, in bytes: certificates and keys are far smaller.
const maxSmallFile = 1 << 20

// ReadSmallFile returns the content of the file that a setting such as ca_file names; what is the setting's name. A pipe or a
// device, which would be waited for or read without end, and a file of more than 1 MiB are refused. Errors are Invalid, of the
// field what, and show no path.
func ReadSmallFile(path, what string) ([]byte, error) {
	bad := func(why string, cause error) error {
		return &fault.Error{Kind: fault.Invalid, Field: what, Msg: "the file of the setting " + what + " " + why, Err: cause}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0) // opening a pipe would wait for its writer
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, bad("is not there", err)
	case errors.Is(err, fs.ErrPermission):
		return nil, bad("cannot be read: the portal's user may not", err)
	case err != nil:
		return nil, bad("cannot be read", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, bad("cannot be read", err)
	}
	if !info.Mode().IsRegular() {
		return nil, bad("cannot be read: it is a folder, a pipe or a device", nil)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSmallFile+1)) // it may grow meanwhile
	if err != nil {
		return nil, bad("cannot be read", err)
	}
	if len(text) > maxSmallFile {
		return nil, bad("is larger than 1 MiB", nil)
	}
	return text, nil
}
