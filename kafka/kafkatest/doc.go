// Package kafkatest runs Kafka for tests: real brokers and a schema registry on this machine
// without Docker. It also has an in-process imitation for tests that need less.
//
// [Start], and [ForTest] on top of it, start a cluster of three brokers in about four seconds, six
// with the registry. [Shared] is one cluster for a whole test binary. Brokers can be killed,
// restarted with their data, and paused, and can show their metrics to Prometheus. The registry can
// be stopped and started with its schemas. [Cluster.Died] tells which of them has died by itself;
// nothing is started again unasked. A wait of more than some seconds is reported, with its reason.
//
// [Fake] starts at once, keeps nothing on disk and cannot be hurt. [InstallPython] brings
// Confluent's client, and [InstallNode] kafkajs, to see how other clients read the records.
//
// Real brokers need Java 17 and Maven; the registry also needs Python with pip. [InstallPython]
// needs Python 3.11 with pip, and [InstallNode] Node 18 with npm. The first start of a version
// downloads it into the user's cache folder, or the one that FENCELOG_CACHE names. Everything
// listens on 127.0.0.1 only. Linux and other Unix systems are supported.
//
// Nothing is left behind. [Cluster.Stop] ends every process and removes the data. If a test binary
// panics or is killed on Linux, the kernel ends the processes, and the next start removes the data.
// On other systems the processes of a killed binary live on.
//
// This package never shuts a broker down in order. It never talks to a cluster except to see
// whether it is ready, and creates no topics by itself.
//
// Functions and methods may be called concurrently unless their comment says otherwise.
package kafkatest
