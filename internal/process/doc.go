// Package process runs other programs as children: brokers, a registry, services. Their output goes
// to log files.
//
// On Linux, a child ends with this process. It is in a new process group, so that Ctrl-C in a
// terminal reaches this process only.
//
// The package never starts a child again, and never forgets how one ended. A Stop or a Kill of a
// child that is gone changes nothing. Functions and methods may be called concurrently.
package process
