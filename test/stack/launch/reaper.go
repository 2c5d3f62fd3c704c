package launch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// reaper is a shell that waits until we end, in whatever way, and then kills the servers that are left and removes the home
// and the description. It holds the lock meanwhile, so that no others start before all is gone.
type reaper struct {
	home  string
	shell *exec.Cmd
	alive io.Closer // its standard input, which nobody else has: it ends with us
}

func newReaper(home, description string, lock *os.File) (*reaper, error) {
	const script = `read -r _
		if [ -f "$1/pids" ]; then while read -r pid; do kill -9 "-$pid"; done <"$1/pids"; fi 2>/dev/null
		if read -r pid <"$1/postgres/pgdata/postmaster.pid"; then kill -INT "$pid"; fi 2>/dev/null
		while kill -0 "$pid"; do sleep 0.05; done 2>/dev/null
		rm -rf -- "$1" "$2"`
	c := exec.Command("/bin/sh", "-c", script, "sh", home, description)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what ends us is not for it
	if lock != nil {
		c.ExtraFiles = []*os.File{lock}
	}
	alive, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("sh, to clean up: %w", err)
	}
	return &reaper{home, c, alive}, nil
}

// add tells the reaper of a process group.
func (r *reaper) add(pid int) error {
	f, err := os.OpenFile(filepath.Join(r.home, "pids"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, pid)
	return err
}

// finish removes the home. All servers have ended.
func (r *reaper) finish() {
	_ = os.Remove(filepath.Join(r.home, "pids"))
	_ = r.alive.Close()
	_ = r.shell.Wait()
}
