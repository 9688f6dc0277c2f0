// Package query answers queries.
//
// A query is a plain struct that embeds [Returns] with the type of its answer. [Register] ties a
// query type to the one function that answers it. [Ask] finds that function, gives the query its
// [Metadata], and returns the answer in its own type, inferred at compile time:
//
//	type GetBalance struct {
//		query.Returns[Balance]
//		AccountID string
//	}
//
//	balance, err := query.Ask(ctx, queries, GetBalance{AccountID: id})
//
// The bus runs a handler in the goroutine of its caller and returns its error. It caches nothing
// and stores nothing.
//
// A [Bus] may be used by any number of goroutines.
package query
