//go:build cluster

package connection_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

const (
	stranger = "reporting" // may read
	deployer = "deployer"  // may create topics
	sharer   = "sharing"   // a service whose instances share the partitions
	txnIDs   = kafka.DefaultTransactionalIDPrefix + "."
	groups   = "billing-" // the consumer groups of the service
)

// acl is one line of SECURITY.md.
type acl struct {
	operation sarama.AclOperation
	resource  sarama.AclResourceType
	prefix    string
}

// leastPrivilege has the permissions that a service needs.
func leastPrivilege() []acl {
	return []acl{
		{sarama.AclOperationRead, sarama.AclResourceTopic, testTopics},
		{sarama.AclOperationWrite, sarama.AclResourceTopic, testTopics},
		{sarama.AclOperationDescribeConfigs, sarama.AclResourceTopic, testTopics},
		{sarama.AclOperationWrite, sarama.AclResourceTransactionalID, txnIDs},
	}
}

// groupPrivilege has the permissions that a consumer group needs besides reading.
func groupPrivilege() []acl {
	return []acl{{sarama.AclOperationRead, sarama.AclResourceGroup, groups}}
}

// deployPrivilege has the permissions that creating the topics needs.
func deployPrivilege() []acl {
	return []acl{
		{sarama.AclOperationCreate, sarama.AclResourceTopic, testTopics},
		{sarama.AclOperationDescribe, sarama.AclResourceTopic, testTopics},
		{sarama.AclOperationDescribeConfigs, sarama.AclResourceTopic, testTopics},
	}
}

// sharingPrivilege has the permissions that instances need besides if they share the partitions.
func sharingPrivilege() []acl {
	return []acl{{sarama.AclOperationRead, sarama.AclResourceGroup, txnIDs}}
}

// lacking is the user who has all permissions of a service except the one with this number.
func lacking(i int) string { return fmt.Sprintf("%s-without-%d", principal, i) }

func deployerLacking(i int) string { return fmt.Sprintf("%s-without-%d", deployer, i) }

// allowAll gives all users their permissions, and waits until every broker knows.
func allowAll(t *testing.T, c *kafkatest.Cluster) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(c.Brokers(), sarama.NewConfig())
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close() })
	var all []*sarama.ResourceAcls
	allow := func(user string, acls []acl, without int) {
		for i, a := range acls {
			if i == without {
				continue
			}
			all = append(all, &sarama.ResourceAcls{
				Resource: sarama.Resource{
					ResourceType: a.resource, ResourceName: a.prefix,
					ResourcePatternType: sarama.AclPatternPrefixed,
				},
				Acls: []*sarama.Acl{{
					Principal: "User:" + user, Host: "*", Operation: a.operation,
					PermissionType: sarama.AclPermissionAllow,
				}},
			})
		}
	}
	allow(principal, leastPrivilege(), -1)
	allow(principal, groupPrivilege(), -1)
	allow(sharer, append(leastPrivilege(), sharingPrivilege()...), -1)
	allow(deployer, deployPrivilege(), -1)
	for i := range leastPrivilege() {
		allow(lacking(i), leastPrivilege(), i)
	}
	for i := range deployPrivilege() {
		allow(deployerLacking(i), deployPrivilege(), i)
	}
	allow(stranger, []acl{{sarama.AclOperationRead, sarama.AclResourceTopic, testTopics}}, -1)
	require.NoError(t, admin.CreateACLs(all))

	any := sarama.AclFilter{
		ResourceType: sarama.AclResourceAny, ResourcePatternTypeFilter: sarama.AclPatternAny,
		Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny,
	}
	for _, addr := range c.Brokers() {
		b := sarama.NewBroker(addr)
		require.NoError(t, b.Open(sarama.NewConfig()))
		t.Cleanup(func() { _ = b.Close() })
		require.Eventually(t, func() bool {
			found, err := b.DescribeAcls(&sarama.DescribeAclsRequest{Version: 1, AclFilter: any})
			n := 0
			if err == nil {
				for _, r := range found.ResourceAcls {
					n += len(r.Acls)
				}
			}
			return n == len(all)
		}, time.Minute, 50*time.Millisecond)
	}
}

// The listed permissions are enough. If one is missing, the error names it at once.
func testLeastPrivilege(t *testing.T, c *kafkatest.Cluster) {
	for i, a := range leastPrivilege() {
		t.Run(fmt.Sprintf("without %s on %s", a.operation.String(), a.resource.String()), func(t *testing.T) {
			cfg := arranged(t, c, c.Environment(kafkatest.SASLSSL, lacking(i)))
			_, err := storetest.Claimed(t.Context(), cfg)
			requireDenied(t, err, a)
		})
	}
	t.Run("with all", func(t *testing.T) {
		s := storetest.Open(t, arranged(t, c, c.Environment(kafkatest.SASLSSL, principal)))
		_, err := s.Append(t.Context(),
			eventstore.To(storetest.Stream("a"), eventstore.NoStream, storetest.Records(1, "")...))
		require.NoError(t, err)
	})
	t.Run("sharing the partitions", func(t *testing.T) {
		for user, allowed := range map[string]bool{sharer: true, principal: false} {
			cfg := arranged(t, c, c.Environment(kafkatest.SASLSSL, user))
			cfg.Sharing.Advertise = "here:3001"
			s, err := storetest.Claimed(t.Context(), cfg)
			if !allowed {
				requireDenied(t, err, sharingPrivilege()[0])
				continue
			}
			require.NoError(t, err)
			_, err = s.Append(t.Context(),
				eventstore.To(storetest.Stream("a"), eventstore.NoStream, storetest.Records(1, "")...))
			require.NoError(t, err)
			require.NoError(t, s.Close())
		}
	})
	t.Run("sharing without claims", func(t *testing.T) {
		cfg := arranged(t, c, c.Environment(kafkatest.SASLSSL, sharer))
		cfg.Sharing.Advertise = "here:3001"
		cfg.TransactionalIDPrefix, cfg.Sharing.Group = "other", txnIDs+"owners"
		_, err := storetest.Claimed(t.Context(), cfg)
		requireDenied(t, err, acl{sarama.AclOperationWrite, sarama.AclResourceTransactionalID, "other."})
	})
	t.Run("topics of others", func(t *testing.T) {
		cfg := from(t, c.Environment(kafkatest.SASLSSL, principal))
		cfg.Topics.Prefix = "others"
		open := cfg
		open.Connection.Brokers, open.Connection.Security = c.Brokers(), connection.Security{}
		kafkatest.Topics(t, open)
		_, err := storetest.Claimed(t.Context(), cfg)
		requireDenied(t, err, acl{sarama.AclOperationDescribe, sarama.AclResourceTopic, "others"})
	})
}

func requireDenied(t *testing.T, err error, a acl) {
	t.Helper()
	require.ErrorIs(t, err, connection.ErrPermission)
	var denied *connection.PermissionError
	require.ErrorAs(t, err, &denied)
	require.Equal(t, a.operation.String(), denied.Operation, err)
	require.Equal(t, strings.ReplaceAll(strings.ToLower(a.resource.String()), "id", " id"), denied.Resource, err)
	require.True(t, strings.HasPrefix(denied.Name, a.prefix), err)
	require.ErrorContains(t, err, denied.Operation+" on "+denied.Resource+" "+denied.Name)
	require.ErrorContains(t, err, "add an ACL")
}

// Others may read what the service writes, and never write.
func testOnlyTheServiceWrites(t *testing.T, c *kafkatest.Cluster) {
	cfg := arranged(t, c, c.Environment(kafkatest.SASLSSL, principal))
	s := storetest.Open(t, cfg)
	commit := storetest.Records(1, "")
	_, err := s.Append(t.Context(), eventstore.To(storetest.Stream("a"), eventstore.NoStream, commit...))
	require.NoError(t, err)

	client := plainClient(t, c, stranger)
	producer, err := sarama.NewSyncProducerFromClient(client)
	require.NoError(t, err)
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{
		Topic: storetest.TopicOf(cfg),
		Value: sarama.StringEncoder("forged"),
	})
	require.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)

	consumer, err := sarama.NewConsumerFromClient(client)
	require.NoError(t, err)
	var read []byte
	for p := range int32(2) {
		end, err := client.GetOffset(storetest.TopicOf(cfg), p, sarama.OffsetNewest)
		require.NoError(t, err)
		if end < 2 { // there is only the marker
			continue
		}
		messages, err := consumer.ConsumePartition(storetest.TopicOf(cfg), p, sarama.OffsetOldest)
		require.NoError(t, err)
		select {
		case m := <-messages.Messages():
			read = m.Value
		case <-time.After(time.Minute):
			require.Fail(t, "nothing was read")
		}
		require.NoError(t, messages.Close())
	}
	require.Equal(t, commit[0].Value, read)
	require.NoError(t, producer.Close())
}

// plainClient connects as any program does.
func plainClient(t *testing.T, c *kafkatest.Cluster, user string) sarama.Client {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Producer.Return.Successes = true
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Net.SASL.Enable, cfg.Net.SASL.User, cfg.Net.SASL.Password = true, user, servicePassword
	client, err := sarama.NewClient(c.Addresses(kafkatest.SASLPlaintext), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// A consumer group reads, and keeps its offsets, with one more permission.
func testGroupPrivilege(t *testing.T, c *kafkatest.Cluster) {
	cfg := arranged(t, c, c.Environment(kafkatest.SASLSSL, principal))
	_, err := storetest.Open(t, cfg).Append(t.Context(), eventstore.To(storetest.Stream("a"), eventstore.NoStream,
		storetest.Records(1, "")...))
	require.NoError(t, err)
	for user, want := range map[string]error{principal: nil, stranger: sarama.ErrGroupAuthorizationFailed} {
		group, err := sarama.NewConsumerGroupFromClient(groups+"balances", plainClient(t, c, user))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		reader := &oneRecord{read: cancel}
		require.ErrorIs(t, group.Consume(ctx, []string{storetest.TopicOf(cfg)}, reader), want)
		require.Equal(t, want == nil, reader.done.Load())
		cancel()
		require.NoError(t, group.Close())
	}
}

// oneRecord reads one record, marks it and commits it.
type oneRecord struct {
	read func()
	done atomic.Bool
}

func (*oneRecord) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*oneRecord) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *oneRecord) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for m := range claim.Messages() {
		s.MarkMessage(m, "")
		s.Commit()
		r.done.Store(true)
		r.read()
	}
	return nil
}

// Another user than the service creates the topics. This user needs the listed permissions and no
// more.
func testDeployPrivilege(t *testing.T, c *kafkatest.Cluster) {
	for i, a := range deployPrivilege() {
		t.Run(fmt.Sprintf("without %s", a.operation.String()), func(t *testing.T) {
			cfg := from(t, c.Environment(kafkatest.SASLSSL, deployerLacking(i)))
			_, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
			requireDenied(t, err, a)
		})
	}
	t.Run("with all", func(t *testing.T) {
		cfg := from(t, c.Environment(kafkatest.SASLSSL, deployer))
		kafkatest.Topics(t, cfg)
		found, err := topics.Check(t.Context(), cfg.Connection, cfg.Topics)
		require.NoError(t, err)
		for _, f := range found {
			require.True(t, f.Exists)
			require.Empty(t, f.Differences)
		}
	})
	t.Run("the service creates none", func(t *testing.T) {
		cfg := from(t, c.Environment(kafkatest.SASLSSL, principal))
		_, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
		requireDenied(t, err, acl{sarama.AclOperationCreate, sarama.AclResourceTopic, testTopics})
	})
}
