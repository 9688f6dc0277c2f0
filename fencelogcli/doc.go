// Package fencelogcli is the command line tool fencelog as a library. A service makes a tool for
// itself of it, which knows the service's categories and schemas, so that its users type no flags:
//
//	func main() {
//		fencelogcli.Main(fencelogcli.Config{
//			Categories: shop.Categories(), TopicPrefix: "shop", Schemas: shop.Schemas(), Events: shop.Events(),
//		})
//	}
//
// The generic tool, cmd/fencelog, is Main with the zero [Config]. It is told the same by flags and
// by environment variables.
//
// The tool creates and checks topics, registers and checks schemas, shows streams, follows what is
// appended, looks after dead letters, and says what is wrong. Package kafka/environment has the
// variables by which it finds the brokers, package schema/registry those by which it finds the
// schema registry. [Run] documents the exit codes.
//
// The tool never claims a partition, never appends an event, and needs no Go type to show one. The
// package never keeps state between two calls.
//
// [Run] may be called by any number of goroutines; each call needs its own writers.
package fencelogcli
