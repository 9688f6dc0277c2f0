package measure

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/kafka"
)

// openStore returns a store that has claimed every partition.
func openStore(ctx context.Context, cfg kafka.Config) (*kafka.Store, error) {
	s, err := kafka.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Claim(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
