package ids_test

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/billing/ids"
)

func Example() {
	fmt.Println(ids.CheckAccount("accountId", "acme/alice"))
	err := ids.CheckName("transactionId", "order 1")
	fmt.Println(err)
	fmt.Println(errors.Is(err, ids.ErrInvalid))
	// Output:
	// <nil>
	// transactionId is "order 1", expected 1 to 128 of letters, digits and . _ - : @, not dots alone
	// true
}

// A service that opens accounts for others keeps the names that the system takes for itself.
func ExampleCheckFree() {
	fmt.Println(ids.CheckFree("accountId", "acme/alice"))
	fmt.Println(ids.CheckFree("accountId", "acme/transit:USD"))
	// Output:
	// <nil>
	// accountId is "acme/transit:USD", expected no name that begins with transit:, which are the system's
}
