//go:build cluster

package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
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
	env["SCHEMA_REGISTRY_URL"], env[environment.IndexDir] = c.RegistryURL(), t.TempDir()

	requireSays(t, env, exitOK, "SASL_SSL, SCRAM-SHA-512 as billing", "3 brokers of Kafka ",
		"ok       permissions    all that a store needs", "knows the schemas of all", "0 wrong, 0 warnings")

	t.Run("wrong password", func(t *testing.T) {
		env := c.Environment(kafkatest.SASLSSL, user)
		env[environment.SASLPassword] = "wrong-horse-battery"
		stdout := requireSays(t, env, exitWrong, "the broker refuses the username or the password")
		require.NotContains(t, stdout, "wrong-horse-battery")
	})
	t.Run("no permission to share", func(t *testing.T) {
		env := maps.Clone(env)
		env[advertiseVariable] = "billing-1:3001"
		requireSays(t, env, exitWrong, "no permission for Read on group fencelog.owners", "1 wrong")
	})
	t.Run("no permissions", func(t *testing.T) {
		const no = "no permission for "
		requireSays(t, c.Environment(kafkatest.SASLSSL, newcomer), exitWrong, no+"Read, Write and DescribeConfigs on topics billing.account.events, ",
			"kafka-acls.sh --bootstrap-server ", "--allow-principal User:"+newcomer+" --operation Read --operation Write",
			no+"Write on transactional ids fencelog.billing.account.events.0", "kafka/connection/SECURITY.md")
	})
	t.Run("a broker is down", func(t *testing.T) {
		require.NoError(t, c.Kill(2))
		requireSays(t, env, exitWrong, c.Addresses(kafkatest.SASLSSL)[2]+": nothing listens there",
			c.Addresses(kafkatest.SASLSSL)[0]+" answers")
	})
}

// requireSays runs the program until it ends with the code and says all of this, and returns what it printed. A broker
// that answers late, or has not heard of a permission yet, makes the program say something else.
func requireSays(t *testing.T, env map[string]string, code int, says ...string) string {
	t.Helper()
	again := time.NewTicker(kafkatest.DefaultStartTimeout / 1000)
	defer again.Stop()
	for end := time.Now().Add(kafkatest.DefaultStartTimeout); ; <-again.C {
		got, stdout, stderr := program(t, env)
		lacks := slices.IndexFunc(says, func(text string) bool { return !strings.Contains(stdout, text) })
		if got == code && lacks < 0 {
			t.Log("\n" + stdout)
			return stdout
		}
		if time.Now().After(end) {
			require.Equal(t, code, got, stdout+stderr)
			require.Contains(t, stdout, says[lacks])
		}
	}
}

// arrange makes topics, schemas and ACLs by the open listener.
func arrange(t *testing.T, c *kafkatest.Cluster) {
	t.Helper()
	conn := connection.Config{Brokers: c.Brokers()}
	_, err := topics.Create(t.Context(), conn, topics.Config{Categories: billing.Categories(), Prefix: billing.TopicPrefix})
	require.NoError(t, err)

	schemas, err := registry.NewHTTP(c.RegistryURL(), registry.HTTPConfig{})
	require.NoError(t, err)
	codec, err := registry.NewCodec(schemas, billing.Schemas(), schema.Config{Prefix: billing.TopicPrefix})
	require.NoError(t, err)
	require.NoError(t, codec.Bind(t.Context(), billing.Events()))
	require.NoError(t, schemas.Close())

	patient := sarama.NewConfig()
	patient.Admin.Timeout = kafkatest.DefaultStartTimeout
	admin, err := sarama.NewClusterAdmin(c.Brokers(), patient)
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
}
