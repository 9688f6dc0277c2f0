//go:build neverbuilt

package forgotten

// Excluded is not built, so nothing can make one.
type Excluded struct{}

func (Excluded) EventType() string { return "Excluded" }
func (Excluded) Apply(*Account)    {}
