package schema_test

import (
	"context"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
)

var _ aggregate.Codec = (*schema.Codec)(nil)

func TestMain(m *testing.M) {
	// Sarama, with which a test cluster is watched, starts one goroutine a process that cannot be ended.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

type (
	OwnerType   string
	AccountType string

	AccountCreated struct {
		OwnerID     string      `avro:"ownerId"`
		OwnerType   OwnerType   `avro:"ownerType"`
		AccountType AccountType `avro:"accountType"`
		Currency    string      `avro:"currency"`
		Exponent    int32       `avro:"exponent"`
		MaxBalance  *int64      `avro:"maxBalance"`
		MinBalance  *int64      `avro:"minBalance"`
	}

	AccountCredited struct {
		TransactionID string    `avro:"transactionId"`
		Amount        int64     `avro:"amount"`
		EffectiveAt   time.Time `avro:"effectiveAt"`
	}
)

const (
	accountAggregate = "Account"
	createdSubject   = "fencelog.account.events-billing.account.AccountCreated"
	creditedSubject  = "fencelog.account.events-billing.account.AccountCredited"
)

func accountSources() schema.Sources {
	return schema.Sources{accountAggregate: os.DirFS("testdata/account")}
}

// typeOf returns E as an event type of the Account aggregate.
func typeOf[E any](name string) event.Type {
	return event.Type{Category: accountAggregate, Name: name, Go: reflect.TypeFor[E]()}
}

func created() event.Type  { return typeOf[AccountCreated]("AccountCreated") }
func credited() event.Type { return typeOf[AccountCredited]("AccountCredited") }

func exampleCreated() AccountCreated {
	return AccountCreated{
		OwnerID: "user-1", OwnerType: "USER", AccountType: "USER", Currency: "USD", Exponent: 2, MinBalance: new(int64(-5000)),
	}
}

// newCodec returns a codec of the given sources that registers what it binds.
func newCodec(tb testing.TB, r schema.Registry, sources schema.Sources) *schema.Codec {
	tb.Helper()
	c, err := schema.NewCodec(r, sources, schema.Config{Register: true})
	require.NoError(tb, err)
	return c
}

// bound returns a codec for one type, called Thing, of the given schema, and that type.
func bound[E any](tb testing.TB, r schema.Registry, text string) (*schema.Codec, event.Type) {
	tb.Helper()
	c, typ := newCodec(tb, r, thing(text)), typeOf[E]("Thing")
	require.NoError(tb, c.Bind(context.Background(), []event.Type{typ}))
	return c, typ
}

// thing returns the source of one event type called Thing.
func thing(text string) schema.Sources {
	return schema.Sources{accountAggregate: fstest.MapFS{"Thing.avsc": {Data: []byte(text)}}}
}

// record returns the schema of billing.account.Thing with the given fields.
func record(fields string) string {
	return `{"type":"record","name":"Thing","namespace":"billing.account","fields":[` + fields + `]}`
}

const thingSubject = "fencelog.account.events-billing.account.Thing"

// oneFile returns a file system with one file.
func oneFile(name, text string) fs.FS { return fstest.MapFS{name: {Data: []byte(text)}} }

// replaceOnce replaces old, which must be there once, or nothing if it is empty.
func replaceOnce(t *testing.T, text, old, with string) string {
	t.Helper()
	if old != "" {
		require.Equal(t, 1, strings.Count(text, old))
	}
	return strings.Replace(text, old, with, 1)
}
