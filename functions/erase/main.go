// Command erase is the function erase; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Erase) }
