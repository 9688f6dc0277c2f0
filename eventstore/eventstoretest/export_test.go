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

// SubscriptionCheckNames returns the names of all checks of subscriptions, in their order.
func SubscriptionCheckNames() []string {
	var names []string
	for _, c := range deliveryChecks() {
		names = append(names, c.name)
	}
	return names
}

// RunSubscriptionCheck runs one check of subscriptions on its own.
func RunSubscriptionCheck(t Test, name string, open func() SubscriptionStore, cfg SubscriptionsConfig) {
	for _, c := range deliveryChecks() {
		if c.name == name {
			s, err := newDelivery(open, cfg)
			must(t, "making the suite", err)
			c.run(t, s)
			return
		}
	}
	fatal(t, "there is no check "+name)
}
