package prom_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/observe/prom"
	"github.com/fencelog/fencelog/query"
)

// scrape prints the series whose name begins with prefix, as Prometheus gets them.
func scrape(registry *prometheus.Registry, prefix string) {
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).
		ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, prefix) {
			fmt.Print(line)
		}
	}
}

// The configuration lists the codes of refusals, so that nothing else becomes a label. Commands are
// counted as queries are.
func ExampleMetrics_Queries() {
	errNoAccount := errors.New("AccountNotFound")
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry, prom.Config{
		Refusals: []string{errNoAccount.Error()},
		Refusal: func(err error) string {
			if errors.Is(err, errNoAccount) {
				return errNoAccount.Error()
			}
			return ""
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	type GetBalance struct{ query.Returns[int64] }
	queries := query.NewBus(query.Config{Middleware: []query.Middleware{metrics.Queries()}})
	err = query.Register(queries, func(context.Context, GetBalance) (int64, error) { return 0, errNoAccount })
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = query.Ask(context.Background(), queries, GetBalance{})
	fmt.Println(err)
	scrape(registry, "fencelog_query_duration_seconds_count")
	scrape(registry, "fencelog_query_refusals_total")
	// Output:
	// AccountNotFound
	// fencelog_query_duration_seconds_count{outcome="failed",query="GetBalance"} 1
	// fencelog_query_refusals_total{code="AccountNotFound"} 1
	// fencelog_query_refusals_total{code="other"} 0
}

// The pattern of a route is a label, and the path of a request is not.
func ExampleMetrics_HTTP() {
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry, prom.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /accounts/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "account", r.PathValue("id"))
	})
	handler := metrics.HTTP(func(r *http.Request) string { return r.Pattern }, mux)

	for _, path := range []string{"/accounts/alice", "/accounts/bob"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	scrape(registry, "fencelog_http_request_duration_seconds_count")
	// Output:
	// fencelog_http_request_duration_seconds_count{method="GET",route="GET /accounts/{id}",status="200"} 2
}

// A store that is not in Kafka takes Appended as its OnAppend. Any store's subscriptions are
// measured by the name of their group.
func ExampleMetrics_Subscription() {
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry, prom.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := memory.New(memory.Config{Categories: []string{"Account"}, OnAppend: metrics.Appended})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, handled := context.Background(), make(chan string)
	statements, err := store.Subscribe(ctx, subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler: func(_ context.Context, r eventstore.Record) error {
			handled <- r.ID
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := metrics.Subscription("statements", "Account", statements.Stats); err != nil {
		fmt.Println(err)
		return
	}

	alice := eventstore.Stream{Category: "Account", ID: "alice"}
	_, err = store.Append(ctx, eventstore.To(alice, eventstore.NoStream, eventstore.Record{
		Header: event.Header{ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("an encoded event"),
	}))
	fmt.Println(<-handled, err, statements.Close())
	scrape(registry, "fencelog_append_records_total")
	scrape(registry, "fencelog_subscription_handled_total")
	// Output:
	// e-1 <nil> <nil>
	// fencelog_append_records_total{category="Account"} 1
	// fencelog_subscription_handled_total{category="Account",group="statements"} 1
}

// The hooks are in the configuration, so they come before the store. The metrics of the store's
// partitions come after it.
func ExampleMetrics_Store() {
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3)) // brokers in this process, for the example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	registry := prometheus.NewRegistry()
	if err := measureStore(context.Background(), registry, brokers.ListenAddrs()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// fencelog_partition_owned{partition="0",topic="fencelog.account.events"} 1
	// fencelog_partition_owned{partition="1",topic="fencelog.account.events"} 1
}

func measureStore(ctx context.Context, registry *prometheus.Registry, addresses []string) error {
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: addresses},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account", Partitions: 2}}},
		Logger:     slog.New(slog.DiscardHandler),
	}
	if _, err := topics.Create(ctx, cfg.Connection, cfg.Topics); err != nil {
		return err
	}
	metrics, err := prom.New(registry, prom.Config{})
	if err != nil {
		return err
	}
	if cfg.Hooks, err = metrics.Kafka(cfg); err != nil {
		return err
	}
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := errors.Join(metrics.Store(store), store.Claim(ctx)); err != nil {
		return err
	}
	scrape(registry, "fencelog_partition_owned")
	return nil
}

// The hit rate is the loads with source "cache", divided by all loads.
func ExampleMetrics_Repository() {
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry, prom.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := countThrice(context.Background(), metrics); err != nil {
		fmt.Println(err)
		return
	}
	scrape(registry, "fencelog_load_duration_seconds_count")
	scrape(registry, "fencelog_cache_states")
	// Output:
	// fencelog_load_duration_seconds_count{category="Tally",source="cache"} 2
	// fencelog_load_duration_seconds_count{category="Tally",source="snapshot"} 0
	// fencelog_load_duration_seconds_count{category="Tally",source="start"} 1
	// fencelog_cache_states{category="Tally"} 1
}

func countThrice(ctx context.Context, metrics *prom.Metrics) error {
	store, err := memory.New(memory.Config{Categories: []string{"Tally"}})
	if err != nil {
		return err
	}
	defer store.Close()
	tallies, err := aggregate.NewRepository(ctx, aggregate.NewType("Tally", counted{}), store, jsoncodec.Codec{},
		aggregate.Config{Hooks: metrics.Repository("Tally")})
	if err != nil {
		return err
	}
	if err := metrics.Cache("Tally", tallies.Cached); err != nil {
		return err
	}
	for range 3 {
		_, err := tallies.Update(ctx, "a", func(tally) ([]aggregate.Event[tally], error) {
			return []aggregate.Event[tally]{counted{}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
