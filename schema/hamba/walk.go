package hamba

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/hamba/avro/v2"
)

// Bounds of what a value may claim.
const (
	// maxDepth is how deep records, unions, arrays and maps may lie within one another.
	maxDepth = 1000
	// maxEmptyItems is how many array items that take no bytes a value may have in all.
	maxEmptyItems = 4096
	// maxSchemaDepth is how deep a schema may be.
	maxSchemaDepth = 1000
)

// shape is how the values of a schema lie in bytes.
type shape struct {
	kind  avro.Type
	least int      // bytes of the smallest value
	size  int      // of a fixed
	count int      // symbols of an enum
	parts []*shape // fields, branches, or the one item or value
}

var (
	errShort  = errors.New("the value ends too early")
	errVarint = errors.New("a number is longer than its type allows")
	errDeep   = fmt.Errorf("the value is more than %d levels deep", maxDepth)
	errEmpty  = fmt.Errorf("the value has more than %d array items that take no bytes", maxEmptyItems)
)

// newShape returns the shape of values of s, and whether such values can go beyond the bounds.
// Values of most schemas cannot.
func newShape(s avro.Schema) (root *shape, unbounded bool, err error) {
	c := shaper{named: make(map[string]*shape)}
	root, err = c.shape(s, 0)
	if err != nil {
		return nil, false, err
	}
	// Each round finds the least sizes of the types that refer to types of the last round. If a
	// record contains itself through nothing but records, it has no least size. Then its size stops
	// growing at the limit.
	for range maxSchemaDepth {
		if !c.measure() {
			break
		}
	}
	unbounded = recursive(s) != "" || slices.ContainsFunc(c.all, func(n *shape) bool {
		return n.kind == avro.Array && n.parts[0].least == 0
	})
	return root, unbounded, nil
}

type shaper struct {
	named map[string]*shape
	all   []*shape
}

func (c *shaper) shape(s avro.Schema, depth int) (*shape, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("the schema is more than %d levels deep", maxSchemaDepth)
	}
	if ref, ok := s.(*avro.RefSchema); ok {
		return c.named[ref.Schema().FullName()], nil
	}
	n := &shape{kind: s.Type()}
	c.all = append(c.all, n)
	var parts []avro.Schema
	switch s := s.(type) {
	case *avro.RecordSchema:
		n.kind = avro.Record
		c.named[s.FullName()] = n
		for _, f := range s.Fields() {
			parts = append(parts, f.Type())
		}
	case *avro.EnumSchema:
		c.named[s.FullName()] = n
		n.count = len(s.Symbols())
	case *avro.FixedSchema:
		c.named[s.FullName()] = n
		n.size = s.Size()
	case *avro.ArraySchema:
		parts = append(parts, s.Items())
	case *avro.MapSchema:
		parts = append(parts, s.Values())
	case *avro.UnionSchema:
		parts = s.Types()
	}
	for _, part := range parts {
		p, err := c.shape(part, depth+1)
		if err != nil {
			return nil, err
		}
		n.parts = append(n.parts, p)
	}
	return n, nil
}

// measure computes the least sizes from those known, and reports whether any changed.
func (c *shaper) measure() (changed bool) {
	for _, n := range c.all {
		least := n.leastSize()
		changed = changed || least != n.least
		n.least = least
	}
	return changed
}

func (n *shape) leastSize() int {
	const maxLeast = 1 << 20
	switch n.kind {
	case avro.Null:
		return 0
	case avro.Float:
		return binary.Size(float32(0))
	case avro.Double:
		return binary.Size(float64(0))
	case avro.Fixed:
		return n.size
	case avro.Record:
		sum := 0
		for _, p := range n.parts {
			sum = min(sum+p.least, maxLeast)
		}
		return sum
	default: // a number, a length, a count or the index of a branch
		return 1
	}
}

// walk returns what follows the value that src begins with. It allocates nothing but errors, and
// takes time in proportion to src.
func (n *shape) walk(src []byte) (rest []byte, err error) {
	w := walker{src: src, empty: maxEmptyItems}
	if err := w.value(n, 0); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", len(src)-len(w.src), err)
	}
	return w.src, nil
}

type walker struct {
	src   []byte // what is left
	empty int    // how many more items without bytes are allowed
}

func (w *walker) value(n *shape, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	switch n.kind {
	case avro.Null:
		return nil
	case avro.Boolean:
		if len(w.src) > 0 && w.src[0] > 1 {
			return fmt.Errorf("found 0x%02x, expected a boolean, 0 or 1", w.src[0])
		}
		return w.skip(1)
	case avro.Int, avro.Enum:
		return w.integer(n)
	case avro.Long:
		_, err := w.long()
		return err
	case avro.Float, avro.Double, avro.Fixed:
		return w.skip(int64(n.least))
	case avro.String, avro.Bytes:
		length, err := w.long()
		if err != nil {
			return err
		}
		return w.skip(length)
	case avro.Record:
		for _, field := range n.parts {
			if err := w.value(field, depth+1); err != nil {
				return err
			}
		}
		return nil
	case avro.Union:
		i, err := w.long()
		if err != nil {
			return err
		}
		if i < 0 || i >= int64(len(n.parts)) {
			return fmt.Errorf("found branch %d of a union that has %d", i, len(n.parts))
		}
		return w.value(n.parts[i], depth+1)
	case avro.Array, avro.Map:
		return w.blocks(n, depth)
	default:
		return fmt.Errorf("the schema has an unknown type %q", n.kind)
	}
}

func (w *walker) integer(n *shape) error {
	i, err := w.long()
	switch {
	case err != nil:
		return err
	case i < math.MinInt32 || i > math.MaxInt32:
		return fmt.Errorf("found %d, expected 32 bits", i)
	case n.kind == avro.Enum && (i < 0 || i >= int64(n.count)):
		return fmt.Errorf("found symbol %d of an enum that has %d", i, n.count)
	}
	return nil
}

// blocks walks through the items of an array or the entries of a map.
func (w *walker) blocks(n *shape, depth int) error {
	least := n.parts[0].least
	if n.kind == avro.Map {
		least++ // the length of the key
	}
	for {
		count, err := w.long()
		if err != nil || count == 0 {
			return err
		}
		end := -1 // how much must be left after the block, if it says so
		if count < 0 {
			size, err := w.long()
			if err != nil {
				return err
			}
			if size < 0 || size > int64(len(w.src)) || count == math.MinInt64 {
				return fmt.Errorf("found a block of %d bytes where %d are left", size, len(w.src))
			}
			count, end = -count, len(w.src)-int(size)
		}
		if least == 0 { // else the bytes end before a count that is too large does
			if count > int64(w.empty) {
				return errEmpty
			}
			w.empty -= int(count)
		}
		if err := w.items(n, count, depth); err != nil {
			return err
		}
		if end >= 0 && len(w.src) != end {
			return errors.New("a block has another size than it says")
		}
	}
}

func (w *walker) items(n *shape, count int64, depth int) error {
	for range count {
		if n.kind == avro.Map {
			length, err := w.long()
			if err != nil {
				return err
			}
			if err := w.skip(length); err != nil {
				return err
			}
		}
		if err := w.value(n.parts[0], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) skip(n int64) error {
	switch {
	case n < 0:
		return fmt.Errorf("found a length of %d", n)
	case n > int64(len(w.src)):
		return errShort
	}
	w.src = w.src[n:]
	return nil
}

// long reads a number in Avro's zig-zag form, which is that of encoding/binary.
func (w *walker) long() (int64, error) {
	v, n := binary.Varint(w.src)
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, errVarint
	}
	w.src = w.src[n:]
	return v, nil
}
