// Package billing lists the parts of the billing domain, for the programs that run it. They are the
// categories that its store holds, the schemas that its codec needs, and the event types that its
// buses carry. The domain itself is in the packages below this one.
//
// The package holds no state and starts nothing. Its functions return fresh values.
package billing
