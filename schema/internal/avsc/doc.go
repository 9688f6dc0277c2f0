// Package avsc reads the texts of Avro schemas: which record a text describes, what its named types
// are, and which texts are one schema.
//
// It never encodes a value, and knows no Go type, no registry and no rule of compatibility. Its
// errors wrap no sentinel: its callers say what an error of it means.
//
// Its functions may be called by any number of goroutines.
package avsc
