package topics_test

import (
	"testing"

	"github.com/fencelog/fencelog/kafka/internal/storetest"
)

func TestMain(m *testing.M) { storetest.VerifyMain(m) }
