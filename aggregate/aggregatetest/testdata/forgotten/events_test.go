package forgotten

// OnlyInTests is made by tests only.
type OnlyInTests struct{}

func (OnlyInTests) EventType() string { return "OnlyInTests" }
func (OnlyInTests) Apply(*Account)    {}
