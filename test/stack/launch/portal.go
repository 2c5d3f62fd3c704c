package launch

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// StartPortal fills the servers with data and starts the portal, a program, over them: at http://127.0.0.1:8080, or at
// another port where that is taken. It prints the address, and a token to log in with.
func (p *Platform) StartPortal(ctx context.Context, program string) error {
	began := time.Now()
	if err := p.fill(ctx); err != nil {
		return fmt.Errorf("fill the servers with data: %w", err)
	}
	p.say("filled with data in %.1f s", time.Since(began).Seconds())
	began = time.Now()
	port, ops := 8080, 0
	if l, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
		_ = l.Close()
	} else if err := freePorts(&port); err != nil {
		return err
	}
	if err := freePorts(&ops); err != nil {
		return err
	}
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	key := filepath.Join(p.Home, "portal", "session.key")
	if err := os.WriteFile(key, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		return err
	}
	env := []string{
		"PORTREEVE_SESSION_KEY_FILE=" + key, "DATABASE_URL=" + strings.Replace(p.PostgresURL, "/app?", "/portreeve?", 1), "STACK_PASSWORD=" + p.Password, "STACK_LAKE=" + p.LakeURL,
		"PORTREEVE_ESTATE=" + filepath.Join(p.Home, "portal", "estate.yaml"), "PORTREEVE_LISTEN=" + address[len("http://"):],
		fmt.Sprintf("PORTREEVE_OPS_LISTEN=127.0.0.1:%d", ops),
	}
	s, err := p.start("portal", "", env, program, "serve")
	if err != nil {
		return err
	}
	p.Portal = address
	if err := p.await(ctx, s, began); err != nil {
		return err
	}
	token := exec.CommandContext(ctx, program, "token", "create", "--user", "developer", "--role", "admin", "--scopes", "read,write", "--ttl", "720h")
	token.Env, token.Stderr = slices.Concat(s.cmd.Env, []string{"PORTREEVE_LOG_LEVEL=error"}), os.Stderr
	secret, err := token.Output()
	if err != nil {
		return fmt.Errorf("make a token: %w", err)
	}
	p.say("the portal is at %s; log in with the token %s", address, strings.TrimSpace(string(secret)))
	p.Servers = p.list()
	return write(p.File, &p.Stack)
}
