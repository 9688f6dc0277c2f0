// Package console lets a person look at, stop and start the parts of a program that runs in a
// terminal: brokers, a registry, services.
//
// It reads commands, one a line: start, stop, status and help. They come from the program's
// standard input and from a named pipe. So a second shell, a script or a test can send them too:
//
//	echo start broker-1 > …/commands
//
// It never starts a part that nobody asked for, and tries to start one only once for each command.
package console
