// Command stack runs on this machine, without Docker, what docker-compose.yml runs in containers:
// three brokers, a schema registry, the topics and the schemas, the lag exporter, Prometheus, and
// the billing service.
//
//	go run ./examples/infrastructure/stack
//
// It says what it is doing, every five seconds where it waits, until each part is healthy. It
// prints where everything is, and runs until Ctrl-C. Then it takes everything down and removes the
// data. It does the same when a part cannot start at first, but keeps the services' logs.
//
// When a part ends by itself later, it tells that at once, with the end of the part's log and where
// the log is. The others go on. It starts a part again only when a command says so, and tries once.
// Commands are lines at its terminal, or in a named pipe whose path it prints:
//
//	status
//	stop broker-1
//	start broker-1
//
// The brokers' settings, their metrics' rules and Prometheus's configuration are the very files of
// the containers. What it needs: Go, Java 17, Maven, Python 3 with pip, and Debian's prometheus.
// Grafana and Kafka UI are in containers only.
//
// The ports are those of the containers; -help lists the flags that change them, and -free-ports
// takes any that are free. Everything listens on 127.0.0.1.
//
// When this process is killed with SIGKILL the kernel ends its children (Linux); only a folder in
// the system's one for temporary files is left.
//
// It exits with 0 if it was stopped, with 1 if something failed, with 2 if it was called wrongly.
// (go run passes only Ctrl-C on: send signals to the process id that is printed.)
package main
