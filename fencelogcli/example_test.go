package fencelogcli_test

import (
	"context"
	"fmt"
	"os"

	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
)

// The main function of a service's own tool is one call of Main with such a Config. Its users type
// no flags then.
func Example() {
	tool := fencelogcli.Config{
		Categories:  []topics.Category{{Name: "Invoice", Partitions: 10}},
		TopicPrefix: "shop",
		Schemas:     schema.Sources{"Invoice": os.DirFS("testdata/invoice")}, // a service embeds them
	}

	// A test calls Run, which returns the exit code.
	tool.Stdout = os.Stdout
	code := fencelogcli.Run(context.Background(), []string{"schemas", "check", "--released-only"}, tool)
	fmt.Println("exit code", code)
	// Output:
	// The schemas are released, and FULL_TRANSITIVE with all revisions.
	// exit code 0
}

// The main function of the tool of a shop. It ends the process, so the example is not run.
func ExampleMain() {
	fencelogcli.Main(fencelogcli.Config{
		Categories: []topics.Category{{Name: "Invoice", Partitions: 10}}, TopicPrefix: "shop",
		Schemas: schema.Sources{"Invoice": os.DirFS("schemas/invoice")}, // a service embeds them
	})
}
