// Command fencelog looks after event stores in Kafka: topics, schemas, events and dead letters.
//
//	go run ./cmd/fencelog --help
//
// It knows no service's categories or schemas: flags and environment variables name them. A service
// makes a tool for itself, which knows them, of package fencelogcli.
package main

import "github.com/fencelog/fencelog/fencelogcli"

func main() { fencelogcli.Main(fencelogcli.Config{}) }
