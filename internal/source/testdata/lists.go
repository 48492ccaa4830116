// Package lists is read by the tests of package source.
package lists

type Word string

const First Word = "first"

var words = []Word{First, "second"}

type End struct{ Code int }

var good = &End{Code: 1}

func bad() *End { return &End{Code: 2} }

type Animal interface{ Eat(food any) }

type Dog struct{}

type Meat struct{}

type Bone struct{}

func (Dog) Eat(food any) {
	if _, ok := food.(Meat); !ok {
		chew(food)
	}
}

func chew(food any) {
	switch food.(type) {
	case Bone:
	}
}
