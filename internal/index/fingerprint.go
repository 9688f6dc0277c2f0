package index

// Fingerprint tells a batch of a partition from every other batch that could stand in its place.
// The writer of a batch and each of its readers come to the same fingerprint, except for what the
// writer does not know. So compare two with Same.
type Fingerprint struct {
	Offset      int64  // of the batch's first record
	LeaderEpoch int32  // of the leader that appended the batch; -1 if the writer made the fingerprint
	Sum         uint32 // of the batch's header, and of its records if Records says so
	Records     bool   // Sum covers the records, as that of each batch that may count does
}

// Same reports whether both are of the same batch.
func (f Fingerprint) Same(g Fingerprint) bool {
	if f.LeaderEpoch < 0 || g.LeaderEpoch < 0 {
		f.LeaderEpoch, g.LeaderEpoch = -1, -1
	}
	return f == g
}
