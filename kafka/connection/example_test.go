package connection_test

import (
	"crypto/tls"
	"fmt"

	"github.com/fencelog/fencelog/kafka/connection"
)

func Example() {
	cfg := connection.Config{
		Brokers: []string{"kafka-1:9093", "kafka-2:9093"},
		Security: connection.Security{
			TLS: &tls.Config{MinVersion: tls.VersionTLS12},
			SASL: &connection.SASL{
				Mechanism: connection.SCRAMSHA512, Username: "shop", Password: connection.NewSecret("open sesame"),
			},
		},
	}
	fmt.Println(cfg.Security)
	fmt.Println(cfg.Security.SASL.Password)

	cfg.Brokers = []string{"kafka-1"}
	_, err := cfg.Complete() // kafka.Open and topics.Create do this, too
	fmt.Println(err)
	// Output:
	// SASL_SSL, SCRAM-SHA-512 as shop
	// [redacted]
	// Connection.Brokers: found "kafka-1", expected host:port
}
