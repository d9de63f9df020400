package digest

// Limits of what one digest counts. The rest waits for the next.
const (
	// maxMembers and maxMemberBytes bound a claim, which names each of its entries: a record has 400 KB at most.
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
	maxMembers     = 1000
	maxMemberBytes = 200_000
	// maxLineBytes bounds the texts of the message's lines. The moments of its events, and the newest of them, need less than
	// 100 KB beside them, and a message has queue.MaxMessageBytes at most.
	maxLineBytes = 600_000
)

// load is how much a digest counts so far.
type load struct {
	members, memberBytes, lineBytes int
	lines                           map[lineKey]bool
}

func (l *load) isFull() bool {
	return l.members >= maxMembers || l.memberBytes >= maxMemberBytes || l.lineBytes >= maxLineBytes
}

func (l *load) add(counted entryRecord) {
	l.members++
	l.memberBytes += memberOf(counted.Key).size()
	line := counted.Value.lineKey()
	if l.lines[line] {
		return
	}
	if l.lines == nil {
		l.lines = map[lineKey]bool{}
	}
	l.lines[line] = true
	seen := sightingOf(counted)
	l.lineBytes += len(seen.Partition) + encodedSize(seen.Type) + encodedSize(seen.EventID) + encodedSize(seen.FoundBy)
}

// encodedSize is how many bytes a text has at most in a message, which is JSON in printable ASCII: two escapes of six bytes for
// what is beyond it.
func encodedSize(text string) int {
	size := 0
	for _, r := range text {
		switch {
		case r < ' ' || r > '~' || r == '<' || r == '>' || r == '&' || r == '"' || r == '\\':
			size += 12
		default:
			size++
		}
	}
	return size
}
