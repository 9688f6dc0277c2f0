// Package environment reads the configuration of a store from environment variables: [Read]. The
// constants are the names of the variables. kafka/connection/SECURITY.md explains the variables of
// security.
//
// It never connects to anything, and no error that it returns shows a secret. Any number of
// goroutines may call Read.
package environment
