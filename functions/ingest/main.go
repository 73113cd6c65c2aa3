// Command ingest is the function ingest; see package app/ingest for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/ingest"
)

func main() { app.Run(ingest.New) }
