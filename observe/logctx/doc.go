// Package logctx adds three ids to log records: those of the correlation, the command and the trace
// that the context carries.
//
//	logger := slog.New(logctx.New(slog.NewJSONHandler(os.Stdout, nil)))
//	logger.InfoContext(ctx, "credited") // … "correlationId":"…","commandId":"…","traceId":"…"
//
// It starts nothing, and may be used concurrently.
package logctx
