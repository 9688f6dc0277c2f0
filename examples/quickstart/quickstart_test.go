package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// nothing is an environment in which nothing is set.
func nothing(string) string { return "" }

func getenvOf(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// program runs the program in the test.
func program(t *testing.T, stdin string, getenv func(string) string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &log, getenv)
	return code, out.String(), log.String()
}

// golden compares text with a file; with UPDATE_GOLDEN=1 it writes the file instead.
func golden(t *testing.T, file, text string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "to take it as it is: UPDATE_GOLDEN=1 go test ./examples/quickstart")
}

func TestSample(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := program(t, "", nothing)
	require.Equal(t, exitOK, code)
	require.Empty(t, stderr)
	where, rest, _ := strings.Cut(stdout, "\n")
	require.Equal(t, "Events    in memory, gone when the program ends (set KAFKA_BROKERS for Kafka)", where)
	golden(t, "sample.txt", rest)
}

func TestMalformedLinesAreNamedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := program(t, "", nothing, "testdata/malformed.jsonl")
	require.Equal(t, exitFailed, code)
	require.Empty(t, stderr)
	_, rest, _ := strings.Cut(stdout, "\n")
	golden(t, "malformed.txt", rest)
}

func TestRefusedCommandsAreNoFailure(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	code, stdout, _ := program(t, strings.Join([]string{
		`{"command":"CreateAccount","accountId":"a","ownerId":"o","ownerType":"CAT",` +
			`"accountType":"USER","currency":"USD"}`,
		`{"command":"CreateAccount","accountId":"` + long +
			`","ownerId":"o","ownerType":"USER","accountType":"USER","currency":"USD"}`,
		`{"command":"CreateAccount","commandId":"` + long +
			`","accountId":"a","ownerId":"o","ownerType":"USER","accountType":"USER","currency":"USD"}`,
	}, "\n"), nothing, "-")
	require.Equal(t, exitOK, code)
	require.Contains(t, stdout, "Commands  from standard input\n")
	require.Contains(t, stdout, `✗ InvalidOwner: owner type "CAT" is unknown, expected USER, ORGANIZATION or SYSTEM`)
	require.Contains(t, stdout, "✗ InvalidId: accountId has 300 bytes")
	require.Contains(t, stdout, "✗ InvalidId: commandId has 300 bytes")
	require.Contains(t, stdout, "3 commands: 0 accepted, 0 applied before, 3 refused; 0 malformed")
}

// The id of a posting is its transactionId. A line with another one is refused as it stands.
func TestCommandIDs(t *testing.T) {
	t.Parallel()
	open := `{"command":"CreateAccount","commandId":"open-a","accountId":"a","ownerId":"o","ownerType":"USER",` +
		`"accountType":"USER","currency":"USD"}`
	credit := `{"command":"CreditAccount","accountId":"a","transactionId":"t-1","entryType":"TOPUP",` +
		`"amount":"1","currency":"USD","contra":"b"}`
	code, stdout, _ := program(t, strings.Join([]string{
		open, open, strings.Replace(open, `"o"`, `"p"`, 1),
		credit, strings.Replace(credit, `"1"`, `"1.00"`, 1), strings.Replace(credit, `"1"`, `"2"`, 1),
		strings.Replace(credit, "Credit", "Debit", 1),
		strings.Replace(credit, `"t-1"`, `"open-a"`, 1),
		strings.Replace(credit, `"accountId"`, `"commandId":"t-1","accountId"`, 1),
	}, "\n"), nothing, "-")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "= command open-a was applied before, as AccountCreated v1")
	require.Contains(t, stdout, "= command t-1 was applied before, as AccountCredited v2")
	require.Equal(t, 2, strings.Count(stdout, `✗ CommandReused: account "a" has another command with the id "open-a"`))
	require.Equal(t, 2, strings.Count(stdout, `✗ CommandReused: account "a" has another command with the id "t-1"`))
	require.Contains(t, stdout, `line 9 is malformed: unknown field "commandId", CreditAccount has command, accountId`)
	require.Contains(t, stdout, "8 commands: 2 accepted, 2 applied before, 4 refused; 1 malformed")
}

func TestLineLength(t *testing.T) {
	t.Parallel()
	account := func(size int) string {
		l := `{"command":"CreateAccount","accountId":"a","ownerId":"o","ownerType":"USER",` +
			`"accountType":"USER","currency":"USD"}`
		return l + strings.Repeat(" ", size-len(l))
	}
	for _, end := range []string{"\n", "\r\n", ""} {
		code, stdout, _ := program(t, account(maxLine)+end, nothing, "-")
		require.Equal(t, exitOK, code, "%q: %s", end, stdout)
	}
	code, stdout, _ := program(t, account(3*maxLine)+"\n"+account(200), nothing, "-")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout,
		"   1  ✗ line 1 is malformed: the line is longer than 65536 bytes\n   2  CreateAccount  a ")
	require.Contains(t, stdout, "1 accepted, 0 applied before, 0 refused; 1 malformed")
}

// A text from outside cannot move the cursor, colour the screen or start a new line.
func TestOutputIsPrintable(t *testing.T) {
	t.Parallel()
	_, stdout, _ := program(t, strings.Join([]string{
		`{"command":"CreateAccount","accountId":"\u001b[31mred\n\t","ownerId":"o","ownerType":"\u0007",` +
			`"accountType":"USER","currency":"\r"}`,
		`{"command":"\u001b[2J"}`,
		`{"\u001b[2J":1,"command":"CreateAccount"}`,
		`{"command":["` + "\u202e\x7f" + `"]}`,
	}, "\n"), nothing, "-")
	require.NotContains(t, strings.ReplaceAll(stdout, "\n", ""), "\x1b")
	require.NotContains(t, stdout, "\r")
	require.NotContains(t, stdout, "\a")
	require.NotContains(t, stdout, "\t")
	require.NotContains(t, stdout, "\u202e", "the letters that follow would run backwards")
	require.NotContains(t, stdout, "\x7f")
}

func TestVerboseLogsNewAccounts(t *testing.T) {
	t.Parallel()
	_, _, stderr := program(t, "", nothing, "-v")
	require.Contains(t, stderr,
		`msg="account created" accountId=alice ownerId=user-1 ownerType=USER accountType=USER currency=USD`)
	require.Equal(t, 5, strings.Count(stderr, "account created"))
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	code, _, stderr := program(t, "", nothing, "-x")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "usage: quickstart [-v] [file|-]")
	code, _, stderr = program(t, "", nothing, "a", "b")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "usage")
	code, stdout, stderr := program(t, "", nothing, "-h")
	require.Equal(t, exitOK, code)
	require.Contains(t, stdout, "usage")
	require.Empty(t, stderr)
	code, stdout, stderr = program(t, "", nothing, "testdata/none.jsonl")
	require.Equal(t, exitFailed, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "testdata/none.jsonl: no such file")
	code, _, stderr = program(t, "", nothing, "testdata")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "read line 1")
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{
			"no registry",
			map[string]string{brokersVariable: "localhost:9092"},
			"SCHEMA_REGISTRY_URL is not: give the schema registry",
		},
		{
			"bad registry",
			map[string]string{brokersVariable: "localhost:9092", registryVariable: "nonsense"},
			`found the URL "nonsense"`,
		},
		{
			"bad brokers",
			map[string]string{brokersVariable: "localhost", registryVariable: "http://localhost:1"},
			`found "localhost", expected host:port`,
		},
		{
			"no brokers there",
			map[string]string{brokersVariable: "127.0.0.1:1", registryVariable: "http://127.0.0.1:1"},
			"no broker of 127.0.0.1:1 answers",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := program(t, "", getenvOf(c.env))
			require.Equal(t, exitFailed, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, c.want)
		})
	}
}

func TestMissingTopicsNameTheProgramThatCreatesThem(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := program(t, "", getenvOf(map[string]string{
		brokersVariable: strings.Join(kafkatest.Fake(t), ","), registryVariable: "http://127.0.0.1:1",
	}))
	require.Equal(t, exitFailed, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "topic billing.account.events is missing")
	require.Contains(t, stderr, "go run ./examples/infrastructure/billing-tool topics create")
}

func TestRegistryAway(t *testing.T) {
	t.Parallel()
	getenv := getenvOf(map[string]string{
		brokersVariable: strings.Join(kafkatest.Fake(t), ","), registryVariable: "http://127.0.0.1:1",
	})
	cfg, err := billing.KafkaFromEnv(getenv)
	require.NoError(t, err)
	kafkatest.Topics(t, cfg)
	code, stdout, stderr := program(t, "", getenv)
	require.Equal(t, exitFailed, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "registry http://127.0.0.1:1: schema registry unavailable")
}

// The program can be interrupted while it waits for a line.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stdin, lines := io.Pipe()
	shown := make(chan string)
	var stderr bytes.Buffer
	code := make(chan int)
	go func() { code <- run(ctx, []string{"-"}, stdin, writer(shown), &stderr, nothing) }()
	for text := ""; !strings.Contains(text, "Commands  from standard input"); {
		select {
		case text = <-shown:
		case ended := <-code:
			require.Fail(t, "it has ended", "code %d: %s", ended, stderr.String())
		}
	}
	cancel()
	require.Equal(t, exitInterrupted, <-code)
	require.Equal(t, "quickstart: interrupted\n", stderr.String())
	require.NoError(t, lines.Close()) // ends the goroutine that reads
}

// writer hands on the texts that are written to it.
type writer chan string

func (w writer) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestFailuresOfReadingAndWriting(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	broken := errors.New("the cable is cut")
	stdin := io.MultiReader(strings.NewReader("{}\n"), iotest.ErrReader(broken))
	require.Equal(t, exitFailed, run(t.Context(), []string{"-"}, stdin, &stdout, &stderr, nothing))
	require.Equal(t, "quickstart: read line 2: the cable is cut\n", stderr.String())

	stderr.Reset()
	require.Equal(t, exitFailed, run(t.Context(), nil, nil, full{}, &stderr, nothing))
	require.Equal(t, "quickstart: no space left\n", stderr.String())
}

// full is a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }
