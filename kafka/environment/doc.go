// Package environment reads the configuration of a store from environment variables: [Read]. The
// constants are the names of the variables; kafka/connection/SECURITY.md explains those of
// security.
//
// It never connects to anything, and no error that it returns shows a secret. Read may be called by
// any number of goroutines.
package environment
