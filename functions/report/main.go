// Command report is the function report; see package app/report for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/report"
)

func main() { app.Run(report.New) }
