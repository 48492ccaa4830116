package page

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"maps"
	"slices"
)

// inFewColours returns a part of an image in 256 colours, which makes its file a
// quarter as large. They are the most frequent ones; a colour that can hardly be told
// from a more frequent one is left out, since video is full of such.
func inFewColours(from image.Image, part image.Rectangle) image.Image {
	count := map[color.RGBA]int{}
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			count[color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)]++
		}
	}
	mostFirst := func(a, b color.RGBA) int { return cmp.Compare(count[b], count[a]) }
	var taken []color.RGBA
	palette := color.Palette{}
	for _, c := range slices.SortedFunc(maps.Keys(count), mostFirst) {
		if len(palette) < 256 && !slices.ContainsFunc(taken, func(t color.RGBA) bool { return alike(c, t) }) {
			palette, taken = append(palette, c), append(taken, c)
		}
	}
	to := image.NewPaletted(part, palette)
	draw.Draw(to, part, from, part.Min, draw.Src)
	return to
}

func alike(a, b color.RGBA) bool {
	const least = 8 // of a channel's 256 shades
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) < least }
	return near(a.R, b.R) && near(a.G, b.G) && near(a.B, b.B)
}
