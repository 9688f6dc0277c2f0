package dial

import (
	"reflect"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
)

// login is when a connection's login must be renewed. Its zero value is one that never ends.
//
// A broker may let a login live for a time (connections.max.reauth.ms), and then cuts the
// connection. Sarama renews the login when most of that time is over, but only when it sends a
// request itself. An owner sends none: batches go through Exchange.
type login struct {
	ends bool
	due  time.Time // Sarama's next request after it renews the login
}

// loginOf returns the login of a connection that is open. Sarama keeps the time of the renewal to
// itself. If a later Sarama keeps it elsewhere, logins are renewed every renewEvery.
func loginOf(b *sarama.Broker) login {
	at := reflect.ValueOf(b).Elem().FieldByName("clientSessionReauthenticationTimeMs")
	switch {
	case !at.IsValid() || !at.CanInt():
		return login{ends: true, due: clock.Now().Add(renewEvery)}
	case at.Int() == 0:
		return login{}
	default:
		return login{ends: true, due: time.UnixMilli(at.Int())}
	}
}

const renewEvery = 30 * time.Second

// renewLogin sends a request of Sarama's if it renews the login.
func (b *Broker) renewLogin() {
	if !b.login.ends || !clock.Now().After(b.login.due) {
		return
	}
	_, _ = b.ApiVersions(&sarama.ApiVersionsRequest{}) // a failure shows in the exchange
	b.login = loginOf(b.Broker)
}
