// Command score is the function score; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Score) }
