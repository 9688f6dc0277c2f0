// Package process runs other programs as children: brokers, a registry, services. Their output goes
// to log files.
//
// A child ends with this process where the system helps (Linux). It has a process group of its own,
// so that Ctrl-C in a terminal reaches this process only.
//
// It never starts a child again, and never loses how one ended: a Stop or a Kill of a child that is
// gone changes nothing. Functions and methods may be called concurrently.
package process
