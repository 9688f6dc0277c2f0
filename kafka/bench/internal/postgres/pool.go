package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// pool is a bounded number of connections to a server.
type pool struct {
	conns chan *pgx.Conn
	all   []*pgx.Conn
}

// open returns a pool of so many connections.
func (s *Server) open(ctx context.Context, connections int) (*pool, error) {
	p := &pool{conns: make(chan *pgx.Conn, connections)}
	for range connections {
		c, err := s.connect(ctx)
		if err != nil {
			return nil, errors.Join(err, p.Close(ctx))
		}
		p.all = append(p.all, c)
		p.conns <- c
	}
	return p, nil
}

// use lends a connection to do.
func (p *pool) use(ctx context.Context, do func(*pgx.Conn) error) error {
	select {
	case c := <-p.conns:
		defer func() { p.conns <- c }()
		return do(c)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close closes the connections. Nobody may use them any more.
func (p *pool) Close(ctx context.Context) error {
	var errs []error
	for _, c := range p.all {
		errs = append(errs, c.Close(ctx))
	}
	return errors.Join(errs...)
}
