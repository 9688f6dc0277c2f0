//go:build unix

package kafka_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// These tests need a real disk that takes no more data, for any user and on any system. So no file
// of the process may be longer than a limit, and the tests run in a separate process.

const onFullDisk = "FENCELOG_TEST_ON_FULL_DISK"

// inOwnProcess runs the test in a separate process, and returns true. In that process it returns
// false.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(onFullDisk) != "" {
		signal.Ignore(syscall.SIGXFSZ) // so that a write fails, as it does on a full disk
		return false
	}
	own := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	own.Env = append(os.Environ(), onFullDisk+"=1")
	out, err := own.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return true
}

// limitFiles bounds the length of files from now on. A negative limit ends that.
func limitFiles(t *testing.T, bytes int64) {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	limit.Cur = limit.Max
	if bytes >= 0 {
		limit.Cur = uint64(bytes)
	}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
}

func requireIndexError(t *testing.T, err error, dir string) {
	t.Helper()
	var failed *kafka.IndexError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, dir, failed.Dir)
	require.ErrorIs(t, err, syscall.EFBIG)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "file too large; raise the limit of the size of files")
}

// requireNothingOpen fails if the process still has a file of the folder open.
func requireNothingOpen(t *testing.T, dir string) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, l := range links {
		name, err := os.Readlink(l)
		require.False(t, err == nil && strings.HasPrefix(name, dir), name)
	}
}

func large(n int) []eventstore.Record {
	rs := records(n, "")
	for i := range rs {
		rs[i].Value = []byte(strings.Repeat("large", 40_000))
	}
	return rs
}

func TestFullDisk_atOpening(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	_, cfg := fake(t)
	refused := 0
	for limit := int64(0); ; limit = 1 + limit*3/2 {
		cfg.IndexDir = filepath.Join(t.TempDir(), "index")
		limitFiles(t, limit)
		s, err := kafka.Open(t.Context(), cfg)
		if err == nil {
			require.NoError(t, s.Close())
			limitFiles(t, -1)
			break
		}
		limitFiles(t, -1)
		requireIndexError(t, err, cfg.IndexDir)
		requireNothingOpen(t, cfg.IndexDir)
		refused++
		s, err = kafka.Open(t.Context(), cfg)
		require.NoError(t, err, "the disk has room again")
		require.NoError(t, s.Close())
	}
	require.Greater(t, refused, 10)
}

func TestFullDisk_whileAppending(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	_, cfg := fake(t)
	cfg.IndexDir = filepath.Join(t.TempDir(), "index")
	cfg.Topics.Prefix, cfg.Topics.Categories = "wide", []topics.Category{{Name: category, Partitions: 3}}
	create(t, cfg)
	s := open(t, cfg)
	limitFiles(t, 100_000)
	var stored []eventstore.Record
	var err error
	for err == nil {
		rs := large(1)
		if _, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, rs...)); err == nil {
			stored = append(stored, rs...)
		}
	}
	if !errors.Is(err, eventstore.ErrOutcomeUnknown) { // the commit may have been on its way
		requireIndexError(t, err, cfg.IndexDir)
	}
	_, err = s.Append(t.Context(), eventstore.To(stream("b"), eventstore.NoStream, records(1, "")...))
	requireIndexError(t, err, cfg.IndexDir)
	for _, err := range s.ReadStream(t.Context(), stream("a"), 1) {
		requireIndexError(t, err, cfg.IndexDir)
	}
	for _, err := range s.Follow(t.Context(), category, eventstore.Start{}) {
		if err != nil {
			requireIndexError(t, err, cfg.IndexDir)
		}
	}
	for _, p := range s.Status() {
		requireIndexError(t, p.Err, cfg.IndexDir)
	}
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(s.Status(), func(p kafka.PartitionStatus) bool { return p.Owned })
	}, 30*time.Second, 10*time.Millisecond, "idle owners give up as well")
	began := clock.Reading()
	requireIndexError(t, s.Close(), cfg.IndexDir)
	require.Less(t, time.Since(began), 5*time.Second)
	requireNothingOpen(t, cfg.IndexDir)

	limitFiles(t, -1)
	s = open(t, cfg)
	require.Subset(t, ids(t, s, "a"), idsOf(stored))
	_, err = s.Append(t.Context(), eventstore.To(stream("b"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestFullDisk_atClosing(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	_, cfg := fake(t)
	cfg.IndexDir = filepath.Join(t.TempDir(), "index")
	s := open(t, cfg)
	rs := large(3)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, rs...))
	require.NoError(t, err)
	limitFiles(t, 100_000)
	requireIndexError(t, s.Close(), cfg.IndexDir)
	requireIndexError(t, s.Close(), cfg.IndexDir)
	requireNothingOpen(t, cfg.IndexDir)
	limitFiles(t, -1)
	s = open(t, cfg)
	require.Equal(t, idsOf(rs), ids(t, s, "a"))
}

// An instance whose disk has failed leaves all partitions to the others.
func TestFullDisk_ofOneInstance(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	_, cfg := fake(t)
	s := newService(cfg, 4)
	create(t, s.cfg)
	s.cfg.IndexDir = filepath.Join(t.TempDir(), "index")
	dir := s.cfg.IndexDir
	full := s.start(t, "full")
	s.cfg.IndexDir = ""
	well := s.start(t, "well")
	awaitSharing(t, s, "full")
	awaitSharing(t, s, "well")
	limitFiles(t, 100_000)
	id := idOwnedBy(t, full)
	var err error
	for err == nil {
		_, err = full.Append(t.Context(), eventstore.To(stream(id), eventstore.Any, large(1)...))
	}
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(well.Status(), func(p kafka.PartitionStatus) bool { return !p.Owned })
	}, 30*time.Second, 10*time.Millisecond)
	for _, p := range full.Status() {
		requireIndexError(t, p.Err, dir)
		requireIndexError(t, p.Outside, dir)
	}
	_, err = well.Append(t.Context(), eventstore.To(stream(id), eventstore.Any, records(1, "")...))
	require.NoError(t, err)
	requireIndexError(t, full.Close(), dir)
}

// idOwnedBy returns a stream of a partition that the store owns.
func idOwnedBy(t *testing.T, s *kafka.Store) string {
	t.Helper()
	for i := range 100 {
		id := named("stream", i)
		if _, err := s.Append(t.Context(), eventstore.To(stream(id), eventstore.Any, records(1, "")...)); err == nil {
			return id
		}
	}
	t.Fatal("it owns nothing")
	return ""
}
