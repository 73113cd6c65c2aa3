// Command ingest is the function ingest; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Ingest) }
