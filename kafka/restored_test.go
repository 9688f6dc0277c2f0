package kafka_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// diskful is fake brokers whose disks can be copied and put back. An operator does the same with
// real disks.
type diskful struct {
	*kfake.Cluster

	t     *testing.T
	disk  string
	copy  string
	ports []int
}

func newDiskful(t *testing.T) (*diskful, kafka.Config) {
	t.Helper()
	d := &diskful{t: t, disk: filepath.Join(t.TempDir(), "disk"), copy: filepath.Join(t.TempDir(), "copy")}
	d.start()
	for _, addr := range d.ListenAddrs() {
		_, port, err := net.SplitHostPort(addr)
		require.NoError(t, err)
		n, err := strconv.Atoi(port)
		require.NoError(t, err)
		d.ports = append(d.ports, n)
	}
	t.Cleanup(func() { d.Close() })
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: d.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: category, Partitions: 1}}},
		Logger:     quiet(),
	}
	create(t, cfg)
	return d, cfg
}

func (d *diskful) start() {
	d.t.Helper()
	opts := []kfake.Opt{kfake.NumBrokers(3), kfake.ClusterID("disks"), kfake.DataDir(d.disk)}
	if d.ports != nil {
		opts = append(opts, kfake.Ports(d.ports...))
	}
	var err error
	d.Cluster, err = kfake.NewCluster(opts...)
	require.NoError(d.t, err)
}

// save copies the disks.
func (d *diskful) save() {
	d.t.Helper()
	d.Close()
	require.NoError(d.t, os.CopyFS(d.copy, os.DirFS(d.disk)))
	d.start()
}

// restore puts the copy back.
func (d *diskful) restore() {
	d.t.Helper()
	d.Close()
	require.NoError(d.t, os.RemoveAll(d.disk))
	require.NoError(d.t, os.CopyFS(d.disk, os.DirFS(d.copy)))
	d.start()
}

// testRestored restores the brokers below an index on disk. The store must refuse the index if the
// log ends before what the index has read. It must also refuse it if another store has written
// there since.
func testRestored(t *testing.T, cfg kafka.Config, save, restore func()) {
	t.Helper()
	dir := t.TempDir()
	withIndex := cfg
	withIndex.IndexDir = dir
	s := open(t, withIndex)
	kept := add(t, s, "x", 2)
	require.NoError(t, s.Close())
	save()
	s = open(t, withIndex)
	require.Equal(t, kept, ids(t, s, "x"), "brokers that restart lose nothing")
	add(t, s, "x", 2)
	require.NoError(t, s.Close())
	restore()

	refused := func(cause error) {
		t.Helper()
		_, err := kafka.Open(t.Context(), withIndex)
		var corrupt *kafka.CorruptError
		require.ErrorAs(t, err, &corrupt)
		require.ErrorIs(t, err, cause)
		require.Equal(t, topicOf(cfg), corrupt.Topic)
		require.ErrorContains(t, err, "the brokers have lost or replaced records that this process had read; "+
			"restore the brokers as they were")
		require.ErrorContains(t, err, dir)
	}
	refused(kafka.ErrLogCut)

	other := open(t, cfg)
	require.Equal(t, kept, ids(t, other, "x"))
	kept = append(kept, add(t, other, "x", 5)...)
	require.NoError(t, other.Close())
	refused(kafka.ErrLogRewritten)

	require.NoError(t, os.RemoveAll(dir))
	again := open(t, withIndex)
	require.Equal(t, kept, ids(t, again, "x"), "who accepts the loss goes on with what is there")
}

func TestRestored_indexThatTheLogContradictsIsRefused(t *testing.T) {
	t.Parallel()
	d, cfg := newDiskful(t)
	testRestored(t, cfg, d.save, d.restore)
}

// Stores run while the brokers are restored, and notice it when they connect again. They own the
// partition and are idle, or append, or follow. Their indexes are in memory.
func TestRestored_isNoticedByRunningStores(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		readOnly bool
		appends  bool
	}{
		"idle owner": {}, "owner that appends": {appends: true}, "follower": {readOnly: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, cfg := newDiskful(t)
			writer := open(t, cfg)
			kept := add(t, writer, "x", 2)
			require.NoError(t, writer.Close())
			d.save()

			writer = open(t, cfg)
			s := writer
			if c.readOnly {
				s = openReader(t, cfg)
			}
			kept = append(kept, add(t, writer, "x", 2)...)
			eventually(t, "all has arrived", func() bool { return s.Status()[0].Next == writer.Status()[0].Next })
			require.Equal(t, kept, ids(t, s, "x"))
			if c.readOnly {
				require.NoError(t, writer.Close())
			}
			d.restore()

			var corrupt *kafka.CorruptError
			if c.appends {
				_, err := s.Append(t.Context(), eventstore.To(stream("x"), eventstore.Any, records(1, "")...))
				// the outcome is unknown, too, if the first attempt was before the restart
				require.ErrorIs(t, err, kafka.ErrLogCut)
			}
			eventually(t, "the status says so", func() bool { return s.Status()[0].Err != nil })
			require.ErrorAs(t, s.Status()[0].Err, &corrupt)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.ErrorAs(t, firstError(s.ReadStream(ctx, stream("x"), 1)), &corrupt)
			_, err := s.Append(ctx, eventstore.To(stream("x"), eventstore.Any, records(1, "")...))
			if c.readOnly {
				require.ErrorIs(t, err, eventstore.ErrNotOwner)
			} else {
				require.ErrorAs(t, err, &corrupt)
			}
		})
	}
}
