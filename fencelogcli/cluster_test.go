//go:build cluster

package fencelogcli_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, ignored) }

const (
	user     = "shop"
	newcomer = "newcomer" // has no permission
	password = "open-Sesame-42"
	patience = kafkatest.DefaultStartTimeout
)

// The cluster is one for all, as it takes long to start. Its listeners are one in the clear, and
// one with TLS and SASL.
func TestRealCluster(t *testing.T) {
	c := kafkatest.ForTest(t, kafkatest.Config{
		Registry: true,
		Security: &kafkatest.Security{Users: map[string]string{user: password, newcomer: password}, ACLs: true},
	})
	env := envOf(c.Brokers())
	env["SCHEMA_REGISTRY_URL"] = c.RegistryURL()
	require.Equal(t, allCreated, good(t, shop(), env, "topics", "create"))
	require.Equal(t, strings.ReplaceAll(allCreated, "created", "exists"), good(t, shop(), env, "topics", "check"))
	good(t, shop(), env, "schemas", "check")
	registered := good(t, shop(), env, "schemas", "register")
	require.Contains(t, registered, openedSubject)
	require.Equal(t, registered, good(t, shop(), env, "schemas", "register"))
	good(t, shop(), env, "schemas", "check")

	t.Run("events", func(t *testing.T) { testEvents(t, c, env) })
	t.Run("doctor", func(t *testing.T) { testDoctor(t, c) })
}

// testEvents walks through the commands that show events and dead letters.
func testEvents(t *testing.T, c *kafkatest.Cluster, env map[string]string) {
	store := openStore(t, c.Brokers())
	r, err := registry.NewHTTP(c.RegistryURL(), registry.HTTPConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	following := tail(t, env, "--beginning", "--json")
	add(t, store, "alice", record(1, "Opened", encode(t, r, opened, map[string]any{"owner": "Alice"})))
	second := record(2, "Opened", encode(t, r, opened2, map[string]any{"owner": "Alice", "limit": nil}))
	second.Revision = 2
	add(t, store, "alice", second)
	add(t, store, "bob", record(3, "Noted", []byte(`{"text": "hello"}`)))

	stdout := good(t, shop(), env, "stream", "show", "Account/alice")
	require.Contains(t, stdout, "\n   event id     e-1\n")
	require.Contains(t, stdout, "\n   owner  Alice\n   limit  null\n")
	dir := t.TempDir()
	for range 2 { // an index that is made, and one that is there
		stdout := good(t, shop(), env, "stream", "show", "Account/bob", "--json", "--index-dir", dir)
		require.Contains(t, stdout, `"text": "hello"`)
	}
	following.stdout.Await(t, `"event":{"text":"hello"}`)
	following.stdout.Await(t, `"event":{"owner":"Alice","limit":null}`)
	require.Equal(t, fencelogcli.ExitOK, following.end())

	handled := make(chan string)
	mended := failing(t, store, handled)
	var id string
	require.Eventually(t, func() bool {
		for line := range strings.Lines(good(t, shop(), env, "dead-letters", "list", "printer")) {
			if strings.Contains(line, "no printer") {
				id = strings.Fields(line)[0]
			}
		}
		return id != ""
	}, patience, 100*time.Millisecond)
	require.Contains(t, call(t, shop(), env, "__complete", "dead-letters", "redrive", "").stdout, id)
	mended()
	good(t, shop(), env, "dead-letters", "redrive", id, "the printer is back")
	all := []string{<-handled, <-handled, <-handled}
	slices.Sort(all)
	require.Equal(t, []string{"e-1", "e-2", "e-3"}, all)
	require.Eventually(t, func() bool {
		return strings.Contains(good(t, shop(), env, "dead-letters", "show", id), "\n   owner  Alice\n") &&
			strings.Contains(good(t, shop(), env, "dead-letters", "list"), "no dead letters")
	}, patience, 100*time.Millisecond)
	_, stderr := bad(t, shop(), env, "dead-letters", "discard", id, "too late")
	require.Contains(t, stderr, "was handled or discarded")
}

// testDoctor shows what is well on a listener with TLS, SASL and ACLs, and what a password and
// permissions that are wrong look like.
func testDoctor(t *testing.T, c *kafkatest.Cluster) {
	allow(t, c)
	env := c.Environment(kafkatest.SASLSSL, user)
	env["SCHEMA_REGISTRY_URL"], env[environment.IndexDir] = c.RegistryURL(), t.TempDir()
	requireSays(t, shop(), env, fencelogcli.ExitOK, "SASL_SSL, SCRAM-SHA-512 as shop", "3 brokers of Kafka ",
		"ok       permissions    all that a store needs", "knows the schemas of all", " 0 wrong, ")
	stdout := good(t, shop(), env, "stream", "show", "Account/alice")
	require.Contains(t, stdout, "Alice", "it needs no more permissions")

	t.Run("wrong password", func(t *testing.T) {
		env := c.Environment(kafkatest.SASLSSL, user)
		env[environment.SASLPassword] = "wrong-horse-battery"
		stdout := requireSays(t, shop(), env, fencelogcli.ExitWrong, "the broker refuses the username or the password")
		require.NotContains(t, stdout, "wrong-horse-battery")
	})
	t.Run("no permission to share", func(t *testing.T) {
		cfg, env := shop(), maps.Clone(env)
		cfg.AdvertiseVariable, env["SHOP_ADVERTISE"] = "SHOP_ADVERTISE", "shop-1:3001"
		requireSays(t, cfg, env, fencelogcli.ExitWrong, "no permission for Read on group fencelog.owners", "1 wrong")
	})
	t.Run("no permissions", func(t *testing.T) {
		const no = "no permission for "
		requireSays(t, shop(), c.Environment(kafkatest.SASLSSL, newcomer), fencelogcli.ExitWrong,
			no+"Read, Write and DescribeConfigs on topics shop.account.events, ",
			"kafka-acls.sh --bootstrap-server ",
			"--allow-principal User:"+newcomer+" --operation Read --operation Write",
			no+"Write on transactional ids fencelog.shop.account.events.0", "kafka/connection/SECURITY.md")
	})
	t.Run("a broker is down", func(t *testing.T) {
		require.NoError(t, c.Kill(2))
		requireSays(t, shop(), env, fencelogcli.ExitWrong, c.Addresses(kafkatest.SASLSSL)[2]+": nothing listens there",
			c.Addresses(kafkatest.SASLSSL)[0]+" answers")
	})
}

// requireSays calls the doctor until it ends with the code and says all of this, and returns what
// it printed. A broker that answers late, or has not heard of a permission yet, makes it say
// something else.
func requireSays(t *testing.T, cfg fencelogcli.Config, env map[string]string, code int, says ...string) string {
	t.Helper()
	again := time.NewTicker(patience / 1000)
	defer again.Stop()
	for end := time.Now().Add(patience); ; <-again.C {
		r := call(t, cfg, env, "doctor")
		lacks := slices.IndexFunc(says, func(text string) bool { return !strings.Contains(r.stdout, text) })
		if r.code == code && lacks < 0 && (code != fencelogcli.ExitOK || len(warnings(r.stdout)) == 0) {
			t.Log("\n" + r.stdout)
			return r.stdout
		}
		if time.Now().After(end) {
			require.Equal(t, code, r.code, r.stdout+r.stderr)
			require.Negative(t, lacks, "%s lacks %q", r.stdout, says)
			require.Empty(t, warnings(r.stdout))
		}
	}
}

// warnings returns what the doctor warns of, but for a full disk: these tests may run on one.
func warnings(stdout string) []string {
	return slices.DeleteFunc(regexp.MustCompile(`(?m)^warning .*`).FindAllString(stdout, -1),
		func(line string) bool { return strings.Contains(line, "are free on the disk of folder") })
}

// allow gives the user what a service needs, by the open listener.
func allow(t *testing.T, c *kafkatest.Cluster) {
	t.Helper()
	patient := sarama.NewConfig()
	patient.Admin.Timeout = patience
	admin, err := sarama.NewClusterAdmin(c.Brokers(), patient)
	require.NoError(t, err)
	defer admin.Close()
	for prefix, acl := range map[string]struct {
		kind       sarama.AclResourceType
		operations []sarama.AclOperation
	}{
		"shop.": {sarama.AclResourceTopic, []sarama.AclOperation{
			sarama.AclOperationRead, sarama.AclOperationWrite, sarama.AclOperationDescribeConfigs,
		}},
		"fencelog.": {sarama.AclResourceTransactionalID, []sarama.AclOperation{sarama.AclOperationWrite}},
	} {
		acls := &sarama.ResourceAcls{Resource: sarama.Resource{
			ResourceType: acl.kind, ResourceName: prefix, ResourcePatternType: sarama.AclPatternPrefixed,
		}}
		for _, o := range acl.operations {
			acls.Acls = append(acls.Acls, &sarama.Acl{
				Principal: "User:" + user, Host: "*", Operation: o, PermissionType: sarama.AclPermissionAllow,
			})
		}
		require.NoError(t, admin.CreateACLs([]*sarama.ResourceAcls{acls}))
	}
}
