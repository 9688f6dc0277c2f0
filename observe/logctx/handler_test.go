package logctx_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/observe/logctx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// timeless leaves the time out.
func timeless(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

func TestRecordsSayOnWhoseBehalfTheyAre(t *testing.T) {
	t.Parallel()
	cause := event.Cause{
		CorrelationID: "conversation", CommandID: "command", ActorID: "user",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	all := ` correlationId=conversation commandId=command actorId=user traceId=0af7651916cd43dd8448eb211c80319c`
	for _, c := range []struct {
		name  string
		cause event.Cause
		log   func(context.Context, *slog.Logger)
		want  string
	}{
		{
			"all", cause, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", "a", 1) },
			"level=INFO msg=m a=1" + all,
		},
		{
			"none",
			event.Cause{},
			func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m") },
			"level=INFO msg=m",
		},
		{
			"with attributes", cause,
			func(ctx context.Context, l *slog.Logger) { l.With("b", 2).InfoContext(ctx, "m") },
			"level=INFO msg=m b=2" + all,
		},
		{
			"said already",
			event.Cause{CorrelationID: "conversation"},
			func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", "correlationId", "own") },
			"level=INFO msg=m correlationId=own",
		},
		{
			"no trace",
			event.Cause{TraceParent: "nonsense"},
			func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m") }, "level=INFO msg=m",
		},
		{"too quiet", cause, func(ctx context.Context, l *slog.Logger) { l.DebugContext(ctx, "m") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			l := slog.New(logctx.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: timeless})))
			c.log(event.WithCause(t.Context(), c.cause), l)
			want := c.want
			if want != "" {
				want += "\n"
			}
			require.Equal(t, want, out.String())
		})
	}
}

func Example() {
	logger := slog.New(logctx.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: timeless})))
	ctx := event.WithCause(context.Background(), event.Cause{CorrelationID: "request-7", CommandID: "topup-1"})
	logger.InfoContext(ctx, "credited", "accountId", "alice")
	// Output: level=INFO msg=credited accountId=alice correlationId=request-7 commandId=topup-1
}
