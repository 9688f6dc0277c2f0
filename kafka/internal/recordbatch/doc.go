// Package recordbatch reads record batches as they lie in a partition's log, format 2 of Kafka.
//
// [Parse] checks the header and the checksum of each batch. It never decompresses: a reader decides
// by the header whether a batch counts. [Decoder] decompresses one batch, within named bounds. So
// no bytes of a foreign program make a reader allocate more than the bounds allow.
//
// The package never writes batches and knows nothing of events.
package recordbatch
