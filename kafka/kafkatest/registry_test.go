//go:build cluster && unix

package kafkatest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestRegistryBehavesLikeConfluents(t *testing.T) {
	c := kafkatest.ForTest(t, kafkatest.Config{Brokers: 1, Registry: true})
	versions := c.RegistryURL() + "/subjects/orders-value/versions"

	status, first := register(t, versions, `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}`)
	require.Equal(t, http.StatusOK, status)
	status, again := register(t, versions,
		`{ "name": "Order", "type": "record",  "fields": [ {"type": "string", "name": "id"} ] }`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, first, again, "the same schema in another layout has the same id")

	status, _ = register(t, versions, `{"type":"record","name":"Order","fields":[
		{"name":"id","type":"string"},{"name":"total","type":"long"}]}`)
	require.Equal(t, http.StatusConflict, status, "a new field without a default is not backward compatible")
	status, second := register(t, versions, `{"type":"record","name":"Order","fields":[
		{"name":"id","type":"string"},{"name":"total","type":"long","default":0}]}`)
	require.Equal(t, http.StatusOK, status)
	require.NotEqual(t, first, second)

	status, body := ask(t, http.MethodGet, versions, "")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `[1,2]`, body)
}

// register posts a schema and returns the status and the id.
func register(t *testing.T, url, schema string) (status, id int) {
	t.Helper()
	request, err := json.Marshal(map[string]string{"schema": schema})
	require.NoError(t, err)
	status, body := ask(t, http.MethodPost, url, string(request))
	var answer struct{ ID int }
	require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
	return status, answer.ID
}

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Close = true
	req.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(answer)
}
