package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing/ids"
)

// A problem says what is wrong with a body, and does not send it back for each mistake.
func TestProblemsAreShort(t *testing.T) {
	t.Parallel()
	c := start(t)
	long := strings.Repeat("x", 7_000)
	r := c.do(http.MethodPost, accountsPath, `{"colour":"`+long+`","id":"`+long+`"}`)
	require.Equal(t, http.StatusUnprocessableEntity, r.status)
	require.Contains(t, r.text, "colour")
	require.NotContains(t, r.text, long)
	require.Less(t, len(r.text), 4000)
}

// A body means what it says or is refused: nothing of it is passed over, guessed or taken twice.
func TestBodiesAreStrict(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	const malformed, invalid = http.StatusBadRequest, http.StatusUnprocessableEntity
	body := postBody("t", "1.00")
	add := func(members string) string { return strings.TrimSuffix(body, "}") + "," + members + "}" }
	for name, r := range map[string]struct {
		body   string
		status int
	}{
		"a name twice":                     {add(`"amount":"500.00"`), malformed},
		"a name twice, with one value":     {add(`"amount":"1.00"`), malformed},
		"a name twice, written otherwise":  {add(`"\u0061mount":"500.00"`), malformed},
		"a name twice, within":             {add(`"more":{"a":1,"a":2}`), malformed},
		"a name twice, deep within":        {add(`"more":[[{"a":[{"b":1,"b":1}]}]]`), malformed},
		"an unknown name twice":            {add(`"x":1,"x":1`), malformed},
		"a name in another case":           {add(`"Amount":"500.00"`), invalid},
		"all names in another case":        {strings.ToUpper(body), invalid},
		"one name in another case":         {strings.Replace(body, "amount", "aMount", 1), invalid},
		"a name with a sign that folds":    {add(`"tran\u017factionId":"t"`), invalid},
		"an unknown name":                  {add(`"colour":"red"`), invalid},
		"an empty name":                    {add(`"":"red"`), invalid},
		"a name for programs in Go":        {add(`"$schema":"x"`), invalid},
		"a number for a text":              {strings.Replace(body, `"1.00"`, `1.00`, 1), invalid},
		"a list for a text":                {strings.Replace(body, `"1.00"`, `["1.00"]`, 1), invalid},
		"an object for a text":             {strings.Replace(body, `"1.00"`, `{"1":"00"}`, 1), invalid},
		"true for a text":                  {strings.Replace(body, `"bank"`, `true`, 1), invalid},
		"null for what must be there":      {strings.Replace(body, `"1.00"`, `null`, 1), invalid},
		"null for what may be left out":    {add(`"effectiveAt":null`), invalid},
		"a number for a time":              {add(`"effectiveAt":0`), invalid},
		"a time that is none":              {add(`"effectiveAt":"2026-02-30T00:00:00Z"`), invalid},
		"a time without a zone":            {add(`"effectiveAt":"2026-02-03T00:00:00"`), invalid},
		"a list":                           {"[" + body + "]", invalid},
		"a text":                           {`"x"`, invalid},
		"a number":                         {`1`, invalid},
		"null":                             {`null`, invalid},
		"something behind":                 {body + "x", malformed},
		"another object behind":            {body + " {}", malformed},
		"a null behind":                    {body + "\x00", malformed},
		"a comma behind":                   {body + ",", malformed},
		"a comma too many":                 {strings.TrimSuffix(body, "}") + ",}", malformed},
		"a comment":                        {"/* */" + body, malformed},
		"single quotes":                    {strings.ReplaceAll(body, `"`, `'`), malformed},
		"no quotes":                        {`{amount:1}`, malformed},
		"a byte order mark":                {"\ufeff" + body, malformed},
		"UTF-16":                           {"{\x00}\x00", malformed},
		"bytes that are no text":           {strings.Replace(body, "bank", "b\xff", 1), malformed},
		"bytes that are no text in a name": {add("\"\xff\":1"), malformed},
		"half a surrogate":                 {strings.Replace(body, "bank", `\ud800`, 1), malformed},
		"a control character":              {strings.Replace(body, "bank", "b\nk", 1), malformed},
		"NaN":                              {strings.Replace(body, `"1.00"`, `NaN`, 1), malformed},
		"a number that is none":            {strings.Replace(body, `"1.00"`, `01`, 1), malformed},
		"too deep": {
			add(`"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)),
			malformed,
		},
		"far too deep": {strings.Repeat("[", maxBodyBytes/2), malformed},
		"cut off":      {strings.TrimSuffix(body, "}"), malformed},
		"spaces alone": {"   \n", malformed},
	} {
		t.Run(name, func(t *testing.T) {
			answer := c.post(accountsPath+"/a/credits", "t", r.body)
			require.Equal(t, r.status, answer.status, answer.text)
			code := answer.code(t)
			require.Equal(t, map[int]string{malformed: codeMalformed, invalid: codeInvalid}[r.status], code,
				answer.text)
			require.NotContains(t, answer.text, "main.", "no type of Go")
		})
	}
	require.Equal(t, "0.00", c.posted("a"), "nothing was booked")
	require.Equal(t, http.StatusCreated, c.post(accountsPath+"/a/credits", "t", " \t\r\n"+body+"\n").status)
}

// The test changes a sound body at random. If the service accepts the body, the answer says what
// was sent, as another reader of JSON sees it.
func TestBodiesAtRandom(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	parts := []string{
		`"`, `:`, `,`, `{`, `}`, `[`, `]`, `null`, `\u0000`, `\ud800`, "\xff", "\x00", "\ufeff", `"amount":"2.00"`,
		`"Amount":"2.00"`, `"aMOUNT"`, " ", "-", ".",
		"0", "1e3", "\u212a", `\`, "true", `"contra":"x"`, "\n", "/",
	}
	accepted := 0
	for i := range 1_000 {
		transaction := fmt.Sprint("t-", i)
		body := postBody(transaction, "1.00")
		for range random.IntN(3) {
			at, part := random.IntN(len(body)+1), parts[random.IntN(len(parts))]
			body = body[:at] + part + body[min(len(body), at+random.IntN(len(part)+1)):]
		}
		r := c.do(http.MethodPost, accountsPath+"/a/credits", body)
		if r.status != http.StatusCreated {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusConflict},
				r.status,
				"%q: %s", body, r.text)
			r.code(t)
			continue
		}
		accepted++
		var said, done map[string]string
		require.NoError(t, json.Unmarshal([]byte(body), &said), "%q", body)
		var p postingBody
		r.as(t, &p)
		done = map[string]string{
			"transactionId": p.TransactionID, "entryType": string(p.EntryType), "currency": string(p.Currency),
			"contra": p.Contra, "amount": said["amount"],
		}
		require.Equal(t, said, done, "%q", body)
		sent, ok := new(big.Rat).SetString(said["amount"])
		require.True(t, ok, "%q", body)
		booked, ok := new(big.Rat).SetString(p.Amount)
		require.True(t, ok, "%q", body)
		require.Zero(t, sent.Cmp(booked), "%q", body)
	}
	require.Positive(t, accepted)
}

// An id that breaks the rules is refused with one code, wherever it stands.
func TestIDsAreCheckedEverywhere(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	long := strings.Repeat("x", ids.MaxLength+1)
	for _, id := range []string{
		"a\x00", "a\nb", "\xff", "/", ".", "..", "...", "a//b", "/a", "a/", "a/b/c", "a b", "a%2Fb", "ü", "\u202ea",
		long,
		"x/..", "a\\b", `a"b`, "a?b", "a#b", "\x7f",
	} {
		text, err := json.Marshal(id)
		require.NoError(t, err)
		in := string(text)
		path := accountsPath + "/" + url.PathEscape(id)
		for name, r := range map[string]reply{
			"GET account":        c.do(http.MethodGet, path, ""),
			"GET balance":        c.do(http.MethodGet, path+"/balance", ""),
			"GET events":         c.do(http.MethodGet, path+"/events", ""),
			"GET posting":        c.do(http.MethodGet, path+"/postings/t", ""),
			"POST credits":       c.post(path+"/credits", "t", postBody("t", "1.00")),
			"POST debits":        c.post(path+"/debits", "t", postBody("t", "1.00")),
			"after":              c.do(http.MethodGet, accountsPath+"?after="+url.QueryEscape(id), ""),
			"transaction's path": c.do(http.MethodGet, accountsPath+"/a/postings/"+url.PathEscape(id), ""),
			"id":                 c.post(accountsPath, "k", strings.Replace(createBody("new"), `"new"`, in, 1)),
			"ownerId":            c.post(accountsPath, "k", strings.Replace(createBody("new"), `"user-1"`, in, 1)),
			"transactionId": c.post(accountsPath+"/a/credits",
				"t", strings.Replace(postBody("t", "1.00"), `"t"`, in, 1)),
			"contra": c.post(accountsPath+"/a/credits", "t",
				strings.Replace(postBody("t", "1.00"), `"bank"`, in, 1)),
		} {
			inPath := strings.Contains(name, "GET") || strings.Contains(name, "POST") || strings.Contains(name, "path")
			if inPath && strings.Trim(id, ".") == "" && len(id) < len("...") { // which a path resolves
				require.Contains(t, []string{"InvalidId", codeNoSuchRoute, codeMethodNotAllowed}, r.code(t), "%s %q",
					name, id)
				continue
			}
			require.Equal(t, http.StatusUnprocessableEntity, r.status, "%s %q: %s", name, id, r.text)
			require.Equal(t, "InvalidId", r.code(t), "%s %q", name, id)
		}
		if !strings.ContainsAny(id, "\x00\n\x7f") { // which no header can have
			r := c.post(accountsPath+"/a/credits", id, postBody("t", "1.00"))
			require.Equal(t, "InvalidId", r.code(t), "%q", id)
		}
	}
	for _, id := range []string{"transit:x", "a/transit:x"} {
		require.Equal(t, "InvalidId", c.post(accountsPath, "k", createBody(id)).code(t))
		require.Equal(t, "InvalidId",
			c.post(accountsPath+"/"+url.PathEscape(id)+"/credits", "t", postBody("t", "1.00")).code(t))
		require.Equal(t, "AccountNotFound", c.do(http.MethodGet, accountsPath+"/"+url.PathEscape(id), "").code(t),
			"it can be asked for")
	}
	require.Equal(t, "InvalidId", c.post(accountsPath+"/a/credits", "transit:x", postBody("t", "1.00")).code(t))
	require.Equal(t, "InvalidId", c.post(accountsPath, "transit:x", createBody("new")).code(t))
	require.Equal(t, "0.00", c.posted("a"))
}

// Every valid id can be reached by HTTP, with its slash percent-encoded.
func TestEveryIDIsReachable(t *testing.T) {
	t.Parallel()
	c := start(t)
	longest := strings.Repeat("l", 60) + "/" + strings.Repeat("n", ids.MaxLength-61)
	for _, id := range []string{"acme/alice", "a:b@c-d_e.f", "..a/b..", "-", longest, "events", "balance/x"} {
		for _, transaction := range []string{"t", "..t", "a@b:c"} {
			path := accountsPath + "/" + url.PathEscape(id)
			created := c.post(accountsPath, "open", createBody(id))
			require.Equal(t, http.StatusCreated, created.status, created.text)
			require.Equal(t, path, created.header.Get("Location"))
			credited := c.post(path+"/credits", transaction, postBody(transaction, "1.00"))
			require.Equal(t, http.StatusCreated, credited.status, credited.text)
			found := c.do(http.MethodGet, credited.header.Get("Location"), "")
			require.Equal(t, http.StatusOK, found.status, found.text)
			require.JSONEq(t, credited.text, found.text)
			for _, more := range []string{"", "/balance", "/events"} {
				r := c.do(http.MethodGet, path+more, "")
				require.Equal(t, http.StatusOK, r.status, r.text)
				require.Contains(t, r.text, map[string]string{"": id, "/balance": id, "/events": transaction}[more])
			}
		}
	}
	require.Equal(t, codeNoPosting, c.do(http.MethodGet, accountsPath+"/events/postings/t-2", "").code(t))
	require.Equal(t, "AccountNotFound", c.do(http.MethodGet, accountsPath+"/nobody/postings/t", "").code(t))
}

// Parameters are exact: any other form is refused. A page beyond the end is empty.
func TestParametersAreExact(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	for i := range 3 {
		require.Equal(t, http.StatusCreated,
			c.post(accountsPath+"/a/credits", fmt.Sprint("t-", i), postBody(fmt.Sprint("t-", i), "1.00")).status)
	}
	const invalid = http.StatusUnprocessableEntity
	for query, want := range map[string]any{
		"": []int64{1, 2, 3, 4}, "after=0": []int64{1, 2, 3, 4}, "after=1&limit=2": []int64{2, 3},
		"limit=1000": []int64{1, 2, 3, 4}, "after=3": []int64{4},
		"after=4": []int64(nil), "after=5": []int64(nil), "after=9223372036854775806": []int64(nil),
		"after=9223372036854775807": []int64(nil),
		"after=9223372036854775808": invalid, "after=99999999999999999999": invalid, "after=": invalid,
		"after":    invalid,
		"after=-1": invalid, "after=-0": invalid,
		"after=%2B1": invalid, "after=+1": invalid, "after=1.0": invalid, "after=1e0": invalid, "after=0x1": invalid,
		"after=01": invalid, "after=1_0": invalid,
		"after=a": invalid, "after=%00": invalid, "after=%D9%A1": invalid, "after=1&after=1": invalid,
		"after=1&after=": invalid, "after=1,2": invalid,
		"limit=": invalid, "limit=0": invalid, "limit=-1": invalid, "limit=1001": invalid, "limit=1&limit=1": invalid,
		"limit=x": invalid, "limit=1%20": invalid,
		"limit=18446744073709551617": invalid, "After=1": invalid, "page=1": invalid, "=1": invalid,
		"after[]=1":         invalid,
		"%61fter=1&after=1": invalid,
		"after=1;limit=1":   http.StatusBadRequest, "after=%": http.StatusBadRequest,
	} {
		r := c.do(http.MethodGet, accountsPath+"/a/events?"+query, "")
		if status, ok := want.(int); ok {
			require.Equal(t, status, r.status, "%s: %s", query, r.text)
			require.Equal(t, map[int]string{invalid: codeInvalid, http.StatusBadRequest: codeMalformed}[status],
				r.code(t),
				query)
			continue
		}
		require.Equal(t, http.StatusOK, r.status, "%s: %s", query, r.text)
		var page eventsBody
		r.as(t, &page)
		var versions []int64
		for _, e := range page.Events {
			versions = append(versions, e.Version)
		}
		require.Equal(t, want, versions, query)
		require.NotNil(t, page.Events)
		require.Equal(t, query == "after=1&limit=2", page.HasMore, query)
		require.Equal(t, page.HasMore, page.Next != 0)
	}
	for _, path := range []string{accountsPath + "/a", accountsPath + "/a/balance", accountsPath + "/a/postings/t-1"} {
		require.Equal(t, codeInvalid, c.do(http.MethodGet, path+"?x=1", "").code(t))
		require.Equal(t, codeInvalid, c.do(http.MethodGet, path+"?=", "").code(t))
	}
	require.Equal(t, codeInvalid, c.post(accountsPath+"?after=b", "k", createBody("b")).code(t))
	require.Contains(t, c.do(http.MethodGet, accountsPath+"/a/events?after=9223372036854775808", "").text,
		"is beyond what can be counted")
	for _, page := range []string{"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"} {
		require.Equal(t, http.StatusOK, c.do(http.MethodGet, page+"?x=1", "").status, "what is no operation under /v1")
	}
}

func TestAccountsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	c := start(t)
	var none accountsBody
	c.do(http.MethodGet, accountsPath, "").as(t, &none)
	require.Equal(t, accountsBody{Accounts: []accountBody{}}, none)
	all := []string{"B", "a", "a-1", "acme/alice", "acme/bob", "b"}
	for _, id := range slices.Backward(all) {
		c.open(id)
	}
	for limit := 1; limit <= len(all)+1; limit++ {
		var found []string
		for after, more := "", true; more; {
			query := "?limit=" + fmt.Sprint(limit)
			if after != "" {
				query += "&after=" + url.QueryEscape(after)
			}
			var page accountsBody
			c.do(http.MethodGet, accountsPath+query, "").as(t, &page)
			for _, a := range page.Accounts {
				found = append(found, a.ID)
			}
			after, more = page.Next, page.HasMore
			require.Equal(t, more, page.Next != "")
		}
		require.Equal(t, all, found, "pages of %d", limit)
	}
	require.Equal(t, codeInvalid, c.do(http.MethodGet, accountsPath+"?limit=0", "").code(t))
	require.Equal(t, "InvalidId", c.do(http.MethodGet, accountsPath+"?after=", "").code(t))
	require.Equal(t, codeInvalid, c.do(http.MethodGet, accountsPath+"?after=a&after=b", "").code(t))
}
