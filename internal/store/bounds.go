package store

// Bounds of what is read whole, in items, each far over what is seen: what has
// more is a fault, or made by somebody to do harm, and an error of kind
// TooLarge is better than a function that runs out of time or memory.
const (
	maxFacts      = 100_000   // of one account, with what it received
	maxThread     = 100_000   // messages, links or askers of one thread
	maxPeriod     = 2_000_000 // activities of a period in a shard
	maxNotes      = 100_000   // of one app: a slot of each instance of intake
	maxReports    = 1_000     // of a workspace
	maxWorkspaces = 100_000
	maxDays       = 100_000    // of a workspace
	maxPartition  = 10_000_000 // items that are walked one by one
	maxMembers    = 2_000      // of a workspace
	maxSources    = 100_000    // of a workspace, or routes of an app
)
