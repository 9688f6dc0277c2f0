//go:build cluster

package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema"
)

const (
	user     = "billing"
	newcomer = "newcomer" // has no permission
	password = "open-Sesame-42"
)

// On real brokers with TLS, SASL and ACLs: what is well, and what a password and permissions that are wrong look like.
func TestSecuredCluster(t *testing.T) {
	c := kafkatest.ForTest(t, kafkatest.Config{
		Registry: true,
		Security: &kafkatest.Security{Users: map[string]string{user: password, newcomer: password}, ACLs: true},
	})
	arrange(t, c)
	env := c.Environment(kafkatest.SASLSSL, user)
	env["SCHEMA_REGISTRY_URL"], env[kafka.EnvIndexDir] = c.RegistryURL(), t.TempDir()

	code, stdout, stderr := program(t, env)
	t.Log("\n" + stdout)
	require.Equal(t, exitOK, code, stdout+stderr)
	require.Contains(t, stdout, "SASL_SSL, SCRAM-SHA-512 as billing")
	require.Contains(t, stdout, "3 brokers of Kafka ")
	require.Contains(t, stdout, "ok       permissions    all that a store needs")
	require.Contains(t, stdout, "knows the schemas of all")
	require.Contains(t, stdout, "0 wrong, 0 warnings")

	t.Run("wrong password", func(t *testing.T) {
		env := c.Environment(kafkatest.SASLSSL, user)
		env[kafka.EnvSASLPassword] = "wrong-horse-battery"
		code, stdout, _ := program(t, env)
		require.Equal(t, exitWrong, code)
		require.Contains(t, stdout, "the broker refuses the username or the password")
		require.NotContains(t, stdout, "wrong-horse-battery")
	})
	t.Run("no permission to share", func(t *testing.T) {
		env := maps.Clone(env)
		env[advertiseVariable] = "billing-1:3001"
		code, stdout, _ := program(t, env)
		require.Equal(t, exitWrong, code)
		require.Contains(t, stdout, "no permission for Read on group fencelog.owners")
		require.Contains(t, stdout, "1 wrong")
	})
	t.Run("no permissions", func(t *testing.T) {
		code, stdout, _ := program(t, c.Environment(kafkatest.SASLSSL, newcomer))
		t.Log("\n" + stdout)
		require.Equal(t, exitWrong, code)
		for _, need := range []string{
			"Read on topic billing.account.events", "Write on topic billing.account.events", "DescribeConfigs on topic billing.account.events",
			"Write on transactional id fencelog.billing.account.events.0",
		} {
			require.Contains(t, stdout, "no permission for "+need)
		}
		require.Contains(t, stdout, "kafka/SECURITY.md")
	})
	t.Run("a broker is down", func(t *testing.T) {
		require.NoError(t, c.Kill(2))
		code, stdout, _ := program(t, env)
		t.Log("\n" + stdout)
		require.Equal(t, exitWrong, code)
		require.Contains(t, stdout, c.Addresses(kafkatest.SASLSSL)[2]+": nothing listens there")
		require.Contains(t, stdout, c.Addresses(kafkatest.SASLSSL)[0]+" answers")
	})
}

// arrange makes topics, schemas and ACLs by the open listener.
func arrange(t *testing.T, c *kafkatest.Cluster) {
	t.Helper()
	cfg := kafka.Config{Brokers: c.Brokers(), Categories: billing.Categories()}
	_, err := kafka.CreateTopics(t.Context(), cfg)
	require.NoError(t, err)

	registry, err := schema.NewHTTP(c.RegistryURL(), schema.HTTPConfig{})
	require.NoError(t, err)
	codec, err := schema.NewCodec(registry, billing.Schemas(), schema.Config{Register: true})
	require.NoError(t, err)
	require.NoError(t, codec.Bind(t.Context(), billing.Events()))
	require.NoError(t, registry.Close())

	admin, err := sarama.NewClusterAdmin(c.Brokers(), sarama.NewConfig())
	require.NoError(t, err)
	defer admin.Close()
	allow := func(kind sarama.AclResourceType, prefix string, operations ...sarama.AclOperation) {
		acls := &sarama.ResourceAcls{
			Resource: sarama.Resource{ResourceType: kind, ResourceName: prefix, ResourcePatternType: sarama.AclPatternPrefixed},
		}
		for _, o := range operations {
			acls.Acls = append(acls.Acls, &sarama.Acl{
				Principal: "User:" + user, Host: "*", Operation: o, PermissionType: sarama.AclPermissionAllow,
			})
		}
		require.NoError(t, admin.CreateACLs([]*sarama.ResourceAcls{acls}))
	}
	allow(sarama.AclResourceTopic, "billing.", sarama.AclOperationRead, sarama.AclOperationWrite, sarama.AclOperationDescribeConfigs)
	allow(sarama.AclResourceTransactionalID, "fencelog.", sarama.AclOperationWrite)
	// Every broker learns of them in its time.
	env := c.Environment(kafkatest.SASLSSL, user)
	require.Eventually(t, func() bool {
		_, stdout, _ := program(t, env)
		return !strings.Contains(stdout, "no permission")
	}, kafkatest.DefaultStartTimeout, kafkatest.DefaultStartTimeout/1000)
}
