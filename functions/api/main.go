// Command api is the function api; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.API) }
