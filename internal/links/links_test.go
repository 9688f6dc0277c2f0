package links_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/links"
)

const document = `# The *title*, with ` + "`code`" + `: part 2

See [a page](docs/a.md#part), ` + "`[no](link)`" + ` and [` +
	"`TestThis`, `TestThat`" + `](a_test.go), or ` + "`TestOther`" + `.
Elsewhere: [a site](https://example.com).

<!-- from a_test.go -->
` + "```go" + `
a := b[0](c)
` + "```" + `

` + "```go" + `
nowhere()
` + "```" + `

## Second
`

func TestLinksOfADocument(t *testing.T) {
	t.Parallel()
	found := links.Links([]byte(document))
	require.Equal(t, []links.Link{
		{Line: 3, Text: "a page", Target: "docs/a.md#part"},
		{Line: 3, Text: "`TestThis`, `TestThat`", Target: "a_test.go"},
		{Line: 4, Text: "a site", Target: "https://example.com"},
	}, found)
	path, anchor := found[0].Path()
	require.Equal(t, []string{"docs/a.md", "part"}, []string{path, anchor})
	require.Equal(t, []string{"TestThis", "TestThat"}, found[1].Tests())
	require.True(t, found[0].Relative())
	require.False(t, found[2].Relative())
}

func TestAnchorsOfADocument(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string]bool{"the-title-with-code-part-2": true, "second": true},
		links.Anchors([]byte(document)))
}

func TestTestsOutsideOfLinks(t *testing.T) {
	t.Parallel()
	require.Equal(t, []links.Test{{Line: 3, Name: "TestOther"}}, links.Tests([]byte(document)))
}

func TestSnippetsOfADocument(t *testing.T) {
	t.Parallel()
	require.Equal(t, []links.Snippet{
		{Line: 7, From: "a_test.go", Code: "a := b[0](c)\n"},
		{Line: 11, Code: "nowhere()\n"},
	}, links.Snippets([]byte(document)))
}
