package eventstore

import "iter"

// ByCommit yields what records yields, the records of one commit together. Give it what
// [Store.ReadCategory] or [Store.Follow] returns. Of what [Store.ReadStream] returns it makes the
// parts of commits that are in the stream. It does not work on what [Store.ReadQueued] returns:
// queued records have no positions, and so nothing says where a commit ends.
//
// If the records begin in the middle of a commit, the first yield is the rest of that commit. Its
// first record then has a Commit.Index above 1. An error is yielded once, as the last pair.
// ByCommit does not yield a commit that the error cuts short. Callers must not change what is
// yielded, but they may keep it.
func ByCommit(records iter.Seq2[Record, error]) iter.Seq2[[]Record, error] {
	return func(yield func([]Record, error) bool) {
		var commit []Record
		for r, err := range records {
			if err != nil {
				yield(nil, err)
				return
			}
			if n := len(commit); n > 0 && !commit[n-1].before(&r) {
				if !yield(commit, nil) {
					return
				}
				commit = nil
			}
			commit = append(commit, r)
			if r.Commit.Index == r.Commit.Size {
				if !yield(commit, nil) {
					return
				}
				commit = nil
			}
		}
		if len(commit) > 0 {
			yield(commit, nil)
		}
	}
}

// before reports whether next is of the same commit. The records of a commit stand at consecutive
// offsets. So the offset less the index is the same for all of them, and for no others.
func (r *Record) before(next *Record) bool {
	return r.Position.Partition == next.Position.Partition &&
		next.Position.Offset-r.Position.Offset == int64(next.Commit.Index-r.Commit.Index)
}
