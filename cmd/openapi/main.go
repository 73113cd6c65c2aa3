// Command openapi writes the API's description to openapi.yaml, in the
// directory it is run in: the root of the repository.
package main

import (
	"fmt"
	"os"

	"rapport/internal/api"
)

func main() {
	b, err := api.Description()
	if err == nil {
		err = os.WriteFile("openapi.yaml", b, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
