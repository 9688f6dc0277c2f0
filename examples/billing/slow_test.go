package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who sends a request slowly, or not to its end, does not hold a connection: he is cut off where he has asked nothing yet, and told so where he has.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	const head = "POST " + accountsPath + " HTTP/1.1\r\nHost: billing\r\n"
	for name, c := range map[string]struct {
		sent   string
		change with
		status int // 0: no answer
	}{
		"a header that does not end": {head, func(s *server) { s.settings.readHeaderTimeout = 50 * time.Millisecond }, 0},
		"a body that does not end": {
			head + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{", func(s *server) { s.settings.readTimeout = 200 * time.Millisecond },
			http.StatusRequestTimeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := start(t, c.change)
			conn, err := net.Dial("tcp", strings.TrimPrefix(client.url, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
			_, err = io.WriteString(conn, c.sent)
			require.NoError(t, err)
			in := bufio.NewReader(conn)
			if c.status != 0 {
				answer, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				defer answer.Body.Close()
				require.Equal(t, c.status, answer.StatusCode)
				var p struct{ Code string }
				require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
				require.Equal(t, codeBodyTimeout, p.Code)
				_, err = io.Copy(io.Discard, answer.Body)
				require.NoError(t, err)
			}
			_, err = in.ReadByte()
			require.ErrorIs(t, err, io.EOF, "the connection is closed")
			require.Eventually(t, func() bool { // who is quick enough
				r, err := client.try(http.MethodGet, "/livez", "")
				return err == nil && r.status == http.StatusOK
			}, time.Minute, time.Millisecond, "others are served")
		})
	}
}
