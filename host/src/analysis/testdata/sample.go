// Copyright.

// Package shop sells.
package shop

import "fmt"
import (
	web "net/http"
	"github.com/x/yaml/v2"
	_ "embed"
)

// Cart holds items.
// In order.
type Cart struct {
	items []Item
	*sync.Mutex
	Base
	a, b int
}

type (
	// Store keeps.
	Store interface {
		io.Reader
		// Get gets.
		Get(id int, keys ...string) (Item, error)
	}
	Price int
	Alias = Price
)

// Total sums.
func (c *Cart) Total(from, to int, opts ...Option) (sum int) {
	for _, i := range c.items {
		if i.ok && c.isOpen() || false {
			sum += yaml.Parse(i.price)
		}
	}
	switch sum {
	case 1, 2:
	default:
	}
	select {
	case <-done:
	}
	defer func() { recover() }()
	return fmt.Sprint(Item{Name: "x"}, &web.Client{}, []int{1})
}

func (List[T]) Len() int { panic("not implemented") }

func New[T any](string) *Cart { return new(Cart) }

var handler = func(w web.ResponseWriter) {}
