// Command report is the function report; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Report) }
