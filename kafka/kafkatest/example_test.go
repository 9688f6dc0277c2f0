//go:build cluster && unix

package kafkatest_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// Start is for programs; it waits until the brokers and the registry are ready.
func ExampleStart() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	c, err := kafkatest.Start(ctx, kafkatest.Config{Brokers: 1, Registry: true})
	if err != nil {
		slog.Error("no cluster", "error", err)
		return
	}
	defer c.Stop()
	fmt.Println(len(c.Brokers()), c.RegistryURL() != "")
	// Output: 1 true
}
