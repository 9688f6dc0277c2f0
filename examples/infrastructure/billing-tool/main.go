// Command billing-tool is the tool fencelog for the billing services: it knows their categories,
// schemas and names. Package fencelogcli does the work.
//
//	export KAFKA_BROKERS=localhost:9092,localhost:9093,localhost:9094
//	go run ./examples/infrastructure/billing-tool --help
//
// If BILLING_ADVERTISE is set, an instance shares its work. Then the doctor also looks at what that
// takes.
package main

import (
	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/fencelogcli"
)

func main() { fencelogcli.Main(config()) }

func config() fencelogcli.Config {
	return fencelogcli.Config{
		Categories: billing.Categories(), TopicPrefix: billing.TopicPrefix, ClientID: billing.ClientID,
		Schemas: billing.Schemas(), Events: billing.Stored(), AdvertiseVariable: "BILLING_ADVERTISE",
	}
}
