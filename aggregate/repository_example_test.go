package aggregate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// Wallet is the state.
type Wallet struct {
	Open    bool
	Balance int64
}

// WalletOpened and WalletCredited are its events.
type WalletOpened struct{ OwnerID string }

func (WalletOpened) EventType() string { return "WalletOpened" }
func (WalletOpened) Apply(w *Wallet)   { w.Open = true }

type WalletCredited struct{ Amount int64 }

func (WalletCredited) EventType() string { return "WalletCredited" }
func (e WalletCredited) Apply(w *Wallet) { w.Balance += e.Amount }

// open and credit are decisions: functions of the state.
func open(ownerID string) func(Wallet) ([]aggregate.Event[Wallet], error) {
	return func(w Wallet) ([]aggregate.Event[Wallet], error) {
		if w.Open {
			return nil, errors.New("wallet is open already")
		}
		return []aggregate.Event[Wallet]{WalletOpened{OwnerID: ownerID}}, nil
	}
}

func credit(amount int64) func(Wallet) ([]aggregate.Event[Wallet], error) {
	return func(w Wallet) ([]aggregate.Event[Wallet], error) {
		if !w.Open {
			return nil, errors.New("wallet not found")
		}
		return []aggregate.Event[Wallet]{WalletCredited{Amount: amount}}, nil
	}
}

// newWallets returns a repository of wallets over an empty store in memory.
func newWallets(ctx context.Context) (*aggregate.Repository[Wallet], error) {
	store, err := memory.New(memory.Config{Categories: []string{"Wallet"}})
	if err != nil {
		return nil, err
	}
	return aggregate.NewRepository(ctx,
		aggregate.NewType("Wallet", WalletOpened{}, WalletCredited{}), store, jsoncodec.Codec{}, aggregate.Config{})
}

func ExampleNewType() {
	wallets := aggregate.NewType("Wallet", WalletOpened{}, WalletCredited{})
	for _, e := range wallets.Events() {
		fmt.Println(e.Category, e.Name, e.Go)
	}
	fmt.Println(wallets.Err())

	fmt.Println(aggregate.NewType("My wallets", &WalletOpened{}).Err())
	// Output:
	// Wallet WalletCredited aggregate_test.WalletCredited
	// Wallet WalletOpened aggregate_test.WalletOpened
	// <nil>
	// aggregate type "My wallets": category: found "My wallets", expected a letter, then letters, digits, '-' or '_', at most 100
	// event *aggregate_test.WalletOpened is a ptr; an event is a struct, passed by value
}

// An import checks the events that it made before it stores any.
func ExampleType_Check() {
	wallets := aggregate.NewType("Wallet", WalletOpened{})
	err := wallets.Check(WalletOpened{OwnerID: "ada"}, WalletCredited{Amount: 50})
	var unnamed *aggregate.UnnamedEventError
	if errors.As(err, &unnamed) {
		fmt.Println("not listed:", unnamed.Name)
	}
	fmt.Println(err)
	// Output:
	// not listed: WalletCredited
	// event aggregate_test.WalletCredited ("WalletCredited") is not among the events of aggregate type "Wallet": add it to aggregate.NewType, by value
}

// A service that starts gets all mistakes at once.
func ExampleNewRepository() {
	ctx := context.Background()
	_, err := aggregate.NewRepository(ctx,
		aggregate.NewType("Wallet", WalletOpened{}, WalletCredited{}), nil, nil, aggregate.Config{})
	fmt.Println(err)
	// Output:
	// repository of "Wallet": the store is nil; give an eventstore.Store
	// the codec is nil; give a Codec
}

// Update tells what it did. A refusal comes back as it is.
func ExampleRepository_Update() {
	ctx := context.Background()
	wallets, err := newWallets(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = wallets.Update(ctx, "w-1", credit(50))
	fmt.Println("refused:", err)

	_, err = wallets.Update(ctx, "w-1", open("ada"))
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := wallets.Update(ctx, "w-1", func(Wallet) ([]aggregate.Event[Wallet], error) {
		return []aggregate.Event[Wallet]{WalletCredited{Amount: 50}, WalletCredited{Amount: 7}}, nil
	})
	fmt.Println("versions", done.First(), "to", done.Last(), err)
	for _, e := range done.Events {
		fmt.Println(e.AggregateVersion, e.Type, e.Events)
	}

	done, err = wallets.Update(ctx, "w-1", func(Wallet) ([]aggregate.Event[Wallet], error) { return nil, nil })
	fmt.Println("nothing to do:", len(done.Events), err)
	// Output:
	// refused: wallet not found
	// versions 2 to 3 <nil>
	// 2 WalletCredited [{50}]
	// 3 WalletCredited [{7}]
	// nothing to do: 0 <nil>
}

// A query that asks a decision need not wait for the brokers.
func ExampleUnconfirmed() {
	ctx := context.Background()
	wallets, err := newWallets(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = wallets.Update(ctx, "w-1", credit(50), aggregate.Unconfirmed())
	fmt.Println(err)
	// Output: wallet not found
}

// Load, Apply and Save are for code that does not decide in a function. It looks after conflicts
// itself.
func ExampleRepository_Save() {
	ctx := context.Background()
	wallets, err := newWallets(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	wallet, err := wallets.Load(ctx, "w-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	stale, err := wallets.Load(ctx, "w-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = errors.Join(wallet.Apply(WalletOpened{OwnerID: "ada"}), stale.Apply(WalletOpened{OwnerID: "bob"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := wallets.Save(ctx, wallet)
	fmt.Println("at version", done.Last(), err)
	_, err = wallets.Save(ctx, stale)
	fmt.Println(errors.Is(err, eventstore.ErrConflict), err)
	// Output:
	// at version 1 <nil>
	// true save Wallet/w-1: stream Wallet/w-1 is at version 1, expected 0: load it again and decide anew
}

// A history has the events of one aggregate, decoded. Its stream has the same events as they are
// stored.
func ExampleRepository_History() {
	ctx := context.Background()
	store, err := memory.New(memory.Config{Categories: []string{"Wallet"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	wallets, err := aggregate.NewRepository(ctx,
		aggregate.NewType("Wallet", WalletOpened{}, WalletCredited{}), store, jsoncodec.Codec{}, aggregate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, decide := range []func(Wallet) ([]aggregate.Event[Wallet], error){open("ada"), credit(50)} {
		if _, err := wallets.Update(ctx, "w-1", decide); err != nil {
			fmt.Println(err)
			return
		}
	}
	for e, err := range wallets.History(ctx, "w-1", 1) {
		fmt.Println(e.AggregateVersion, e.Type, e.Events, err)
	}
	for r, err := range store.ReadStream(ctx, wallets.Stream("w-1"), 2) {
		fmt.Println(r.AggregateVersion, r.Type, string(r.Value), err)
	}
	// Output:
	// 1 WalletOpened [{ada}] <nil>
	// 2 WalletCredited [{50}] <nil>
	// 2 WalletCredited {"Amount":50} <nil>
}

// A projection keeps a cursor beside its data, and reads on behind it.
func ExampleRepository_Events() {
	ctx := context.Background()
	wallets, err := newWallets(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	total, cursor := int64(0), make(eventstore.Cursor)
	project := func() {
		for stored, err := range wallets.Events(ctx, eventstore.After(cursor)) {
			if err != nil {
				fmt.Println(err)
				return
			}
			for _, e := range stored.Events {
				if e, ok := e.(WalletCredited); ok {
					total += e.Amount
				}
			}
			cursor.Advance(stored.Position)
		}
		fmt.Println("total", total)
	}
	for _, id := range []string{"w-1", "w-2"} {
		_, err := wallets.Update(ctx, id, func(Wallet) ([]aggregate.Event[Wallet], error) {
			return []aggregate.Event[Wallet]{WalletOpened{OwnerID: "ada"}, WalletCredited{Amount: 50}}, nil
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		project()
	}
	// Output:
	// total 50
	// total 100
}

// A reader that follows gets what is there, and then what is appended.
func ExampleRepository_Follow() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	wallets, err := newWallets(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	openWallet := func(id string) {
		if _, err := wallets.Update(ctx, id, open("ada")); err != nil {
			fmt.Println(err)
		}
	}
	openWallet("w-1")
	for stored, err := range wallets.Follow(ctx, eventstore.Beginning()) { // waits when it has caught up
		if err != nil {
			fmt.Println(err) // context canceled, here
			return
		}
		fmt.Println(stored.AggregateID, stored.Type)
		if stored.AggregateID == "w-1" {
			openWallet("w-2")
		} else {
			cancel()
		}
	}
	// Output:
	// w-1 WalletOpened
	// w-2 WalletOpened
	// follow Wallet: context canceled
}

// A store's subscription hands records to a function such as the one that Handler returns.
func ExampleRepository_Handler() {
	ctx := context.Background()
	wallets, err := newWallets(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := wallets.Handler(func(_ context.Context, e event.Stored[aggregate.Event[Wallet]]) error {
		fmt.Println(e.AggregateID, e.Type, e.Events)
		return nil
	})
	err = handle(ctx, eventstore.Record{
		Header: event.Header{Category: "Wallet", AggregateID: "w-1", Type: "WalletCredited", Revision: 1},
		Value:  []byte(`{"Amount":50}`),
	})
	fmt.Println(err)
	err = handle(ctx, eventstore.Record{
		Header: event.Header{Category: "Wallet", AggregateID: "w-1", Type: "WalletSold", Revision: 1},
		Value:  []byte(`{}`),
	})
	fmt.Println(errors.Is(err, eventstore.ErrUnknownEvent))
	// Output:
	// w-1 WalletCredited [{50}]
	// <nil>
	// true
}

// A Root is an aggregate without a store. Code that keeps the events elsewhere calls Commit once
// they are stored.
func ExampleRoot_Apply() {
	wallet := aggregate.NewType("Wallet", WalletOpened{}, WalletCredited{}).
		FromEvents("w-1", WalletOpened{OwnerID: "ada"})
	if err := wallet.Apply(WalletCredited{Amount: 50}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(wallet.ID(), "has", wallet.State().Balance, "at version", wallet.Version())
	fmt.Println("not stored:", wallet.Uncommitted())
	wallet.Commit()
	fmt.Println("not stored:", wallet.Uncommitted())
	// Output:
	// w-1 has 50 at version 2
	// not stored: [{50}]
	// not stored: []
}

// The fields of an event mean something else now. Its old shape stays, privately, with the events
// that it is in today's terms.
func ExampleUpcast() {
	type creditedV1 struct{ Dollars int64 } // revision 2 counts cents
	wallets := aggregate.NewType("Wallet", WalletOpened{}, WalletCredited{}).Upcasting(
		aggregate.Upcast("WalletCredited", 1, func(old creditedV1) []aggregate.Event[Wallet] {
			return []aggregate.Event[Wallet]{WalletCredited{Amount: 100 * old.Dollars}}
		}))
	for _, t := range wallets.Stored() {
		fmt.Println(t.Name, t.Revision)
	}
	// Output:
	// WalletCredited 0
	// WalletOpened 0
	// WalletCredited 1
}

// The amount was in dollars, and then in cents under another name. Each step knows the next one.
func ExampleBefore() {
	type (
		creditedV1 struct{ Dollars int64 }
		creditedV2 struct{ Cents int64 }
	)
	v2 := aggregate.Upcast("WalletCredited", 2, func(old creditedV2) []aggregate.Event[Wallet] {
		return []aggregate.Event[Wallet]{WalletCredited{Amount: old.Cents}}
	})
	v1 := aggregate.Before(v2, 1, func(old creditedV1) []creditedV2 {
		return []creditedV2{{Cents: 100 * old.Dollars}}
	})
	wallets := aggregate.NewType("Wallet", WalletOpened{}, WalletCredited{}).Upcasting(v1)
	fmt.Println(wallets.Err())
	for _, t := range wallets.Stored() {
		fmt.Println(t.Name, t.Revision)
	}
	// Output:
	// <nil>
	// WalletCredited 0
	// WalletOpened 0
	// WalletCredited 1
	// WalletCredited 2
}
