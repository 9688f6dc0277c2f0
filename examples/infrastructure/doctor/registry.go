package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// skew is how far the registry's clock, which it tells to the second, may be from this machine's.
const skew = 5 * time.Second

// checkRegistry looks at the schema registry, at the schemas in it, and at its clock.
func checkRegistry(ctx context.Context, getenv func(string) string, prefix string) []doctor.Finding {
	const check = "registry"
	wrong := func(found, do string) []doctor.Finding {
		return []doctor.Finding{{Check: check, Verdict: doctor.Wrong, Found: found, Do: do}}
	}
	watch := &clockWatch{}
	r, err := registry.HTTPFromEnv(getenv, registry.HTTPConfig{Attempts: 1, Around: func(next http.RoundTripper) http.RoundTripper {
		watch.next = next
		return watch
	}})
	if err != nil {
		return wrong(err.Error(), "mend "+registry.EnvURL+", such as http://localhost:8081, and the variables beside it")
	}
	defer func() { _ = r.Close() }()
	codec, err := schema.NewCodec(r, billing.Schemas(), schema.Config{Prefix: prefix})
	if err == nil {
		err = codec.Bind(ctx, billing.Stored())
	}
	switch {
	case err == nil:
		return append([]doctor.Finding{{
			Check: check, Verdict: doctor.OK, Found: fmt.Sprintf("%s knows the schemas of all %d events", r.URL(), len(billing.Events())),
		}}, watch.findings()...)
	case errors.Is(err, schema.ErrNotFound):
		return append(wrong(err.Error(), "register them: go run ./examples/infrastructure/register-schemas"), watch.findings()...)
	case errors.Is(err, schema.ErrUnavailable):
		return wrong(err.Error(), "start the registry, and look at its log: it may be waiting for the brokers, or its port may be taken; "+
			"curl "+r.URL()+"/subjects shows what answers")
	case errors.Is(err, schema.ErrUnauthorized):
		return wrong(err.Error(), "give "+registry.EnvUsername+" and "+registry.EnvPassword)
	default:
		return wrong(err.Error(), "find out what answers at "+r.URL()+" (curl "+r.URL()+"/subjects)")
	}
}

// clockWatch compares the Date header of answers with the clock of this machine.
type clockWatch struct {
	next http.RoundTripper
	off  atomic.Pointer[time.Duration] // of the newest answer
}

// RoundTrip implements [http.RoundTripper].
func (c *clockWatch) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		off := time.Since(date)
		c.off.Store(&off)
	}
	return answer, nil
}

func (c *clockWatch) findings() []doctor.Finding {
	off := c.off.Load()
	if off == nil {
		return nil
	}
	f := doctor.Finding{Check: "clock", Verdict: doctor.OK, Found: "this machine's clock and the registry's agree within " + skew.String()}
	if off.Abs() > skew {
		f.Verdict = doctor.Warning
		f.Found = fmt.Sprintf("this machine's clock and the registry's are %s apart", off.Abs().Round(time.Second))
		f.Do = "set the clocks of all machines by a time server (NTP)"
	}
	return []doctor.Finding{f}
}
