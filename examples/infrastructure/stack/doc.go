// Command stack starts three brokers, a schema registry, the topics and the schemas, the lag
// exporter, Prometheus, and the billing service. It needs no Docker. docker-compose.yml runs the
// same parts in containers, except for the billing service.
//
//	go run ./examples/infrastructure/stack
//
// It says what it is doing until each part is healthy. While it waits, it says so every five
// seconds. Then it prints where everything is, and runs until Ctrl-C. At the end it takes
// everything down and removes the data. It does the same if a part cannot start at first, but keeps
// the services' logs.
//
// If a part ends by itself later, it tells that at once, with the path and the end of the part's
// log. The others go on. It starts a part again only if a command says so, and tries once. Commands
// are lines at its terminal, or in a named pipe whose path it prints:
//
//	status
//	stop broker-1
//	start broker-1
//
// It uses the containers' own files for the brokers' settings, the rules of their metrics, and
// Prometheus. It needs Go, Java 17, Maven, Python 3 with pip, and Debian's prometheus. Grafana and
// Kafka UI are in containers only.
//
// The ports are those of the containers. -help lists the flags that change them, and -free-ports
// takes any that are free. Everything listens on 127.0.0.1.
//
// If this process is killed with SIGKILL, the kernel ends its children (Linux). Only a folder is
// left, in the system's folder for temporary files.
//
// It exits with
//   - 0 if it was stopped;
//   - 1 if something failed;
//   - 2 if it was called wrongly.
//
// go run passes only Ctrl-C on: send other signals to the process id that it prints.
package main
