package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	paymentReceived = "PaymentReceived" // as it is stored, whatever the names of the Go types
	tillType        = "Till"
	prefix          = "evolution"

	centsPerEuro = 100
)

// Till is the state.
type Till struct {
	Cents    int64
	Payments []string
}

// Clone returns a copy, because the repository shares states with all who load them.
func (t Till) Clone() Till { t.Payments = slices.Clone(t.Payments); return t }

func (t *Till) take(payer string, cents int64, note string) {
	t.Cents += cents
	if note != "" {
		note = ", " + note
	}
	t.Payments = append(t.Payments, fmt.Sprintf("%s %s%s", payer, euros(cents), note))
}

func euros(cents int64) string {
	return fmt.Sprintf("%d.%02d €", cents/centsPerEuro, cents%centsPerEuro)
}

// schemas holds the schema files that the repository of the till's service had at each release.
//
//go:embed schemas
var schemas embed.FS

// release is a program of the till's service.
type release struct {
	name  string
	tills *aggregate.Type[Till]
	files string
}

func releases() []release {
	return []release{
		{"release 1", aggregate.NewType[Till](tillType, paymentReceived1{}), "schemas/release1"},
		{"release 2", aggregate.NewType[Till](tillType, paymentReceived2{}), "schemas/release2"},
		{"release 3", aggregate.NewType[Till](tillType, paymentReceived3{}).
			Upcasting(aggregate.Upcast(paymentReceived, 2, inCents)), "schemas/release3"},
	}
}

func (r release) sources() (schema.Sources, error) {
	files, err := fs.Sub(schemas, r.files)
	return schema.Sources{tillType: files}, err
}

// deploy registers the schemas of the release, as a deployment step does, and starts it.
func (r release) deploy(
	ctx context.Context, store eventstore.Store, schemas registry.Registry,
) (*aggregate.Repository[Till], error) {
	sources, err := r.sources()
	if err != nil {
		return nil, err
	}
	cfg := schema.Config{Prefix: prefix}
	if _, err := registry.Register(ctx, schemas, sources, r.tills.Stored(), cfg); err != nil {
		return nil, err
	}
	codec, err := schema.NewCodec(schemas, sources, cfg)
	if err != nil {
		return nil, err
	}
	return aggregate.NewRepository(ctx, r.tills, store, codec, aggregate.Config{})
}
