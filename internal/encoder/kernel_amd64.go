package encoder

import "golang.org/x/sys/cpu"

//go:noescape
func linesAVX2(k int, a *[6]*float32, b *float32, c *[6][16]float32)

func fastest() lines {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		return linesAVX2
	}
	return linesGo
}
