// Command api is the function api; see package app/api for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/api"
)

func main() { app.Run(api.New) }
