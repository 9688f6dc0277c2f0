// Package ids says what an id of the billing domain may be: one alphabet for commands, HTTP and
// files.
//
// An id has 1 to 128 of the ASCII letters and digits and of . _ - : @, one of which at least is not
// a dot. An account's id may have one / between two such names, a ledger and a name in it. Names
// that begin with transit: are the system's.
//
// It never changes an id: what breaks a rule is refused. Its functions may be called concurrently.
package ids
