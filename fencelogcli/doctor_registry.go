package fencelogcli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// skew is how far the registry's clock, which it tells to the second, may be from this machine's.
const skew = 5 * time.Second

const checkRegistry = "registry"

// examineRegistry looks at the schema registry, at the schemas in it, and at its clock.
func (t *tool) examineRegistry(ctx context.Context) ([]doctor.Finding, error) {
	sources, err := t.sources()
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 && t.flags.folder == "" && t.env(registry.EnvURL) == "" {
		return []doctor.Finding{{
			Check: checkRegistry, Verdict: doctor.Skipped,
			Found: "not looked at: no schema files are known, and " + registry.EnvURL + " is not set",
		}}, nil
	}
	watch := &clockWatch{}
	r, end, err := t.watchedRegistry(watch)
	if err != nil {
		do := "mend " + registry.EnvURL + ", such as http://localhost:8081, and the variables beside it"
		return wrong(err.Error(), do), nil
	}
	defer func() { _ = end() }()
	return append(t.findings(ctx, r, sources), watch.findings()...), nil
}

// watchedRegistry returns the registry, which is asked once. The watch sees the answers of a
// server.
func (t *tool) watchedRegistry(watch *clockWatch) (registry.Registry, func() error, error) {
	if t.flags.folder != "" {
		return t.registry()
	}
	r, err := registry.HTTPFromEnv(t.env, registry.HTTPConfig{
		Attempts: 1,
		Around: func(next http.RoundTripper) http.RoundTripper {
			watch.next = next
			return watch
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return r, r.Close, nil
}

func wrong(found, do string) []doctor.Finding {
	return []doctor.Finding{{Check: checkRegistry, Verdict: doctor.Wrong, Found: found, Do: do}}
}

// findings says whether the registry answers, and whether it has all schemas.
func (t *tool) findings(ctx context.Context, r registry.Registry, sources schema.Sources) []doctor.Finding {
	files, err := registry.Files(sources, t.codec())
	if err != nil {
		return wrong(err.Error(), "mend the schema file")
	}
	if len(files) == 0 {
		_, err = r.Subjects(ctx)
	}
	for _, f := range files {
		if err == nil {
			_, err = r.Find(ctx, f.Subject, f.Text)
		}
	}
	place := t.place()
	switch {
	case err == nil && len(files) == 0:
		return []doctor.Finding{{Check: checkRegistry, Verdict: doctor.OK, Found: place + " answers"}}
	case err == nil:
		found := fmt.Sprintf("%s knows the schemas of all %d events", place, len(files))
		return []doctor.Finding{{Check: checkRegistry, Verdict: doctor.OK, Found: found}}
	case errors.Is(err, schema.ErrNotFound):
		return wrong(err.Error(), "register them: "+t.Name+" schemas register")
	case errors.Is(err, schema.ErrUnavailable):
		return wrong(err.Error(), "start the registry, and look at its log: it may be waiting for the brokers, "+
			"or its port may be taken; "+t.curl()+" shows what answers")
	case errors.Is(err, schema.ErrUnauthorized):
		return wrong(err.Error(), "give "+registry.EnvUsername+" and "+registry.EnvPassword)
	default:
		return wrong(err.Error(), "find out what answers at "+place+" ("+t.curl()+")")
	}
}

// curl returns the command that asks the registry by hand.
func (t *tool) curl() string {
	if r, err := registry.HTTPFromEnv(t.env, registry.HTTPConfig{}); err == nil {
		defer func() { _ = r.Close() }()
		return "curl " + r.URL() + "/subjects"
	}
	return "ls " + t.flags.folder
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
	f := doctor.Finding{
		Check: "clock", Verdict: doctor.OK,
		Found: "this machine's clock and the registry's agree within " + skew.String(),
	}
	if off.Abs() > skew {
		f.Verdict = doctor.Warning
		f.Found = fmt.Sprintf("this machine's clock and the registry's are %s apart", off.Abs().Round(time.Second))
		f.Do = "set the clocks of all machines by a time server (NTP)"
	}
	return []doctor.Finding{f}
}
