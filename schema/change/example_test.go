package change_test

import (
	"fmt"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
)

func ExampleCompatibility_Check() {
	released := []schema.Registered{{Subject: "the-subject", Version: 1, Text: v2}}
	fmt.Println(change.Backward.Check("Thing.avsc", v1, released))
	// Output: <nil>
}
