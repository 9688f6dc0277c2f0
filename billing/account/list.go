package account

import (
	"context"
	"slices"
)

// Accounts returns what the accounts after the given id are, in the order of their ids, at most so
// many, and whether there are more; or what the source failed with. It takes time in proportion to
// the number of all accounts.
func (v *View) Accounts(ctx context.Context, after string, most int) (page []Details, more bool, err error) {
	err = v.current(ctx, func(s *viewState) {
		ids := s.next(after, most+1)
		if more = len(ids) > most; more {
			ids = ids[:most]
		}
		page = make([]Details, len(ids))
		for i, id := range ids {
			page[i] = s.rows[id].Details
		}
	})
	return page, more, err
}

// next returns the least ids above after, at most so many, in order.
func (s *viewState) next(after string, most int) []string {
	least := make([]string, 0, min(most, len(s.rows))+1)
	for id := range s.rows {
		if id <= after || len(least) == most && id > least[most-1] {
			continue
		}
		at, _ := slices.BinarySearch(least, id)
		least = slices.Insert(least, at, id)
		least = least[:min(len(least), most)]
	}
	return least
}
