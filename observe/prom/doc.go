// Package prom measures Fencelog for Prometheus: the hooks of the Kafka store, middleware of the
// buses and of HTTP, and what is asked for at each scrape.
//
// All metrics begin with "fencelog_". It starts nothing and holds nothing but counters; everything
// in it may be used concurrently. The core packages do not know it.
package prom
