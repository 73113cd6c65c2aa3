package main

import (
	"errors"
	"fmt"
	"io"
)

func runMutants(w io.Writer, only []string) error { return errors.New(fmt.Sprint(only)) }
