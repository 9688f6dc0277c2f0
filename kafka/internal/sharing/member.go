package sharing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// Config is what a member needs. Every field must be set.
type Config struct {
	Client     sarama.Client
	Group      string
	Address    string      // where callers of the other members reach this process
	Partitions []Partition // that this process can own
	Session    time.Duration
	Heartbeat  time.Duration
	Logger     *slog.Logger

	// Owned returns the partitions that this process owns now. It should keep them if possible.
	Owned func() []Partition

	// Assigned is told of each new sharing. After Outside it is told of the last sharing once more,
	// if that holds again. Outside is told when this process is not in the group any more, as far
	// as it can know. The coordinator refuses it, or has not answered for the session. Then the
	// others share its partitions among themselves, and it goes on trying to join. Both are called
	// one at a time, and must return soon.
	Assigned func(Table)
	Outside  func(error)
}

// Table says which member should own which partition.
type Table struct {
	Own       map[Partition]bool   // this process's
	Addresses map[Partition]string // of the owners
}

// Member is this process's part in the group.
type Member struct {
	cfg     Config
	conf    sarama.Config // the client's, with connections of the member's own
	conns   *dial.Conns
	contact *contact
	stop    context.CancelFunc
	done    chan struct{}

	// Only the member's goroutine touches these.
	broker     *sarama.Broker // the group's coordinator; nil if it must be found
	id         string
	generation int32
}

const (
	protocolType = "fencelog"
	protocolName = "owners.1"
)

// Join joins the group and returns once there is a first sharing, or ctx ends.
func Join(ctx context.Context, cfg Config) (*Member, error) {
	m := &Member{cfg: cfg, conf: *cfg.Client.Config(), contact: newContact(&cfg), done: make(chan struct{})}
	m.conf.Net.ReadTimeout += cfg.Session // a coordinator holds a join until all have joined
	m.conns = dial.Use(&m.conf)
	m.conns.Patient(cfg.Session)
	if err := m.first(ctx); err != nil {
		m.disconnect()
		return nil, fmt.Errorf("join group %s: %w", cfg.Group, err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	go m.run(run)
	return m, nil
}

func (m *Member) first(ctx context.Context) error {
	defer m.conns.CutWhenDone(ctx)()
	return m.join(ctx)
}

// Close leaves the group, and the other members share anew at once. It may be called once.
func (m *Member) Close() {
	m.stop()
	<-m.done
}

// leaveTime bounds the goodbye to a coordinator that does not answer.
const leaveTime = 5 * time.Second

// run keeps the membership until ctx ends, and leaves the group.
func (m *Member) run(ctx context.Context) {
	defer close(m.done)
	defer m.disconnect()
	var watch sync.WaitGroup
	watch.Go(func() { m.watch(ctx) })
	m.stay(ctx)
	watch.Wait()
	m.disconnect() // requests that waited for an answer were cut
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	defer m.conns.CutWhenDone(bounded)()
	m.leave()
}

// watch looks for silence of the coordinator, also while a request waits for its answer.
func (m *Member) watch(ctx context.Context) {
	for clock.Wait(ctx, m.cfg.Heartbeat) == nil {
		m.contact.check()
	}
}

// stay sends heartbeats, and joins again after one that fails, until ctx ends.
func (m *Member) stay(ctx context.Context) {
	defer m.conns.CutWhenDone(ctx)()
	for clock.Wait(ctx, m.cfg.Heartbeat) == nil {
		err := m.heartbeat()
		if err == nil {
			m.contact.confirmed()
			continue
		}
		m.contact.failed(err)
		m.cfg.Logger.Debug("membership", "group", m.cfg.Group, "error", err)
		m.comeBack(ctx)
	}
}

// The pauses between two attempts to join.
const (
	pause = 100 * time.Millisecond // if the next answer may be another one
	// If the answer stays the same until somebody changes something: twice as long each time.
	firstRefused = time.Second
	longRefused  = 30 * time.Second
)

// comeBack joins the group again, also if that is hopeless now. Somebody may change permissions and
// limits.
func (m *Member) comeBack(ctx context.Context) {
	for refused := firstRefused; ; refused = min(2*refused, longRefused) {
		err := m.join(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		m.contact.refused(err)
		m.cfg.Logger.Error("not in the group any more", "group", m.cfg.Group, "after", refused, "error", err)
		if clock.Wait(ctx, refused) != nil {
			return
		}
	}
}

// untold is how long joining may fail before the first warning. The next warnings come at intervals
// that double.
const untold = time.Second

// join joins and learns the sharing. It tries again until that succeeds, until ctx ends, or until
// the answer is hopeless.
func (m *Member) join(ctx context.Context) error {
	begun, told := clock.Reading(), untold/2
	for {
		table, err := m.joinOnce()
		if err == nil {
			m.cfg.Logger.Info("partitions shared", "group", m.cfg.Group, "generation", m.generation,
				"own", len(table.Own), "all", len(table.Addresses))
			m.contact.joined(table)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w; the last attempt: %w", context.Cause(ctx), err)
		}
		switch {
		case errors.Is(err, sarama.ErrMemberIdRequired), errors.Is(err, sarama.ErrRebalanceInProgress):
			continue // the coordinator asks for another attempt
		case errors.Is(err, sarama.ErrUnknownMemberId), errors.Is(err, sarama.ErrIllegalGeneration),
			errors.Is(err, sarama.ErrFencedInstancedId):
			m.id = ""
		case hopeless(err):
			return err
		default:
			m.forgetCoordinator()
		}
		m.contact.failed(err)
		level := slog.LevelDebug
		if lasts := clock.Reading().Sub(begun); lasts >= 2*told {
			level, told = slog.LevelWarn, lasts
		}
		m.cfg.Logger.Log(ctx, level, "group is not joined yet, and is asked again", "group", m.cfg.Group,
			"for", clock.Reading().Sub(begun).Round(time.Millisecond), "error", err)
		if stopped := clock.Wait(ctx, pause); stopped != nil {
			return fmt.Errorf("%w; the last attempt: %w", stopped, err)
		}
	}
}

// hopeless reports whether a coordinator's answer will be the same the next time.
func hopeless(err error) bool {
	for _, code := range []sarama.KError{
		sarama.ErrGroupAuthorizationFailed, sarama.ErrInvalidGroupId, sarama.ErrInvalidSessionTimeout,
		sarama.ErrInconsistentGroupProtocol, sarama.ErrGroupMaxSizeReached, sarama.ErrUnsupportedVersion,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// joinOnce joins a generation of the group. The leader, whom the coordinator names, shares the
// partitions.
func (m *Member) joinOnce() (Table, error) {
	about, err := json.Marshal(metadata{Address: m.cfg.Address, Partitions: m.cfg.Partitions, Owned: m.cfg.Owned()})
	if err != nil {
		return Table{}, err
	}
	b, err := m.coordinator()
	if err != nil {
		return Table{}, err
	}
	joined, err := b.JoinGroup(&sarama.JoinGroupRequest{
		Version: 5, GroupId: m.cfg.Group, MemberId: m.id, ProtocolType: protocolType,
		SessionTimeout: int32(m.cfg.Session.Milliseconds()), RebalanceTimeout: int32(m.cfg.Session.Milliseconds()),
		OrderedGroupProtocols: []*sarama.GroupProtocol{{Name: protocolName, Metadata: about}},
	})
	if err != nil {
		return Table{}, err
	}
	if joined.Err == sarama.ErrNoError || joined.Err == sarama.ErrMemberIdRequired {
		m.id, m.generation = joined.MemberId, joined.GenerationId
	}
	if joined.Err != sarama.ErrNoError {
		return Table{}, fmt.Errorf("join: %w", joined.Err)
	}
	sharing := &sarama.SyncGroupRequest{Version: 3, GroupId: m.cfg.Group, GenerationId: m.generation, MemberId: m.id}
	if joined.LeaderId == m.id {
		if err := share(joined.Members, sharing); err != nil {
			return Table{}, err
		}
	}
	synced, err := b.SyncGroup(sharing)
	if err != nil {
		return Table{}, err
	}
	if synced.Err != sarama.ErrNoError {
		return Table{}, fmt.Errorf("sync: %w", synced.Err)
	}
	return m.table(synced.MemberAssignment)
}

// entry is one partition in the sharing. Every member gets the whole sharing.
type entry struct {
	Partition
	Member  string `json:"member"`
	Address string `json:"address"`
}

// share puts the sharing into the leader's request.
func share(members []sarama.GroupMember, sync *sarama.SyncGroupRequest) error {
	known := make(map[string]metadata, len(members))
	for _, member := range members {
		var about metadata
		if err := json.Unmarshal(member.Metadata, &about); err != nil {
			return fmt.Errorf("member %s of the group is not one of this library: %w", member.MemberId, err)
		}
		known[member.MemberId] = about
	}
	entries := []entry{}
	for p, id := range assign(known) {
		entries = append(entries, entry{Partition: p, Member: id, Address: known[id].Address})
	}
	whole, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	for id := range known {
		sync.AddGroupAssignment(id, whole)
	}
	return nil
}

func (m *Member) table(assignment []byte) (Table, error) {
	var entries []entry
	if err := json.Unmarshal(assignment, &entries); err != nil {
		return Table{}, fmt.Errorf("the sharing of group %s cannot be read: %w", m.cfg.Group, err)
	}
	t := Table{Own: make(map[Partition]bool), Addresses: make(map[Partition]string)}
	for _, e := range entries {
		t.Addresses[e.Partition] = e.Address
		if e.Member == m.id {
			t.Own[e.Partition] = true
		}
	}
	return t, nil
}

func (m *Member) heartbeat() error {
	b, err := m.coordinator()
	if err != nil {
		m.forgetCoordinator()
		return err
	}
	r, err := b.Heartbeat(&sarama.HeartbeatRequest{
		Version: 3, GroupId: m.cfg.Group, GenerationId: m.generation,
		MemberId: m.id,
	})
	if err != nil {
		m.forgetCoordinator()
		return err
	}
	if r.Err != sarama.ErrNoError {
		return fmt.Errorf("heartbeat: %w", r.Err)
	}
	return nil
}

// leave tells the coordinator. If the coordinator does not answer, it will notice by the session's
// time-out.
func (m *Member) leave() {
	b, err := m.coordinator()
	if err == nil {
		_, err = b.LeaveGroup(&sarama.LeaveGroupRequest{Version: 2, GroupId: m.cfg.Group, MemberId: m.id})
	}
	if err != nil {
		m.cfg.Logger.Warn("left the group without telling it", "group", m.cfg.Group, "error", err)
	}
}

// coordinator returns the connection to the group's coordinator. Nothing else uses that connection.
// The coordinator holds a join until all members have joined, and that would hold up other
// requests.
func (m *Member) coordinator() (*sarama.Broker, error) {
	if m.broker != nil {
		return m.broker, nil
	}
	known, err := m.cfg.Client.Coordinator(m.cfg.Group)
	if err != nil {
		return nil, fmt.Errorf("find the coordinator: %w", err)
	}
	b := sarama.NewBroker(known.Addr())
	if err := b.Open(&m.conf); err != nil {
		return nil, err
	}
	if _, err := b.Connected(); err != nil {
		return nil, fmt.Errorf("connect to broker %s: %w", known.Addr(), err)
	}
	m.broker = b
	return b, nil
}

func (m *Member) forgetCoordinator() {
	m.disconnect()
	_ = m.cfg.Client.RefreshCoordinator(m.cfg.Group) // a failure shows when it is asked for
}

func (m *Member) disconnect() {
	if m.broker != nil {
		m.conns.Cut()
		_ = m.broker.Close()
		m.broker = nil
	}
}
