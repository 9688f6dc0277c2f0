// Package registry keeps schemas and gives them their ids. [HTTP] speaks the REST protocol of
// Confluent's registry. [Folder] has the schemas in files under version control, and [Memory] has
// them in this process. HTTP is tested against Apicurio. Karapace and Redpanda speak the protocol
// too, and were not tried.
//
// A deployment step registers the schemas of a service before the service starts. [Deploy] is the
// step as a whole: [Check] compares the files with the versions in the registry, and [Register]
// registers them. A service only looks its schemas up, which package schema does.
//
// The package never encodes an event, never remembers that a schema was not there, and shows no
// type of the client library below it. Its errors never hold credentials.
//
// All registries may be used by any number of goroutines.
package registry
