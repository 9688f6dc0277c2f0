// Package console lets a person look at, stop and start the parts of what runs in a terminal:
// brokers, a registry, services.
//
// It reads commands, one a line: start, stop, status and help. They come from the program's
// standard input and from a named pipe, so that a second shell, a script or a test can send them
// too:
//
//	echo start broker-1 > …/commands
//
// It never starts a part that nobody asked for, and tries once when somebody does.
package console
