package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fencelog/fencelog/internal/clock"
)

const (
	user     = "bench"
	database = "postgres"

	maxConnections = 100
	startTimeout   = 30 * time.Second
	stopTimeout    = 30 * time.Second
	pollEvery      = 50 * time.Millisecond
)

// Server is a PostgreSQL server that this process started.
type Server struct {
	dir  string
	port int
	cmd  *exec.Cmd
	log  bytes.Buffer // written by the process until it has ended

	once    sync.Once
	stopErr error
}

// Start makes a database in a new folder below dir and starts a server for it. initdb and postgres
// must be on the PATH. They refuse to run as root, so then the user "nobody" runs them. fsync and
// synchronous_commit are on. All other settings are in the server's favour.
func Start(ctx context.Context, dir string) (*Server, error) {
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	s := &Server{}
	if s.dir, err = os.MkdirTemp(dir, "postgres-"); err != nil {
		return nil, err
	}
	if as != nil {
		if err := os.Chown(s.dir, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(s.dir))
		}
	}
	if err := s.start(ctx, as); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, as *syscall.SysProcAttr) error {
	data := filepath.Join(s.dir, "data")
	initdb := exec.CommandContext(ctx, "initdb", "-D", data, "-U", user, "--auth=trust", "--encoding=UTF8",
		"--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	var err error
	if s.port, err = freePort(ctx); err != nil {
		return err
	}
	args := []string{"-D", data, "-p", strconv.Itoa(s.port), "-k", s.dir}
	for name, value := range map[string]string{
		"listen_addresses": "127.0.0.1", "max_connections": strconv.Itoa(maxConnections),
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "4GB",
		"shared_buffers": "1GB", "maintenance_work_mem": "512MB", "effective_cache_size": "8GB",
	} {
		args = append(args, "-c", name+"="+value)
	}
	// The server outlives ctx, which bounds only its start. Stop ends the server.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "postgres", args...)
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = as, s.dir, &s.log, &s.log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	return s.await(ctx)
}

// await waits until the server answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		c, err := s.connect(ctx)
		if err == nil {
			return c.Close(ctx)
		}
		if stopped := clock.Wait(ctx, pollEvery); stopped != nil {
			return fmt.Errorf("%w; the last attempt: %w", stopped, err)
		}
	}
}

func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable", s.port, user,
		database))
}

// Version returns the server's version.
func (s *Server) Version(ctx context.Context) (version string, err error) {
	c, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	err = c.QueryRow(ctx, "SHOW server_version").Scan(&version)
	return version, err
}

// Stop ends the server, even if it has connections, and removes its data. It may be called more
// than once.
func (s *Server) Stop() error {
	s.once.Do(func() { s.stopErr = errors.Join(s.end(), os.RemoveAll(s.dir)) })
	return s.stopErr
}

func (s *Server) end() error {
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil { // a fast shutdown
		return err
	}
	overdue := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	defer overdue.Stop()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("PostgreSQL ended with %w: %s", err, s.log.Bytes())
	}
	return nil
}

// freePort returns a port that nothing listens on now.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
