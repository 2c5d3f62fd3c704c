package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Listener passes on what is announced by NOTIFY, over one connection for the whole process. Payloads are ids: a reader
// looks the thing up, so that a lost or doubled payload does no harm.
type Listener struct {
	topics []string
	mu     sync.Mutex
	subs   map[string]map[chan string]struct{}
}

// NewListener returns a Listener for the topics given. Nothing arrives until Run.
func NewListener(topics ...string) *Listener {
	return &Listener{topics: topics, subs: map[string]map[chan string]struct{}{}}
}

// Subscribe returns a channel of payloads announced on topic until cancel is called. A slow reader loses older payloads,
// never the newest. After a lost connection every reader gets an empty payload: something may have been missed.
func (l *Listener) Subscribe(topic string) (payloads <-chan string, cancel func()) {
	ch := make(chan string, 16)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subs[topic] == nil {
		l.subs[topic] = map[chan string]struct{}{}
	}
	l.subs[topic][ch] = struct{}{}
	return ch, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.subs[topic], ch)
	}
}

// Run listens until ctx ends, connecting again whenever the connection is lost.
func (l *Listener) Run(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) {
	for ctx.Err() == nil {
		err := l.listen(ctx, pool)
		if ctx.Err() != nil {
			return
		}
		log.WarnContext(ctx, "listening to the database broke off", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (l *Listener) listen(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { // the connection listens: the pool must not hand it to anyone else
		c := conn.Hijack()
		_ = c.Close(context.WithoutCancel(ctx))
	}()
	for _, topic := range l.topics {
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{topic}.Sanitize()); err != nil {
			return err
		}
	}
	for _, topic := range l.topics {
		l.publish(topic, "")
	}
	for {
		n, err := conn.Conn().WaitForNotification(ctx)
		if err != nil {
			return err
		}
		l.publish(n.Channel, n.Payload)
	}
}

func (l *Listener) publish(topic, payload string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ch := range l.subs[topic] {
		for {
			select {
			case ch <- payload:
			default:
				select { // full: drop the oldest and try again
				case <-ch:
				default:
				}
				continue
			}
			break
		}
	}
}
