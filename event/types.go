package event

import (
	"errors"
	"fmt"
	"reflect"
	"sort"
)

// Type ties the durable name of an event type to the Go struct that holds such an event. The name
// is what is stored: the Go type may be renamed and moved at will.
type Type struct {
	Category string       // of the aggregates whose event it is, such as "Account"
	Name     string       // durable name of the event type, unique within the category
	Go       reflect.Type // a struct

	// Revision is 0 if Go has the shape of today. Otherwise it is the schema revision whose shape
	// Go has. Such a type is read, to be upcast, and never written.
	Revision int
}

// Types is an immutable set of event types. A nil *Types is the empty set.
type Types struct {
	byName map[[2]string]Type
	byGo   map[reflect.Type]Type
}

// NewTypes returns the set of the given types. It reports every mistake at once. A mistake is
//   - an empty name;
//   - a Go type that is no struct;
//   - one name for two Go types;
//   - one Go type under two names.
func NewTypes(types ...Type) (*Types, error) {
	s := &Types{byName: make(map[[2]string]Type), byGo: make(map[reflect.Type]Type)}
	var mistakes []error
	for _, t := range types {
		if err := s.add(t); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Types) add(t Type) error {
	switch {
	case t.Go == nil:
		return fmt.Errorf("event type %s.%s: no Go type given; give a struct", t.Category, t.Name)
	case t.Go.Kind() != reflect.Struct:
		return fmt.Errorf("event type %s.%s: %s is a %s; an event is a plain struct, passed by value",
			t.Category, t.Name, t.Go, t.Go.Kind())
	case t.Name == "" || t.Category == "":
		return fmt.Errorf("event type %s: category %q, event type %q: both need a durable name", t.Go, t.Category,
			t.Name)
	}
	if other, ok := s.byName[[2]string{t.Category, t.Name}]; ok {
		return fmt.Errorf("event type %s.%s: the name is given to both %s and %s; names are unique within a category",
			t.Category, t.Name, other.Go, t.Go)
	}
	if other, ok := s.byGo[t.Go]; ok {
		return fmt.Errorf("event type %s: has two names, %s.%s and %s.%s; keep one",
			t.Go, other.Category, other.Name, t.Category, t.Name)
	}
	s.byName[[2]string{t.Category, t.Name}] = t
	s.byGo[t.Go] = t
	return nil
}

// Named returns the type of a category and a durable name, and whether there is one.
func (s *Types) Named(category, name string) (Type, bool) {
	if s == nil {
		return Type{}, false
	}
	t, ok := s.byName[[2]string{category, name}]
	return t, ok
}

// Of returns the type whose Go type is g, and whether there is one.
func (s *Types) Of(g reflect.Type) (Type, bool) {
	if s == nil {
		return Type{}, false
	}
	t, ok := s.byGo[g]
	return t, ok
}

// All returns the types, by category and name.
func (s *Types) All() []Type {
	if s == nil {
		return nil
	}
	all := make([]Type, 0, len(s.byName))
	for _, t := range s.byName {
		all = append(all, t)
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Category != all[j].Category {
			return all[i].Category < all[j].Category
		}
		return all[i].Name < all[j].Name
	})
	return all
}
