//go:build cluster

package changetest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/changetest"
	"github.com/fencelog/fencelog/schema/registry"
)

// difference is how many cells the gate and the registry judge differently, and why.
type difference struct {
	cells int
	why   string
}

// differences are all there are between the gate and Apicurio, by what each says.
func differences() map[string]difference {
	return map[string]difference{
		"the gate: [LOGICAL_TYPE_MISMATCH]; the registry: takes it": {
			71,
			"Avro's rules look at the type below a logical type: the same number would be another time or amount",
		},
		"the gate: [LOSSY_PROMOTION]; the registry: takes it": {
			2,
			"Avro's rules call a type wider that does not hold every value",
		},
	}
}

// A real registry judges the same cells at BACKWARD and FORWARD. If it answers otherwise than the
// gate, there is a reason.
func TestGateBesideRegistry(t *testing.T) {
	t.Parallel()
	at := os.Getenv(kafkatest.EnvRegistry)
	if at == "" {
		at = kafkatest.ForTest(t, kafkatest.Config{Brokers: 1, Registry: true}).RegistryURL()
	}
	h, err := registry.NewHTTP(at, registry.HTTPConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	r := &judge{schemas: h, run: rand.Text(), subjects: make(map[string]string)}
	t.Cleanup(r.client.CloseIdleConnections)
	found, example := make(map[string]int), make(map[string]string)
	judged := 0
	for _, level := range []change.Compatibility{change.Backward, change.Forward} {
		clear(r.subjects)
		for _, c := range registryCells() {
			judged++
			own, its := gateAnswer(t, c, level), r.answer(t, c, level)
			if (own == "takes it") != (its == "takes it") {
				key := "the gate: " + own + "; the registry: " + its
				found[key]++
				example[key] = fmt.Sprintf("%s %s\n\told %s\n\tnew %s", level, c.Name(), c.Old(), c.New())
			}
		}
	}
	t.Logf("%d answers compared", judged)
	want := make(map[string]int)
	for key, d := range differences() {
		require.NotEmpty(t, d.why, key)
		want[key] = d.cells
	}
	for key := range found {
		t.Logf("%d × %s, such as %s", found[key], key, example[key])
	}
	require.Equal(t, want, found)
}

// registryCells are some of the cells of two places. In other places a registry judges as it does
// in these.
func registryCells() (some []changetest.Cell) {
	const every = 29
	seen := 0
	for _, c := range changetest.Cells() {
		if c.Place != "the event" && c.Place != "an optional" {
			continue
		}
		if seen++; seen%every == 0 {
			some = append(some, c)
		}
	}
	return some
}

// gateAnswer is "takes it", or the rules that the gate says.
func gateAnswer(t *testing.T, c changetest.Cell, level change.Compatibility) string {
	t.Helper()
	err := c.Check(t.Context(), schema.Twmb{}, level)
	if err == nil {
		return "takes it"
	}
	var incompatible *change.IncompatibleError
	require.ErrorAs(t, err, &incompatible)
	var rules []change.Rule
	for _, f := range incompatible.Found {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return fmt.Sprint(slices.Compact(rules))
}

// judge asks a registry.
type judge struct {
	schemas  *registry.HTTP
	client   http.Client
	run      string // the registry may have run, with the subjects of an earlier run
	subjects map[string]string
}

// subject returns the subject at the level that has the text as its only version.
func (j *judge) subject(ctx context.Context, text string, level change.Compatibility) (string, error) {
	if known, ok := j.subjects[text]; ok {
		return known, nil
	}
	subject := fmt.Sprint(j.run, "-", level, "-", len(j.subjects))
	j.subjects[text] = subject
	if err := j.schemas.SetCompatibility(ctx, subject, level); err != nil {
		return "", err
	}
	_, err := j.schemas.Register(ctx, subject, text)
	return subject, err
}

func (j *judge) answer(t *testing.T, c changetest.Cell, level change.Compatibility) string {
	t.Helper()
	subject, err := j.subject(t.Context(), c.Old(), level)
	if errors.Is(err, schema.ErrInvalidSchema) || errors.Is(err, schema.ErrUnavailable) {
		return "the old schema is invalid"
	}
	require.NoError(t, err, c.Old())
	body, err := json.Marshal(map[string]string{"schema": c.New()})
	require.NoError(t, err)
	path := j.schemas.URL() + "/compatibility/subjects/" + url.PathEscape(subject) + "/versions/latest"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	resp, err := j.client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var said struct {
		Compatible bool   `json:"is_compatible"`
		Code       int    `json:"error_code"`
		Message    string `json:"message"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&said), resp.Status)
	switch {
	case resp.StatusCode == http.StatusUnprocessableEntity:
		return "invalid"
	case resp.StatusCode != http.StatusOK:
		return fmt.Sprintf("HTTP %d, %d %.80s", resp.StatusCode, said.Code, said.Message)
	case said.Compatible:
		return "takes it"
	}
	return "incompatible"
}
