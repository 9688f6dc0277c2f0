// Package billing says what the billing domain consists of, for the programs that run it: the
// categories that its store holds, the schemas that its codec needs, and the event types that its
// buses carry. The domain itself is in the packages below this one.
//
// The package holds no state and starts nothing. Its functions return fresh values.
package billing
