package topics

// MaxNameBytes bounds each name of a configuration. With a category it makes a topic's name, which
// Kafka bounds by 249 bytes.
const MaxNameBytes = 100

// LegalNames says for people which names are [Legal].
const LegalNames = "at most 100 letters, digits, dots, underscores and dashes"

// Legal reports whether Kafka takes the name for a topic, for the beginning of one, or for a
// client.
func Legal(name string) bool {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
		default:
			return false
		}
	}
	return len(name) <= MaxNameBytes
}
