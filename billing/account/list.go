package account

import (
	"context"
	"slices"
)

// Accounts returns at most so many accounts after the given id, in the order of their ids, and
// whether there are more. If most is 0 or less it returns none. It takes time in proportion to the
// number of all accounts. It fails if the source does.
func (v *View) Accounts(ctx context.Context, after string, most int) (page []Details, more bool, err error) {
	err = v.current(ctx, func(s *viewState) {
		most = max(0, min(most, len(s.rows)))
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

// next returns at most so many of the least ids above after, in order.
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
