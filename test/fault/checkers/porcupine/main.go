// Reads one history of a register per line and says of each, in a line of its own, whether
// porcupine (github.com/anishathalye/porcupine) finds it linearizable: true, false or unknown.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	lineBytesMax = 16 * 1024 * 1024
	searchBound  = 60 * time.Second
)

type operation struct {
	Client   int     `json:"client"`
	Name     string  `json:"name"`
	Expected *int    `json:"expected"`
	Value    int     `json:"value"`
	Read     *int    `json:"read"`
	Swapped  bool    `json:"swapped"`
	Unknown  bool    `json:"unknown"`
	Start    float64 `json:"start"`
	End      float64 `json:"end"`
}

func same(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func step(state, input, _ any) (bool, any) {
	value, _ := state.(*int)
	one := input.(operation)
	switch one.Name {
	case "read":
		return same(one.Read, value), value
	case "write":
		return true, &one.Value
	default:
		hits := same(one.Expected, value)
		if !one.Unknown && one.Swapped != hits {
			return false, value
		}
		if hits {
			return true, &one.Value
		}
		return true, value
	}
}

var register = porcupine.Model{
	Init: func() any { return (*int)(nil) },
	Step: step,
	Equal: func(a, b any) bool {
		left, _ := a.(*int)
		right, _ := b.(*int)
		return same(left, right)
	},
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineBytesMax)
	for lines.Scan() {
		var history []operation
		if err := json.Unmarshal(lines.Bytes(), &history); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		operations := make([]porcupine.Operation, 0, len(history))
		for _, one := range history {
			end := int64(math.MaxInt64)
			if !one.Unknown {
				end = int64(one.End * 1e6)
			}
			operations = append(operations, porcupine.Operation{
				ClientId: one.Client, Input: one, Call: int64(one.Start * 1e6), Return: end,
			})
		}
		switch porcupine.CheckOperationsTimeout(register, operations, searchBound) {
		case porcupine.Ok:
			fmt.Println("true")
		case porcupine.Illegal:
			fmt.Println("false")
		default:
			fmt.Println("unknown")
		}
	}
}
