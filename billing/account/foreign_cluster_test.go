//go:build cluster

package account_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// headersOf returns the headers that a record has, by the names that other programs know.
func headersOf(r eventstore.Record) map[string]string {
	headers := map[string]string{
		"eventId":          r.ID,
		"eventType":        r.Type,
		"eventVersion":     strconv.Itoa(r.Revision),
		"aggregateType":    r.Category,
		"aggregateVersion": strconv.FormatInt(r.AggregateVersion, 10),
		"commitFirst":      strconv.FormatInt(r.AggregateVersion-int64(r.Commit.Index-1), 10),
		"commitLength":     strconv.Itoa(r.Commit.Size),
		"timestamp":        r.Timestamp.Format(time.RFC3339Nano),
	}
	for name, value := range map[string]string{
		"correlationId": r.CorrelationID, "causationId": r.CausationID, "commandId": r.CommandID,
		"commandDigest": r.CommandDigest, "actorId": r.ActorID, "traceparent": r.TraceParent,
	} {
		if value != "" {
			headers[name] = value
		}
	}
	for name, value := range r.Metadata {
		headers["metadata."+name] = value
	}
	return headers
}

// fieldsOf returns an event as other programs print it in JSON: numbers as they are, times in
// microseconds since 1970, bytes in base64.
func fieldsOf(t *testing.T, event any) any {
	t.Helper()
	v := reflect.ValueOf(event)
	switch x := event.(type) {
	case time.Time:
		return json.Number(strconv.FormatInt(x.UnixMicro(), 10))
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return fieldsOf(t, v.Elem().Interface())
	case reflect.Struct:
		fields := make(map[string]any)
		for i := range v.NumField() {
			fields[v.Type().Field(i).Tag.Get("avro")] = fieldsOf(t, v.Field(i).Interface())
		}
		return fields
	case reflect.Map:
		entries := make(map[string]any)
		for _, key := range v.MapKeys() {
			entries[key.String()] = fieldsOf(t, v.MapIndex(key).Interface())
		}
		return entries
	case reflect.Slice:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = fieldsOf(t, v.Index(i).Interface())
		}
		return items
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		return json.Number(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	default:
		require.FailNow(t, "no field of an event", "%T", event)
		return nil
	}
}
