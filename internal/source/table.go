package source

import "strings"

// Table returns the cells of the last table under a heading of a Markdown document,
// without its head. It returns nil if there is none.
func Table(document, heading string) (rows [][]string) {
	_, section, _ := strings.Cut(document, "# "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n#")
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		switch {
		case strings.HasPrefix(line, "|---"):
			rows = nil
		case strings.HasPrefix(line, "|"):
			rows = append(rows, cells)
		}
	}
	return rows
}
