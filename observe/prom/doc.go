// Package prom measures Fencelog for Prometheus. It has hooks of the Kafka store and of
// repositories, middleware of the buses and of HTTP, and collectors that ask at each scrape.
//
// All metrics begin with "fencelog_". The package starts nothing and holds nothing but counters.
// All of it may be used concurrently. The core packages do not know it.
package prom
