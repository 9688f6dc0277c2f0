package doctor_test

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/topics"
)

func ExampleDiagnose() {
	findings := doctor.Diagnose(context.Background(), kafka.Config{
		Connection: connection.Config{Brokers: []string{"localhost:1"}},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account"}}},
	})
	fmt.Println(findings[0].Verdict, findings[0].Check, findings[0].Found)
	// Output: wrong brokers broker at localhost:1: nothing listens there
}
