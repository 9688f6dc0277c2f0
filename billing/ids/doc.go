// Package ids says what an id of the billing domain may be: one alphabet for commands, HTTP and
// files.
//
// An id has 1 to 128 of the ASCII letters and digits and of . _ - : @, and at least one of them is
// not a dot. An account's id may have one / between two such names, a ledger and a name in it.
// Names that begin with transit: are the system's.
//
// The package never changes an id: it refuses an id that breaks a rule. Its functions may be called
// concurrently.
package ids
