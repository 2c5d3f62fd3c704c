package catalog

// IndexDataset is what the sync calls; Distance is what near names are told by.
var (
	IndexDataset = indexDataset
	Distance     = distance
)
