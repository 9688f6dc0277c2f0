package eventstoretest

import "github.com/fencelog/fencelog/eventstore"

// Test is what a check needs of a test.
type Test = test

// CheckNames returns the names of all checks, in their order.
func CheckNames() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// RunCheck runs one check on its own.
func RunCheck(t Test, name string, open func() eventstore.Store, cfg Config) {
	for _, c := range checks() {
		if c.name == name {
			s, err := newSuite(open, cfg)
			must(t, "making the suite", err)
			c.run(t, s)
			return
		}
	}
	fatal(t, "there is no check "+name)
}
