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
