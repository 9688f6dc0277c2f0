// Package imports tests which modules an importer of the library gets. It has no other code, and nobody
// imports it.
package imports
