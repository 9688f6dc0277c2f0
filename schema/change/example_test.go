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

// A setting names the level of compatibility.
func ExampleParseCompatibility() {
	level, err := change.ParseCompatibility("FULL_TRANSITIVE")
	fmt.Println(level, err)
	released := []schema.Registered{{Subject: "the-subject", Version: 1, Text: v2}}
	fmt.Println(level.Check("Thing.avsc", v2, released))
	// Output:
	// FULL_TRANSITIVE <nil>
	// <nil>
}
